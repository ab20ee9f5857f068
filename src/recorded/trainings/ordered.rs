//! Values by key, in the order in which their keys come up.

use std::collections::HashMap;
use std::hash::Hash;

#[derive(Clone, Debug)]
pub(super) struct Ordered<K, V> {
    entries: Vec<(K, V)>,
    places: HashMap<K, usize>,
}

impl<K, V> Default for Ordered<K, V> {
    fn default() -> Self {
        Ordered { entries: Vec::new(), places: HashMap::new() }
    }
}

impl<K: Clone + Eq + Hash, V> Ordered<K, V> {
    /// The value of a key, or a new one.
    pub(super) fn entry(&mut self, key: &K, new: impl FnOnce() -> V) -> &mut V {
        let place = match self.places.get(key) {
            Some(&place) => place,
            None => {
                self.places.insert(key.clone(), self.entries.len());
                self.entries.push((key.clone(), new()));
                self.entries.len() - 1
            }
        };
        &mut self.entries[place].1
    }

    pub(super) fn contains(&self, key: &K) -> bool {
        self.places.contains_key(key)
    }

    pub(super) fn into_entries(self) -> Vec<(K, V)> {
        self.entries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_keep_their_order_and_are_there_once() {
        let mut values: Ordered<&str, u32> = Ordered::default();
        for key in ["b", "a", "b", "c", "a"] {
            *values.entry(&key, || 0) += 1;
        }
        assert!(values.contains(&"c") && !values.contains(&"d"));
        assert_eq!(values.into_entries(), [("b", 2), ("a", 2), ("c", 1)]);
    }
}
