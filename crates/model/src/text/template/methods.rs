//! Python's methods of texts and lists, where minijinja's own Python methods lack them or differ.

use minijinja::value::{Kwargs, Tuple, Value, ValueKind, from_args};
use minijinja::{Error, ErrorKind, State};
use minijinja_contrib::pycompat;

/// What `value.method(…)` gives; a method that neither this file nor minijinja has is an error.
pub(super) fn call(state: &mut State, value: &Value, method: &str, arguments: &[Value]) -> Result<Value, Error> {
    if let (Some(text), "startswith" | "endswith" | "count", [part, start, end @ ..]) = (value.as_str(), method, arguments) {
        let at =
            |place: Option<&Value>| place.filter(|place| !place.is_none()).map(|place| i64::try_from(place.clone())).transpose();
        let inside = within(text, at(Some(start))?, at(end.first())?).map(|(_, inside)| Value::from(inside));
        return match inside {
            Some(inside) => pycompat::unknown_method_callback(state, &inside, method, std::slice::from_ref(part)),
            None if method == "count" => Ok(Value::from(0)),
            None => Ok(Value::from(false)),
        };
    }
    let own = match value.as_str() {
        Some(text) => of_text(state, text, method, arguments)?,
        None if method == "index" => Some(index_of(value, arguments)?),
        None if method == "copy" && matches!(value.kind(), ValueKind::Map | ValueKind::Seq) => {
            let () = from_args(arguments)?;
            Some(value.clone())
        }
        None => None,
    };
    own.map_or_else(|| pycompat::unknown_method_callback(state, value, method, arguments), Ok)
}

/// None for a method that is minijinja's.
fn of_text(state: &State, text: &str, method: &str, arguments: &[Value]) -> Result<Option<Value>, Error> {
    Ok(Some(match method {
        "split" | "rsplit" => {
            let (separator, most, named): (Option<Value>, Option<i64>, Kwargs) = from_args(arguments)?;
            let separator = separator.or(named.get("sep")?).filter(|separator| !separator.is_none());
            let most = most.or(named.get("maxsplit")?).and_then(|most| usize::try_from(most).ok());
            named.assert_all_used()?;
            let separator = separator.map(|separator| text_of(&separator)).transpose()?;
            let parts = split(text, separator.as_deref(), most, method == "rsplit")?;
            parts.into_iter().map(Value::from).collect()
        }
        "partition" => {
            let (separator,): (&str,) = from_args(arguments)?;
            let (before, after) = not_empty(separator).map(|separator| text.split_once(separator))?.unzip();
            let found = before.map_or("", |_| separator);
            triple(before.unwrap_or(text), found, after.unwrap_or(""))
        }
        "rpartition" => {
            let (separator,): (&str,) = from_args(arguments)?;
            let (before, after) = not_empty(separator).map(|separator| text.rsplit_once(separator))?.unzip();
            let found = before.map_or("", |_| separator);
            triple(before.unwrap_or(""), found, after.unwrap_or(text))
        }
        "find" | "rfind" | "index" | "rindex" => {
            let (part, start, end): (&str, Option<i64>, Option<i64>) = from_args(arguments)?;
            match place(text, part, start, end, method.starts_with('r')) {
                Some(place) => Value::from(place),
                None if method.ends_with("find") => Value::from(-1),
                None => return Err(fault("the text has no such part")),
            }
        }
        "removeprefix" => {
            let (prefix,): (&str,) = from_args(arguments)?;
            Value::from(text.strip_prefix(prefix).unwrap_or(text))
        }
        "removesuffix" => {
            let (suffix,): (&str,) = from_args(arguments)?;
            Value::from(text.strip_suffix(suffix).unwrap_or(text))
        }
        "center" | "ljust" | "rjust" => {
            let (width, fill): (i64, Option<char>) = from_args(arguments)?;
            let missing = usize::try_from(width).unwrap_or(0).saturating_sub(text.chars().count());
            let left = match method {
                "ljust" => 0,
                "rjust" => missing,
                // Python puts the odd one on the left where the width is odd.
                _ => missing / 2 + (missing & width as usize & 1),
            };
            Value::from(padded(state, text, fill.unwrap_or(' '), left, missing - left)?)
        }
        "zfill" => {
            let (width,): (i64,) = from_args(arguments)?;
            let (sign, digits) = text.split_at(usize::from(text.starts_with(['+', '-'])));
            let missing = usize::try_from(width).unwrap_or(0).saturating_sub(text.chars().count());
            Value::from(format!("{sign}{}", padded(state, digits, '0', missing, 0)?))
        }
        "istitle" => {
            let () = from_args(arguments)?;
            Value::from(text.contains(char::is_alphabetic) && title(text) == text)
        }
        "swapcase" => {
            let () = from_args(arguments)?;
            Value::from(text.chars().map(swapped).collect::<String>())
        }
        "title" => {
            let () = from_args(arguments)?;
            Value::from(title(text))
        }
        _ => return Ok(None),
    }))
}

fn index_of(list: &Value, arguments: &[Value]) -> Result<Value, Error> {
    let (item,): (&Value,) = from_args(arguments)?;
    let place = list.try_iter()?.position(|found| found == *item);
    place.map(Value::from).ok_or_else(|| fault("the list has no such item"))
}

/// Parts at `separator`, at white space where there is none; at most so many cuts, from the end where `from_end` says so.
fn split<'a>(text: &'a str, separator: Option<&str>, most: Option<usize>, from_end: bool) -> Result<Vec<&'a str>, Error> {
    let most = most.unwrap_or(usize::MAX);
    let mut parts = Vec::new();
    let mut rest = text;
    match separator {
        Some(separator) => {
            not_empty(separator)?;
            while let Some((before, after)) = if from_end { rest.rsplit_once(separator) } else { rest.split_once(separator) } {
                if parts.len() == most {
                    break;
                }
                let (part, remaining) = if from_end { (after, before) } else { (before, after) };
                parts.push(part);
                rest = remaining;
            }
            parts.push(rest);
        }
        None => loop {
            rest = if from_end { rest.trim_end() } else { rest.trim_start() };
            let cut = if from_end {
                rest.rfind(char::is_whitespace).map(|at| at + rest[at..].chars().next().map_or(1, char::len_utf8))
            } else {
                rest.find(char::is_whitespace)
            };
            match cut.filter(|_| parts.len() < most) {
                Some(at) => {
                    let (before, after) = rest.split_at(at);
                    let (part, remaining) = if from_end { (after, before) } else { (before, after) };
                    parts.push(part);
                    rest = remaining;
                }
                None if rest.is_empty() => break,
                None => {
                    parts.push(rest);
                    break;
                }
            }
        },
    }
    if from_end {
        parts.reverse();
    }
    Ok(parts)
}

/// Where `part` begins, in characters; within `start..end`, which count from the end where they are negative.
fn place(text: &str, part: &str, start: Option<i64>, end: Option<i64>, last: bool) -> Option<usize> {
    let (from, inside) = within(text, start, end)?;
    let found = if last { inside.rfind(part) } else { inside.find(part) }?;
    Some(text[..from + found].chars().count())
}

/// The part `start..end` of a text, and the byte that it begins at; none where it ends before it begins.
fn within(text: &str, start: Option<i64>, end: Option<i64>) -> Option<(usize, &str)> {
    let length = text.chars().count();
    let clamped = |at: i64| usize::try_from(if at < 0 { at + length as i64 } else { at }).unwrap_or(0);
    let byte = |at: usize| text.char_indices().nth(at).map_or(text.len(), |(byte, _)| byte);
    let (start, end) = (clamped(start.unwrap_or(0)), clamped(end.unwrap_or(length as i64)).min(length));
    if start > end {
        return None;
    }
    Some((byte(start), &text[byte(start)..byte(end)]))
}

fn padded(state: &State, text: &str, fill: char, left: usize, right: usize) -> Result<String, Error> {
    // A width is paid for before the text is made.
    state.consume_fuel((left.saturating_add(right) / 64) as u64)?;
    let fill = |count: usize| std::iter::repeat_n(fill, count);
    Ok(fill(left).chain(text.chars()).chain(fill(right)).collect())
}

fn swapped(c: char) -> String {
    if c.is_uppercase() { c.to_lowercase().collect() } else { c.to_uppercase().collect() }
}

/// The first letter after what is no letter in upper case, the others in lower case.
fn title(text: &str) -> String {
    let mut is_inside = false;
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_inside {
            out.extend(c.to_lowercase())
        } else {
            out.extend(c.to_uppercase())
        }
        is_inside = c.is_alphabetic();
    }
    out
}

fn triple(before: &str, separator: &str, after: &str) -> Value {
    Value::from(Tuple::from([before, separator, after].map(Value::from)))
}

fn not_empty(separator: &str) -> Result<&str, Error> {
    if separator.is_empty() { Err(fault("the separator is empty")) } else { Ok(separator) }
}

fn text_of(value: &Value) -> Result<String, Error> {
    value.as_str().map(str::to_owned).ok_or_else(|| fault("the separator is no text"))
}

fn fault(problem: &'static str) -> Error {
    Error::new(ErrorKind::InvalidOperation, problem)
}
