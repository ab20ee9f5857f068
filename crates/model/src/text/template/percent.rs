//! Python's operator `%`: a format and what it is filled with, or the remainder of two numbers.

use minijinja::value::{Value, ValueKind};
use minijinja::{Error, ErrorKind, State};

use super::repr;

/// `left % right`.
pub(super) fn percent(state: &mut State, left: Value, right: Value) -> Result<Value, Error> {
    match left.as_str() {
        Some(format) => filled(state, format, &right).map(Value::from),
        None => remainder(left, right),
    }
}

/// The format filled, one conversion at a time, so that each value can be brought to what Python makes of it.
fn filled(state: &mut State, format: &str, right: &Value) -> Result<String, Error> {
    let mut given = match right.is_tuple() {
        true => right.try_iter()?.collect::<Vec<_>>(),
        false => vec![right.clone()],
    }
    .into_iter();
    let (mut out, mut rest) = (String::new(), format);
    let mut takes_a_key = false;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        if let Some(after) = after.strip_prefix('%') {
            out.push('%');
            rest = after;
            continue;
        }
        let (key, after) = match after.strip_prefix('(').and_then(|inside| inside.split_once(')')) {
            Some((key, after)) => (Some(key), after),
            None => (None, after),
        };
        let is_kind = |c: char| c.is_ascii_alphabetic() && !"hlL".contains(c);
        let (end, kind) = after.char_indices().find(|(_, c)| is_kind(*c)).ok_or_else(|| fault("the format is incomplete"))?;
        let mut next = || given.next().ok_or_else(|| fault("too few arguments for the format"));
        let mut flags = after[..end].trim_end_matches(['h', 'l', 'L']).to_owned();
        if flags.contains('*') {
            flags = flags.replacen('*', &i64::try_from(next()?)?.to_string(), 1);
        }
        let value = match key {
            Some(key) => {
                takes_a_key = true;
                Some(right.get_item(&Value::from(key))?)
                    .filter(|value| !value.is_undefined())
                    .ok_or_else(|| fault("a key is missing"))?
            }
            None => next()?,
        };
        let is_float = value.kind() == ValueKind::Number && !value.is_integer();
        let (kind, value) = match kind {
            'r' => ('s', Value::from(repr::repr(&value))),
            's' => ('s', repr::text_of(&value).map_or(value, Value::from)),
            'd' | 'i' | 'u' if is_float => ('d', Value::from(f64::try_from(value)?.trunc() as i64)),
            kind => (kind, value),
        };
        // A mapping would be taken for the names of the format.
        let value = if value.kind() == ValueKind::Map { Value::from(value.to_string()) } else { value };
        let one = state.apply_filter("format", &[Value::from(format!("%{flags}{kind}")), value])?;
        out.push_str(one.as_str().unwrap_or_default());
        // A kind is one byte long.
        rest = &after[end + 1..];
    }
    out.push_str(rest);
    let is_left = given.next().is_some() && !(takes_a_key || right.kind() == ValueKind::Map);
    if is_left { Err(fault("not all arguments are taken by the format")) } else { Ok(out) }
}

fn remainder(left: Value, right: Value) -> Result<Value, Error> {
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

fn fault(problem: &'static str) -> Error {
    Error::new(ErrorKind::InvalidOperation, problem)
}
