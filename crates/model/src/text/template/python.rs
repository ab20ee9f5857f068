//! Tests, filters and functions of Python's Jinja that minijinja lacks, or that mean something else there.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use minijinja::value::{Kwargs, Object, ObjectRepr, Rest, Value, ValueKind, from_args};
use minijinja::{Environment, Error, ErrorKind, Output, State};
use minijinja_contrib::{filters, globals};

use super::repr::text_of;
use super::source::{ITERATED, PERCENT, TEXT};
use super::{json, methods, percent, wordwrap};

/// Makes an environment mean what Python's Jinja means.
pub(super) fn add_to(environment: &mut Environment) {
    environment.set_unknown_method_callback(methods::call);
    environment.set_formatter(write);
    environment.add_test("iterable", |value: &Value| !value.is_none() && value.try_iter().is_ok());
    environment.add_test("sequence", is_sequence);
    environment.add_test("callable", is_callable);
    environment.add_filter(ITERATED, iterated);
    environment.add_filter("tojson", json::to_json);
    environment.add_filter("attr", attribute);
    environment.add_filter("round", round);
    environment.add_filter("string", string);
    environment.add_filter(TEXT, |value: Value| text_of(&value).map_or(value, Value::from));
    environment.add_filter("int", int);
    environment.add_filter("float", |value: &Value, default: Option<f64>, named: Kwargs| -> Result<f64, Error> {
        let default = default.or(named.get("default")?).unwrap_or(0.0);
        named.assert_all_used().map(|()| number(value).unwrap_or(default))
    });
    for name in ["default", "d"] {
        environment.add_filter(name, default);
    }
    environment.add_filter("indent", indent);
    environment.add_filter("wordwrap", wordwrap::word_wrap);
    // Python's breaks lines in a way of its own: unknown, not another text.
    environment.remove_filter("pprint");
    environment.add_filter("urlencode", url_encode);
    environment.add_filter("striptags", filters::striptags);
    environment.add_filter("truncate", truncate);
    environment.add_filter("wordcount", word_count);
    environment.add_filter("center", |state: &mut State, text: Value, width: Option<i64>| {
        methods::call(state, &Value::from(text.to_string()), "center", &[Value::from(width.unwrap_or(80))])
    });
    environment.add_filter("forceescape", |value: &Value| escaped(&value.to_string()));
    for name in ["escape", "e"] {
        environment.add_filter(name, |value: &Value| if value.is_safe() { value.clone() } else { escaped(&value.to_string()) });
    }
    environment.add_function(PERCENT, percent::percent);
    environment.add_function("joiner", globals::joiner);
    environment.add_function("cycler", |items: Rest<Value>| Value::from_object(Cycler { items: items.0, place: 0.into() }));
}

fn write(out: &mut Output, state: &mut State, value: &Value) -> Result<(), Error> {
    match text_of(value) {
        Some(text) => out.write_str(&text).map_err(Error::from),
        None => minijinja::escape_formatter(out, state, value),
    }
}

/// What has a length and items by place or key; of what can only be passed over, that is `range`.
fn is_sequence(value: &Value) -> bool {
    match value.kind() {
        ValueKind::String | ValueKind::Bytes | ValueKind::Seq | ValueKind::Map | ValueKind::Undefined => true,
        kind => kind == ValueKind::Iterable && value.len().is_some(),
    }
}

/// Functions, macros, and what is undefined, which Python asks only when it is called.
fn is_callable(value: &Value) -> bool {
    let is_macro = value.as_object().is_some_and(|object| object.type_name().ends_with("::Macro"));
    is_macro || matches!(value.kind(), ValueKind::Plain | ValueKind::Undefined)
}

fn iterated(value: Value) -> Result<Value, Error> {
    if value.is_none() { Err(fault("none is not iterable")) } else { Ok(value) }
}

/// An attribute in Python's sense: a mapping has none of its keys.
fn attribute(value: &Value, name: &Value) -> Result<Value, Error> {
    if value.kind() == ValueKind::Map { Ok(Value::UNDEFINED) } else { minijinja::filters::attr(value, name) }
}

/// minijinja's, but that `floor` and `ceil` give no integer.
fn round(value: Value, precision: Option<i32>, method: Option<&str>, named: Kwargs) -> Result<Value, Error> {
    let is_common = method.or(named.get("method")?).is_none_or(|method| method == "common");
    let rounded = minijinja::filters::round(value, precision, method, named)?;
    if is_common { Ok(rounded) } else { f64::try_from(rounded).map(Value::from) }
}

/// The text cut to `length` characters with `end` in them, before a space unless `killwords`.
fn truncate(
    text: String,
    length: Option<usize>,
    killwords: Option<bool>,
    end: Option<String>,
    named: Kwargs,
) -> Result<String, Error> {
    let length = length.or(named.get("length")?).unwrap_or(255);
    let kill_words = killwords.or(named.get("killwords")?).unwrap_or(false);
    let end = end.or(named.get("end")?).unwrap_or_else(|| "...".to_owned());
    let leeway = named.get::<Option<usize>>("leeway")?.unwrap_or(5);
    named.assert_all_used()?;
    let kept = length.checked_sub(end.chars().count()).ok_or_else(|| fault("truncate: the end is longer than the length"))?;
    if text.chars().count() <= length.saturating_add(leeway) {
        return Ok(text);
    }
    let cut: String = text.chars().take(kept).collect();
    let cut = if kill_words { &cut } else { cut.rsplit_once(' ').map_or(cut.as_str(), |(whole, _)| whole) };
    Ok(format!("{cut}{end}"))
}

fn string(value: &Value) -> Value {
    if value.as_str().is_some() { value.clone() } else { Value::from(text_of(value).unwrap_or_else(|| value.to_string())) }
}

/// The filter `int(default=0, base=10)`.
fn int(value: &Value, default: Option<i64>, base: Option<u32>, named: Kwargs) -> Result<i64, Error> {
    let default = default.or(named.get("default")?).unwrap_or(0);
    let base = base.or(named.get("base")?).unwrap_or(10);
    named.assert_all_used()?;
    Ok(integer(value, base).unwrap_or(default))
}

/// Digits of another base than ten may have its mark before them, and must where the base is 0.
fn integer(value: &Value, base: u32) -> Option<i64> {
    if let Some(text) = value.as_str().map(str::trim) {
        let (sign, digits) = text.split_at(usize::from(text.starts_with(['+', '-'])));
        let marked = |mark: &str| digits.get(..2).is_some_and(|start| start.eq_ignore_ascii_case(mark)).then(|| &digits[2..]);
        let marks = [(16, "0x"), (8, "0o"), (2, "0b")].into_iter().filter(|(of, _)| base == 0 || base == *of);
        let (base, digits) = marks
            .filter_map(|(of, mark)| Some((of, marked(mark)?)))
            .next()
            .unwrap_or((if base == 0 { 10 } else { base }, digits));
        let parsed = (2..=36).contains(&base).then(|| i64::from_str_radix(&format!("{sign}{digits}"), base).ok()).flatten();
        if parsed.is_some() {
            return parsed;
        }
    }
    i64::try_from(value.clone()).ok().or_else(|| {
        let number = number(value).filter(|number| number.is_finite())?;
        Some(number.trunc() as i64)
    })
}

/// The filter `default(default_value='', boolean=false)`.
fn default(value: &Value, other: Option<Value>, is_lax: Option<bool>, named: Kwargs) -> Result<Value, Error> {
    let other = other.or(named.get("default_value")?).unwrap_or_else(|| Value::from(""));
    let is_lax = is_lax.or(named.get("boolean")?).unwrap_or(false);
    named.assert_all_used()?;
    Ok(if value.is_undefined() || is_lax && !value.is_true() { other } else { value.clone() })
}

/// The filter `indent(width=4, first=false, blank=false)`; a width may be the text to put before each line.
fn indent(state: &State, text: String, width: Option<Value>, first: Option<bool>, named: Kwargs) -> Result<String, Error> {
    let width = width.or(named.get("width")?).unwrap_or_else(|| Value::from(4));
    let first = first.or(named.get("first")?).unwrap_or(false);
    let blank = named.get::<Option<bool>>("blank")?.unwrap_or(false);
    named.assert_all_used()?;
    let margin = match width.as_str() {
        Some(margin) => margin.to_owned(),
        None => {
            let width = usize::try_from(i64::try_from(width)?).unwrap_or(0);
            state.consume_fuel((width / 64) as u64)?;
            " ".repeat(width)
        }
    };
    // Python adds a line, so that an empty one at the end stays one.
    let text = text + "\n";
    let mut out = String::new();
    for (at, line) in text.lines().enumerate() {
        state.consume_fuel((margin.len() / 64) as u64)?;
        if at > 0 {
            out.push('\n');
        }
        let is_indented = if at == 0 { first } else { blank || !line.is_empty() };
        out.extend(is_indented.then_some(margin.as_str()));
        out.push_str(line);
    }
    Ok(out)
}

fn number(value: &Value) -> Option<f64> {
    match value.as_str() {
        Some(text) => text.trim().parse().ok(),
        None => f64::try_from(value.clone()).ok(),
    }
}

/// As markupsafe writes it.
fn escaped(text: &str) -> Value {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    Value::from_safe_string(text.replace('\'', "&#39;").replace('"', "&#34;"))
}

/// A text as part of an address, or a mapping or list of pairs as its query.
fn url_encode(value: &Value) -> Result<String, Error> {
    let pairs: Vec<(Value, Value)> = match value.kind() {
        ValueKind::Map => value.try_iter()?.map(|key| Ok((key.clone(), value.get_item(&key)?))).collect::<Result<_, Error>>()?,
        ValueKind::Seq | ValueKind::Iterable => {
            let pair = |pair: Value| Ok((pair.get_item_by_index(0)?, pair.get_item_by_index(1)?));
            value.try_iter()?.map(pair).collect::<Result<_, Error>>()?
        }
        _ => return Ok(quoted(&value.to_string(), "/")),
    };
    let part = |value: &Value| quoted(&value.to_string(), " ").replace(' ', "+");
    let pairs: Vec<String> = pairs.iter().map(|(key, value)| format!("{}={}", part(key), part(value))).collect();
    Ok(pairs.join("&"))
}

/// Bytes other than letters, digits, `_.-~` and those of `safe` as `%XX`.
fn quoted(text: &str, safe: &str) -> String {
    let is_kept = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-~".contains(&byte) || safe.as_bytes().contains(&byte);
    text.bytes().map(|byte| if is_kept(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

fn word_count(text: String) -> usize {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty()).count()
}

/// Gives its items in turn.
#[derive(Debug)]
struct Cycler {
    items: Vec<Value>,
    place: AtomicUsize,
}

impl Cycler {
    fn current(&self) -> Value {
        self.items.get(self.place.load(Ordering::Relaxed)).cloned().unwrap_or_default()
    }
}

impl Object for Cycler {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        (key.as_str() == Some("current")).then(|| self.current())
    }

    fn call_method(self: &Arc<Self>, _: &mut State, method: &str, arguments: &[Value]) -> Result<Value, Error> {
        let () = from_args(arguments)?;
        let current = self.current();
        match method {
            "next" => self.place.store((self.place.load(Ordering::Relaxed) + 1) % self.items.len().max(1), Ordering::Relaxed),
            "reset" => self.place.store(0, Ordering::Relaxed),
            _ => return Err(Error::from(ErrorKind::UnknownMethod)),
        }
        Ok(if method == "next" { current } else { Value::from(()) })
    }
}

fn fault(problem: &'static str) -> Error {
    Error::new(ErrorKind::InvalidOperation, problem)
}
