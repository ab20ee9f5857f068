use super::*;

fn template(source: &str) -> Result<ChatTemplate, ModelError> {
    on(source, TemplateDate::default())
}

fn on(source: &str, date: TemplateDate) -> Result<ChatTemplate, ModelError> {
    let tokens = BTreeMap::from([("bos_token".to_owned(), "<s>".to_owned()), ("eos_token".to_owned(), "</s>".to_owned())]);
    ChatTemplate::parse(source.to_owned(), "chat_template.jinja", "model/chat_template.jinja".into(), tokens, date)
}

fn render(source: &str) -> String {
    template(source).unwrap().render("Which?", " love ").unwrap()
}

fn failure(source: &str) -> String {
    match template(source) {
        Ok(template) => template.render("Which?", "love").unwrap_err().to_string(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn what_templates_use_means_what_it_means_in_python() {
    for (source, expected) in [
        (
            "{{ bos_token }}{% for m in messages %}[{{ m['role'] }}]{{ m.content | trim }}{% endfor %}",
            "<s>[user]Which?[assistant]love",
        ),
        // trim_blocks takes the newline after a block, lstrip_blocks the white space before it.
        ("{% for m in messages %}\n    {% if true %}\n{{ m.role }}\n    {% endif %}\n{% endfor %}\n", "user\nassistant\n"),
        ("{{ messages[1:][0]['content'].strip().upper() }}", "LOVE"),
        ("{{ messages[-1].content.split(' ') | length }}", "3"),
        ("{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = ns.n + 1 %}{% endfor %}{{ ns.n }}", "2"),
        ("{% for m in messages %}{% if loop.index0 == 1 %}{% break %}{% endif %}{{ m.role }}{% endfor %}", "user"),
        ("{% if tools is not none or documents is not none or add_generation_prompt %}no{% endif %}{{ unk_token }}", ""),
        (
            "{{ strftime_now('%d %b %Y') }}|{{ strftime_now('%Y-%m-%d') }}|{{ strftime_now('%A, %B %-d') }}",
            "26 Jul 2024|2024-07-26|Friday, July 26",
        ),
        ("{{ messages[0] | tojson }}", r#"{"role": "user", "content": "Which?"}"#),
        ("{{ \"<'&é>\" | tojson }}", "\"<'&é>\""),
        ("{{ [1, 'a'] | tojson(indent=2) }}", "[\n  1,\n  \"a\"\n]"),
        ("a {%- generation -%} b {%- endgeneration -%} c", "abc"),
        ("{% generation %}\n{{ messages[1].content }}{% endgeneration %}", " love "),
        ("{% macro say(x) %}<{{ x }}>{% endmacro %}{{ say('y') }}{{ 'generation' }}", "<y>generation"),
        ("{% if not date_string is defined %}{% set date_string = '26 Jul 2024' %}{% endif %}{{ date_string }}", "26 Jul 2024"),
    ] {
        assert_eq!(render(source), expected, "{source}");
    }
}

#[test]
fn the_date_stands_in_the_provenance_of_templates_that_ask_for_it() {
    assert_eq!(template("{{ strftime_now('%d') }}").unwrap().describe(), "chat_template.jinja, 26 Jul 2024");
    assert_eq!(template("x").unwrap().describe(), "chat_template.jinja");
}

#[test]
fn another_date_reaches_the_templates_that_take_one() {
    let date: TemplateDate = "2026-11-23".parse().unwrap();
    let llama31 = "{% if not date_string is defined %}{% set date_string = '26 Jul 2024' %}{% endif %}{{ date_string }}";
    for (source, expected) in [("{{ strftime_now('%d %b %Y') }}", "23 Nov 2026"), (llama31, "23 Nov 2026")] {
        let template = on(source, date).unwrap();
        assert_eq!(template.render("Which?", "love").unwrap(), expected);
        assert_eq!(template.describe(), "chat_template.jinja, 23 Nov 2026");
    }
    let undated = on("x", date).unwrap();
    assert!(!undated.is_dated() && undated.describe() == "chat_template.jinja");
}

#[test]
fn a_template_that_fails_says_file_line_and_reason() {
    for (source, expected) in [
        ("a\n{% if %}", "does not parse: syntax error"),
        ("a\n{% if %}", "line 2 of the template"),
        ("{% for m in messages %}", "does not parse"),
        ("{{ raise_exception('System role not supported') }}", "System role not supported"),
        ("{{ nothing.at.all }}", "undefined"),
        ("{{ strftime_now('%Q') }}", "%Q"),
    ] {
        let message = failure(source);
        assert!(message.contains(expected) && message.contains("chat_template.jinja"), "{source}: {message}");
    }
}

#[test]
fn no_template_runs_or_grows_without_bound() {
    let nested = "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}";
    let doubling = "{% set ns = namespace(s='xxxxxxxx') %}{% for i in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}";
    let product = "{{ 'x' * 100000000000 }}";
    let recursive = "{% macro again() %}{{ again() }}{% endmacro %}{{ again() }}";
    for source in [nested, doubling, product] {
        let message = failure(source);
        assert!(message.contains("does not come to an end"), "{source}: {message}");
    }
    assert!(failure(recursive).contains("fails on this conversation"));
}

#[test]
fn named_templates_are_read_as_a_list_or_a_dict_and_a_single_one_is_the_default() {
    let of = |value: serde_json::Value| serde_json::Map::from_iter([("chat_template".to_owned(), value)]);
    let list = of(serde_json::json!([{"name": "tool_use", "template": "no"}, {"name": "default", "template": "yes"}]));
    assert_eq!(named(&list), [("tool_use", "no"), ("default", "yes")]);
    assert_eq!(named(&of(serde_json::json!({"default": "yes", "rag": "no"}))), [("default", "yes"), ("rag", "no")]);
    assert_eq!(named(&of(serde_json::json!("plain"))), [("default", "plain")]);
    assert_eq!(named(&of(serde_json::json!(null))), []);
}

/// Written by `tests/fixtures/make_template_expressions.py`.
#[derive(serde::Deserialize)]
struct Expressions {
    /// Templates, and what Python's Jinja writes for them; nothing where it fails.
    equal: Vec<(String, Option<String>)>,
    /// Templates that Python renders, and the name of what this program does not know in each.
    unknown: Vec<(String, String)>,
}

fn expressions() -> Expressions {
    serde_json::from_str(include_str!("../../../../tests/fixtures/template_expressions.json")).unwrap()
}

#[test]
fn expressions_give_what_jinja2_gives() {
    let mut wrong = Vec::new();
    for (source, expected) in expressions().equal {
        let found = template(&source).and_then(|template| template.render("Which?", " love "));
        if found.as_ref().ok() != expected.as_ref() {
            wrong.push(format!("{source}\n  expected {expected:?}\n  found    {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn what_this_program_does_not_know_is_named_and_no_fault_of_the_file() {
    for (source, name) in expressions().unknown {
        let message = failure(&source);
        assert!(message.contains("this program does not know") && message.contains(&name), "{source}: {message}");
        assert!(!message.contains("Correct"), "{message}");
    }
}
