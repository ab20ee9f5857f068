//! Texts of values as Python's `str` and `repr` write them, where minijinja writes them in another way: numbers that are no
//! integers, alone and in lists and mappings.

use minijinja::value::{Value, ValueKind};

/// Lists in lists that are looked into.
const DEEPEST: usize = 32;

/// A number as Python writes it: `1.0`, `1e+20`, `1e-07`, `inf`.
pub(super) fn float(value: f64) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    let text = format!("{value:?}");
    match text.split_once('e') {
        Some((digits, exponent)) => match exponent.strip_prefix('-') {
            Some(exponent) => format!("{digits}e-{exponent:0>2}"),
            None => format!("{digits}e+{exponent:0>2}"),
        },
        None => text,
    }
}

/// Python's `str(value)`; none where minijinja's text is the same.
pub(super) fn text_of(value: &Value) -> Option<String> {
    has_float(value, 0).then(|| repr(value))
}

/// Python's `repr(value)`.
pub(super) fn repr(value: &Value) -> String {
    within(value, 0)
}

fn within(value: &Value, depth: usize) -> String {
    if !has_float(value, depth) {
        // minijinja writes items of a list as Python does.
        let list = Value::from(vec![value.clone()]).to_string();
        return list.strip_prefix('[').and_then(|list| list.strip_suffix(']')).unwrap_or(&list).to_owned();
    }
    let items = || value.try_iter().into_iter().flatten();
    match value.kind() {
        ValueKind::Map => {
            let pair = |key: Value| {
                format!("{}: {}", within(&key, depth + 1), within(&value.get_item(&key).unwrap_or_default(), depth + 1))
            };
            format!("{{{}}}", items().map(pair).collect::<Vec<_>>().join(", "))
        }
        ValueKind::Seq => {
            let items: Vec<String> = items().map(|item| within(&item, depth + 1)).collect();
            match (value.is_tuple(), items.as_slice()) {
                (true, [one]) => format!("({one},)"),
                (true, items) => format!("({})", items.join(", ")),
                (false, items) => format!("[{}]", items.join(", ")),
            }
        }
        _ => f64::try_from(value.clone()).map_or_else(|_| value.to_string(), float),
    }
}

/// True for a number that is no integer, and for what holds one.
fn has_float(value: &Value, depth: usize) -> bool {
    let items = || value.try_iter().into_iter().flatten();
    match value.kind() {
        ValueKind::Number => !value.is_integer(),
        ValueKind::Seq if depth < DEEPEST => items().any(|item| has_float(&item, depth + 1)),
        ValueKind::Map if depth < DEEPEST => {
            items().any(|key| has_float(&key, depth + 1) || value.get_item(&key).is_ok_and(|item| has_float(&item, depth + 1)))
        }
        _ => false,
    }
}
