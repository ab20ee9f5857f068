//! Which layers see only a window: from `layer_types`, a pattern number, or what the architecture implies.

use super::architecture::Sliding;
use super::refusal::{Refusal, wrong};
use rewardscope_base::text;

/// The keys of `config.json` that bear on it; `window` is already the architecture's where the file says nothing.
pub(super) struct Keys<'a> {
    pub layers: usize,
    pub window: Option<usize>,
    pub layer_types: Option<&'a [String]>,
    pub pattern: Option<usize>,
    pub use_sliding_window: bool,
    pub max_window_layers: Option<usize>,
}

/// One entry a layer: how many positions it sees, where not all.
pub(super) fn read(sliding: Sliding, keys: &Keys) -> Result<Vec<Option<usize>>, Refusal> {
    let window = match sliding {
        Sliding::Never => None,
        Sliding::From(_) if !keys.use_sliding_window => None,
        _ => keys.window,
    };
    if window == Some(0) {
        return Err(wrong("sliding_window is 0"));
    }
    let slides: Box<dyn Fn(usize) -> bool> = match (sliding, keys.layer_types) {
        (Sliding::AllButEach(_) | Sliding::From(_), Some(kinds)) => {
            let slides = by_name(kinds, keys.layers)?;
            Box::new(move |layer| slides[layer])
        }
        (Sliding::Never, _) => Box::new(|_| false),
        (Sliding::All, _) => Box::new(|_| true),
        (Sliding::AllButEach(n), None) => {
            let n = keys.pattern.unwrap_or(n);
            if n == 0 {
                return Err(wrong("sliding_window_pattern is 0"));
            }
            Box::new(move |layer| (layer + 1) % n != 0)
        }
        (Sliding::From(first), None) => {
            let first = keys.max_window_layers.unwrap_or(first);
            Box::new(move |layer| layer >= first)
        }
    };
    Ok((0..keys.layers).map(|layer| window.filter(|_| slides(layer))).collect())
}

fn by_name(kinds: &[String], layers: usize) -> Result<Vec<bool>, Refusal> {
    if kinds.len() != layers {
        return Err(wrong(format!("layer_types has {} entries for {layers} layers", kinds.len())));
    }
    let slides = |kind: &String| match kind.as_str() {
        "sliding_attention" => Ok(true),
        "full_attention" => Ok(false),
        other => Err(Refusal::Unsupported(format!("layer_types holds '{}'", text::visible(other)))),
    };
    kinds.iter().map(slides).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sliding(sliding: Sliding, change: fn(&mut Keys)) -> String {
        let mut keys = Keys {
            layers: 7,
            window: Some(4),
            layer_types: None,
            pattern: None,
            use_sliding_window: false,
            max_window_layers: None,
        };
        change(&mut keys);
        let windows = read(sliding, &keys).unwrap();
        windows.iter().map(|window| window.map_or('f', |_| 's')).collect()
    }

    #[test]
    fn each_architecture_slides_in_its_own_way() {
        for (kind, change, expected) in [
            (Sliding::Never, (|_| ()) as fn(&mut Keys), "fffffff"),
            (Sliding::All, |_| (), "sssssss"),
            (Sliding::All, |keys| keys.window = None, "fffffff"),
            (Sliding::AllButEach(2), |_| (), "sfsfsfs"),
            (Sliding::AllButEach(6), |_| (), "sssssfs"),
            (Sliding::AllButEach(6), |keys| keys.pattern = Some(3), "ssfssfs"),
            (Sliding::From(2), |_| (), "fffffff"),
            (Sliding::From(2), |keys| keys.use_sliding_window = true, "ffsssss"),
            (Sliding::From(9), |keys| (keys.use_sliding_window, keys.max_window_layers) = (true, Some(6)), "ffffffs"),
        ] {
            assert_eq!(sliding(kind, change), expected, "{kind:?}");
        }
    }
}
