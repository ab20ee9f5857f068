//! Tests, filters and functions of Python's Jinja that minijinja lacks, or that mean something else there.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use minijinja::value::{Kwargs, Object, ObjectRepr, Rest, Value, ValueKind, from_args};
use minijinja::{Environment, Error, ErrorKind, Output, State};
use minijinja_contrib::{filters, globals};

use super::source::{ITERATED, PERCENT};
use super::{json, methods};

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
    environment.add_filter("int", |value: &Value, default: Option<i64>| integer(value).unwrap_or(default.unwrap_or(0)));
    environment.add_filter("float", |value: &Value, default: Option<f64>| number(value).unwrap_or(default.unwrap_or(0.0)));
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
    environment.add_function(PERCENT, percent);
    environment.add_function("joiner", globals::joiner);
    environment.add_function("cycler", |items: Rest<Value>| Value::from_object(Cycler { items: items.0, place: 0.into() }));
}

/// A number as Python writes it, where minijinja writes it in another way: `1e+20`, `1e-07`.
fn text_of(value: &Value) -> Option<String> {
    let number = (value.kind() == ValueKind::Number && !value.is_integer()).then(|| f64::try_from(value.clone()).ok());
    number.flatten().map(json::float)
}

fn write(out: &mut Output, state: &mut State, value: &Value) -> Result<(), Error> {
    match text_of(value) {
        Some(text) => out.write_str(&text).map_err(Error::from),
        None => minijinja::escape_formatter(out, state, value),
    }
}

/// What has a length and items by place or key.
fn is_sequence(value: &Value) -> bool {
    matches!(value.kind(), ValueKind::String | ValueKind::Bytes | ValueKind::Seq | ValueKind::Map | ValueKind::Undefined)
}

/// Functions, macros, and what is undefined, which Python asks only when it is called.
fn is_callable(value: &Value) -> bool {
    let is_macro = value.as_object().is_some_and(|object| object.type_name().ends_with("::Macro"));
    is_macro || matches!(value.kind(), ValueKind::Plain | ValueKind::Undefined)
}

fn iterated(value: Value) -> Result<Value, Error> {
    if value.is_none() { Err(fault("none is not iterable")) } else { Ok(value) }
}

/// `left % right`: a format and what it is filled with, or the remainder of two numbers.
fn percent(state: &mut State, left: Value, right: Value) -> Result<Value, Error> {
    if let Some(format) = left.as_str() {
        let conversions = format.replace("%%", "").matches('%').count();
        let mut arguments = vec![left];
        let is_mapping = right.kind() == ValueKind::Map;
        if right.is_tuple() {
            arguments.extend(right.try_iter()?)
        } else {
            arguments.push(right)
        }
        if !is_mapping && arguments.len() - 1 > conversions {
            return Err(fault("not all arguments are taken by the format"));
        }
        return state.apply_filter("format", &arguments);
    }
    let is_number = |value: &Value| matches!(value.kind(), ValueKind::Number | ValueKind::Bool);
    if !is_number(&left) || !is_number(&right) {
        let problem = format!("% takes a text or two numbers, not {} and {}", left.kind(), right.kind());
        return Err(Error::new(ErrorKind::InvalidOperation, problem));
    }
    // The remainder has the sign of the divisor.
    if let (Ok(a), Ok(b)) = (i128::try_from(left.clone()), i128::try_from(right.clone()))
        && (left.is_integer() || left.kind() == ValueKind::Bool)
        && (right.is_integer() || right.kind() == ValueKind::Bool)
    {
        let remainder = a.checked_rem(b).ok_or_else(|| fault("% by zero"))?;
        return Ok(Value::from(if remainder != 0 && (remainder < 0) != (b < 0) { remainder + b } else { remainder }));
    }
    let (a, b) = (f64::try_from(left)?, f64::try_from(right)?);
    let remainder = if b == 0.0 { return Err(fault("% by zero")) } else { a % b };
    Ok(Value::from(if remainder != 0.0 && (remainder < 0.0) != (b < 0.0) { remainder + b } else { remainder }))
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

fn integer(value: &Value) -> Option<i64> {
    let text = value.as_str().map(str::trim);
    text.and_then(|text| text.parse().ok()).or_else(|| i64::try_from(value.clone()).ok()).or_else(|| {
        let number = number(value).filter(|number| number.is_finite())?;
        Some(number.trunc() as i64)
    })
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
