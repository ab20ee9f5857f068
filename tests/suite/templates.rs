//! Chat templates by strangers: what they ask for beyond their due ends them, and nothing else.
//!
//! They are rendered as the program does it: in a process of its own.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::Duration;

use crate::support::pty::{CTRL_C, Launch};
use rewardscope::model::format::files::Files;
use rewardscope::model::text::template;
use rewardscope::model::text::template::ChatTemplate;
use rewardscope::model::{Cancel, LoadOptions, ModelError};

/// Long after every limit. A template that is not done by then hangs.
const HANG: Duration = Duration::from_secs(60);
/// Bytes that whatever renders may have had in memory at once: its limit, and what the program itself takes.
const MOST_MEMORY: u64 = 512 << 20;

fn load(source: &str) -> Result<ChatTemplate, ModelError> {
    template::use_program(env!("CARGO_BIN_EXE_rewardscope"));
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("chat_template.jinja"), source).expect("a file");
    let tokens = BTreeMap::from([("bos_token".to_owned(), "<s>".to_owned())]);
    let files = Files::Directory(folder.path().to_owned());
    let template = ChatTemplate::load(&files, &serde_json::Map::new(), tokens, &LoadOptions::default())?;
    Ok(template.expect("it is there"))
}

/// The texts of two conversations, or the first thing that went wrong.
fn render(source: &str) -> Result<Vec<String>, ModelError> {
    let texts = load(source)?.render_all("Which?", &["love", "war"], &Cancel::default())?;
    texts.into_iter().collect()
}

fn failure(source: &str) -> String {
    match render(source) {
        Ok(_) => panic!("it renders: {}", source.get(..80).unwrap_or(source)),
        Err(error) => error.to_string(),
    }
}

/// `{{ expression }}`, nested in itself by `open` and `close`.
fn nested(open: &str, inside: &str, close: &str, times: usize) -> String {
    format!("{{{{ {}{inside}{} }}}}", open.repeat(times), close.repeat(times))
}

fn blocks(open: &str, close: &str, times: usize) -> String {
    format!("{}x{}", open.repeat(times), close.repeat(times))
}

/// A value that is built by a loop, and what is done with it then.
fn grown(start: &str, step: &str, times: u64, then: &str) -> String {
    format!("{{% set n = namespace(v={start}) %}}{{% for i in range({times}) %}}{{% set n.v = {step} %}}{{% endfor %}}{then}")
}

/// Name and source of each hostile template.
fn hostile() -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = Vec::new();
    let mut add = |name: String, source: String| all.push((name, source));

    // Values that hold themselves.
    for (at, use_it) in [
        "{{ n }}",
        "{{ n == n }}",
        "{{ n | tojson }}",
        "{{ n | string | length }}",
        "{{ n ~ n }}",
        "{{ [n, n] | sort }}",
        "{{ n < n }}",
        "{{ [n, n] | unique | list }}",
        "{{ n | pprint }}",
        "{{ [n] | join }}",
        "{{ n in [n] }}",
        "{{ '%s' % n }}",
        "{{ '{}'.format(n) }}",
        "{{ {n: 1} }}",
        "{{ n | tojson(indent=2) }}",
        "{{ n | items | list }}",
        "{{ n | dictsort }}",
        "{{ debug() }}",
        "{{ [n, n] | groupby('a') }}",
        "{{ [n, n] | max }}",
        "{{ n.nothing.at.all }}",
        "{{ raise_exception(n) }}",
        "{{ n | urlencode }}",
    ]
    .iter()
    .enumerate()
    {
        add(format!("itself {at}: {use_it}"), format!("{{% set n = namespace() %}}{{% set n.a = n %}}{use_it}"));
        add(format!("itself in a list {at}"), format!("{{% set n = namespace() %}}{{% set n.a = [{{'b': n}}] %}}{use_it}"));
    }
    add(
        "two that hold each other".into(),
        "{% set a=namespace() %}{% set b=namespace() %}{% set a.b=b %}{% set b.a=a %}{{ a == b }}".into(),
    );

    // Nesting in the text.
    for times in [4_800, 40_000, 95_000] {
        for (open, inside, close) in [
            ("-", "1", ""),
            ("- ", "1", ""),
            ("not ", "1", ""),
            ("(", "1", ")"),
            ("[", "1", "]"),
            ("{1:", "1", "}"),
            ("a(", "1", ")"),
            ("a[", "1", "]"),
            ("", "a", ".a"),
            ("", "a", "[0]"),
            ("", "a", "()"),
            ("", "a", "|upper"),
            ("", "a", " is none"),
            ("", "1", "+1"),
            ("", "1", "*1"),
            ("", "2", "**1"),
            ("", "1", "~1"),
            ("", "1", " and 1"),
            ("", "1", " or 1"),
            ("", "1", "==1"),
            ("", "1", " in 1"),
            ("", "1", " if 1 else 1"),
            ("1 if ", "1", " else 1"),
            ("", "1", "//1"),
            ("", "a", "[1:]"),
            ("", "1", ",1"),
        ] {
            add(format!("{times} times {open}{inside}{close}"), nested(open, inside, close, times));
        }
    }
    for times in [1_700, 20_000] {
        for (open, close) in [
            ("{% if a %}", "{% endif %}"),
            ("{% for a in [1] %}", "{% endfor %}"),
            ("{% if a %}{% else %}", "{% endif %}"),
            ("{% set a %}", "{% endset %}"),
            ("{% filter upper %}", "{% endfilter %}"),
            ("{% macro a() %}", "{% endmacro %}"),
            ("{% with a = 1 %}", "{% endwith %}"),
            ("{% call a() %}", "{% endcall %}"),
            ("{% block a %}", "{% endblock %}"),
            ("{% autoescape true %}", "{% endautoescape %}"),
            ("{% generation %}", "{% endgeneration %}"),
            ("{% raw %}", "{% endraw %}"),
        ] {
            add(format!("{times} times {open}"), blocks(open, close, times));
        }
        add(format!("{times} times elif"), format!("{{% if a %}}{}{{% endif %}}", "{% elif a %}".repeat(times)));
    }

    // Values nested by loops.
    for times in [9_500, 100_000] {
        for step in [
            "[n.v]",
            "{'a': n.v}",
            "[n.v, n.v]",
            "(n.v,)",
            "namespace(a=n.v)",
            "n.v + [n.v]",
            "n.v | list + [1]",
            "[n.v] | map('upper')",
        ] {
            for then in ["{{ n.v }}", "{{ n.v == n.v }}", "{{ n.v | tojson }}", "x"] {
                add(format!("{times} times {step} then {then}"), grown("[]", step, times, then));
            }
        }
    }

    // Memory.
    for size in ["1000000000", "100000000000", "10**12", "9223372036854775807"] {
        for expression in [
            "'{{:SIZE}}'.format(1)",
            "'{{:>SIZE}}'.format('a')",
            "'{{:0SIZE}}'.format(1)",
            "'{{:.SIZEf}}'.format(1.5)",
            "'%SIZEd' % 1",
            "'%.SIZEf' % 1.5",
            "'%*d' % (SIZE, 1)",
            "'a' * (SIZE)",
            "[1] * (SIZE)",
            "(1,) * (SIZE)",
            "'a' | indent(SIZE)",
            "'a' | center(SIZE)",
            "'a'.center(SIZE)",
            "'a'.ljust(SIZE)",
            "'a'.rjust(SIZE)",
            "'a'.zfill(SIZE)",
            "'a'.expandtabs(SIZE)",
            "range(SIZE) | list",
            "range(SIZE) | join",
            "range(SIZE) | sort",
            "range(SIZE) | sum",
            "range(SIZE) | reverse | list",
            "range(SIZE) | length",
            "range(SIZE) | last",
            "range(SIZE) | batch(2) | list",
            "[1] | slice(SIZE) | list",
            "[1] | batch(SIZE, 1) | list",
            "'a' | wordwrap(SIZE)",
            "'a b' | truncate(SIZE)",
            "[1] | tojson(indent=SIZE)",
            "lipsum(SIZE)",
            "1.5 | round(SIZE)",
            "'%SIZEs' | format('a')",
            "range(SIZE) | map('string') | list",
            "2 ** (SIZE)",
            "range(0, SIZE, 1)[:SIZE] | list",
            "SIZE in range(SIZE)",
        ] {
            let source = format!("{{{{ {} }}}}", expression.replace("{{", "{").replace("}}", "}").replace("SIZE", size));
            add(source.clone(), source);
        }
    }
    for (start, step) in [
        ("'xxxxxxxx'", "n.v ~ n.v"),
        ("'xxxxxxxx'", "n.v + n.v"),
        ("[1]", "n.v + n.v"),
        ("'a'", "n.v | replace('a', 'aaaaaaaaaa')"),
        ("'a'", "n.v.replace('', 'aaaa')"),
        ("'ab'", "[n.v, n.v] | join(n.v)"),
        ("'a'", "n.v | tojson"),
        ("'\"'", "n.v | tojson"),
        ("'&'", "n.v | escape | string | escape | string"),
        ("['a']", "(n.v + n.v) | map('upper') | list"),
        ("'ab'", "n.v | list | join('abc')"),
        ("'%'", "n.v | urlencode"),
        ("{'a': 1}", "{'a': n.v, 'b': n.v}"),
        ("[1]", "[n.v, n.v]"),
        ("'a'", "n.v * 10"),
        ("'a,'", "(n.v * 2).split(',')| join(',,,')"),
        ("'a'", "'{0}{0}{0}'.format(n.v)"),
        ("'a'", "'%s%s%s' | format(n.v, n.v, n.v)"),
        ("'a\\n'", "n.v ~ (n.v | indent(100))"),
    ] {
        for then in ["{{ n.v | length }}", "{{ n.v }}"] {
            add(format!("{step} then {then}"), grown(start, step, 60, then));
        }
    }

    // Time.
    for (start, step) in [
        ("'ab' * 30000000", "{n.v: 1}[n.v] and n.v"),
        ("'ab' * 30000000", "n.v | upper"),
        ("'ab' * 30000000", "n.v == n.v ~ '' and n.v"),
        ("'ab' * 30000000", "n.v | replace('zz', 'z')"),
        ("'ab' * 30000000", "n.v if 'zz' in n.v else n.v"),
        ("'ab' * 30000000", "n.v[::-1]"),
        ("'ab' * 30000000", "n.v.count('aab') and n.v"),
        ("'ab' * 30000000", "n.v.find('bb') and n.v"),
        ("'ab' * 30000000", "n.v | length and n.v"),
        ("'ab' * 30000000", "n.v | title"),
        ("'ab' * 30000000", "n.v.isalnum() and n.v"),
        ("range(90000) | list", "n.v | sort"),
        ("range(90000) | list", "n.v | unique | list"),
        ("range(90000) | list", "n.v | reverse | list"),
        ("range(90000) | list", "n.v if -1 in n.v else n.v"),
        ("range(90000) | list", "n.v if n.v == n.v[::-1] else n.v"),
        ("range(90000) | list", "n.v | map('string') | list"),
        ("range(90000) | list", "n.v if (n.v | groupby('a')) else n.v"),
        ("range(90000) | list", "n.v | sum and n.v"),
        ("[[]] * 1000", "n.v if n.v < n.v else n.v"),
    ] {
        add(format!("80000 times {step}"), grown(start, step, 80_000, "x"));
    }
    for source in [
        "{% set s=\"ab\"*30000000 %}{% for a in range(80000) %}{% set x={s:1}[s] %}{% endfor %}",
        "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
        "{% for a in range(100000) recursive %}{{ loop(range(100000)) }}{% endfor %}",
        "{% macro again() %}{{ again() }}{% endmacro %}{{ again() }}",
        "{% macro again(n) %}{{ again(n + 1) }}{{ again(n + 1) }}{% endmacro %}{{ again(0) }}",
        "{% macro a() %}{% call a() %}{{ caller() }}{% endcall %}{% endmacro %}{% call a() %}x{% endcall %}",
        "{% set again %}{{ again }}{% endset %}{{ again * 100000000 }}",
        "{% include 'chat' %}",
        "{% extends 'chat' %}",
        "{% import 'chat' as c %}{{ c }}",
        "{% from 'chat' import x %}{{ x }}",
        "{% for i in range(40) %}{% include 'chat' %}{% endfor %}",
        "{{ strftime_now('%Y' * 10000000) }}",
        "{{ strftime_now('%1000000000Y') }}",
        "{{ strftime_now('%' * 10000001) }}",
        "{{ raise_exception('a' * 100000000) }}",
        "{{ ('a' * 100000000).split('a') | length }}",
        "{{ ('a' * 50000000) | list | length }}",
        "{{ ('a ' * 50000000) | title | length }}",
        "{{ ('a' * 90000000)[::-1] | upper | lower | trim | length }}",
        "{{ '\u{0}' * 1000000 }}",
        "{{ ('ẞ' * 30000000) | lower | upper | length }}",
        "{{ ('\u{1b}[2J') * 1000000 }}",
    ] {
        add(source.to_owned(), source.to_owned());
    }

    // Size.
    add("a megabyte of text".into(), "x".repeat((1 << 20) - 1));
    add("a megabyte of tags".into(), "{{a}}".repeat((1 << 20) / 5));
    add("a megabyte of comments".into(), "{#".repeat(1 << 19));
    add("a megabyte of open tags".into(), "{{".repeat(1 << 19));
    add("a megabyte of quotes".into(), format!("{{{{ {} }}}}", "'".repeat(1 << 19)));
    all
}

#[test]
fn hostile_templates_end_within_their_limits_and_end_nothing_else() {
    let all = hostile();
    assert!(all.len() > 256, "{}", all.len());
    let queue = Mutex::new(all.into_iter());
    let rendered = Mutex::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let Some((name, source)) = queue.lock().expect("a lock").next() else { return };
                    let (done, end) = channel();
                    std::thread::spawn(move || drop(done.send(render(&source))));
                    match end.recv_timeout(HANG).unwrap_or_else(|_| panic!("it hangs: {name}")) {
                        Ok(texts) => {
                            *rendered.lock().expect("a lock") += 1;
                            assert!(texts.iter().all(|text| text.len() < 100_000), "{name}");
                        }
                        Err(error) => {
                            let message = error.to_string();
                            assert!(message.contains("chat_template.jinja: "), "{name}: {message}");
                            assert!(message.len() < 3_000 && !message.contains('\u{1b}'), "{name}: {message}");
                        }
                    }
                }
            });
        }
    });
    assert!(memory_of_children() < MOST_MEMORY, "{} bytes", memory_of_children());
}

/// The most that any process which this one started, and waited for, had in memory at once.
fn memory_of_children() -> u64 {
    // SAFETY: an all-zero `rusage` is valid, and the call only fills it in.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_CHILDREN, &mut usage);
        usage
    };
    let unit = if cfg!(target_os = "macos") { 1 } else { 1024 };
    usage.ru_maxrss as u64 * unit
}

#[test]
fn the_limit_that_was_met_is_named() {
    for (source, expected) in [
        ("{% set n=namespace() %}{% set n.a=n %}{{ n }}".to_owned(), "nests expressions or values deeper than can be followed"),
        (format!("{{{{ {}1 }}}}", "-".repeat(200_000)), "200.0 kB of code, and at most 100.0 kB are read"),
        ("x".repeat(1 << 21), "larger than the 1.0 MB"),
        ("{{ '{:100000000000}'.format(1) }}".to_owned(), "asks for more than 268.4 MB of memory"),
        (
            "{% set s='ab'*30000000 %}{% for a in range(80000) %}{% set x={s:1}[s] %}{% endfor %}".to_owned(),
            "takes more than 500 ms of processor time",
        ),
        ("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}".to_owned(), "does not come to an end"),
        ("{{ 'x' * 1000000 }}".to_owned(), "makes 1.0 MB of this conversation"),
        ("{{ raise_exception('no') }}".to_owned(), "fails on this conversation: no"),
    ] {
        let message = failure(&source);
        assert!(message.contains(expected) && message.contains("chat_template.jinja"), "{message}");
    }
}

#[test]
fn an_honest_template_is_rendered_in_any_order_and_number() {
    let template =
        load("{{ bos_token }}{% for m in messages %}[{{ m.role }}]{{ m.content | trim }}{% endfor %}").expect("it parses");
    let words: Vec<String> = (0..5_000).map(|at| format!(" é{at}\n")).collect();
    let all: Vec<&str> = words.iter().map(String::as_str).collect();
    for prompt in ["Which?", &"long ".repeat(50_000)] {
        let all = if prompt.len() > 100 { &all[..50] } else { &all[..] };
        let texts = template.render_all(prompt, all, &Cancel::default()).expect("it renders");
        assert_eq!(texts.len(), all.len());
        for (at, text) in texts.into_iter().enumerate() {
            assert_eq!(text.expect("it renders"), format!("<s>[user]{}[assistant]é{at}", prompt.trim()));
        }
    }
    assert_eq!(template.render_open("Which?").expect("it renders"), "<s>[user]Which?");
    let long = "x".repeat(9 << 20);
    let texts = template.render_all("Which?", &["a", &long, "b"], &Cancel::default()).expect("it renders");
    assert_eq!(
        texts.iter().map(Result::is_ok).collect::<Vec<_>>(),
        [true, false, true],
        "one word that is too long is one failure"
    );
}

#[test]
fn a_render_can_be_cancelled_and_taken_up_again() {
    let template = load("{% if messages[1].content == 'stuck' %}{% set s='ab'*30000000 %}{% for a in range(80000) %}{% set x={s:1}[s] %}{% endfor %}{% endif %}{{ messages[1].content }}").expect("it parses");
    let cancel = Cancel::default();
    cancel.set();
    let cancelled = template.render_all("Which?", &["stuck"], &cancel);
    assert!(matches!(cancelled, Err(ModelError::Cancelled)));
    let error = template.render("Which?", "stuck").expect_err("it takes too long").to_string();
    assert!(error.contains("processor time"), "{error}");
    assert_eq!(template.render("Which?", "love").expect("it renders"), "love");
}

/// A model whose template is another.
fn model_with(template: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/llama");
    for entry in std::fs::read_dir(fixture).expect("a fixture") {
        let path = entry.expect("an entry").path();
        if path.is_file() {
            std::fs::copy(&path, folder.path().join(path.file_name().expect("a name"))).expect("a copy");
        }
    }
    std::fs::write(folder.path().join("chat_template.jinja"), template).expect("a file");
    folder
}

#[test]
fn the_program_tells_of_a_hostile_template_and_scores_the_other_model() {
    let model = model_with("{% set ns=namespace() %}{% set ns.a=ns %}{{ ns }}");
    let output = Command::new(env!("CARGO_BIN_EXE_rewardscope"))
        .args(["score", "demo-llama", &model.path().display().to_string(), "--word", "love", "--no-store", "--format", "csv"])
        .env("HF_HUB_OFFLINE", "1")
        .stdin(Stdio::null())
        .output()
        .expect("the program starts");
    let (told, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(told.contains("love"), "{told}");
    assert!(errors.contains("chat_template.jinja: the chat template nests"), "{errors}");
}

const STUCK: &str = "{% set s='ab'*30000000 %}{% for a in range(80000) %}{% set x={s:1}[s] %}{% endfor %}";

#[test]
fn the_explorer_outlives_a_hostile_template() {
    let model = model_with("{% set ns=namespace() %}{% set ns.a=ns %}{{ ns }}");
    let path = model.path().display().to_string();
    let mut pty = Launch::new(env!("CARGO_BIN_EXE_rewardscope")).args([&path, "demo-llama"]).size(160, 40).start();
    pty.wait_for("chat template nests");
    pty.send("q");
    assert_eq!(pty.wait_exit(), 0);
    pty.assert_restored();
}

#[test]
fn the_explorer_can_be_left_while_a_template_is_stuck() {
    let model = model_with(STUCK);
    let path = model.path().display().to_string();
    for (key, signal, code) in [("q", None, 0), (CTRL_C, None, 130), ("", Some(libc::SIGTERM), 143)] {
        let mut pty = Launch::new(env!("CARGO_BIN_EXE_rewardscope")).args([&path]).size(160, 40).start();
        pty.wait_until("the alternate screen", vt100::Screen::alternate_screen);
        pty.send(key);
        signal.into_iter().for_each(|signal| pty.signal(signal));
        assert_eq!(pty.wait_exit(), code);
        pty.assert_restored();
    }
}
