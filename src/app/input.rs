//! One line of text being typed: searches, words, prompts, paths.

use unicode_segmentation::UnicodeSegmentation;

use super::key::{Key, KeyCode};

/// A line and the place in it where the next character goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Input {
    text: String,
    /// Byte offset, always on a grapheme boundary.
    at: usize,
}

impl Input {
    /// A line with this text and the caret after it.
    pub fn with_text(text: impl Into<String>) -> Input {
        let text = text.into();
        Input { at: text.len(), text }
    }

    /// The whole line.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text before and after the caret.
    pub fn split(&self) -> (&str, &str) {
        self.text.split_at(self.at)
    }

    /// Empties the line.
    pub fn clear(&mut self) {
        self.text.clear();
        self.at = 0;
    }

    /// Puts text in at the caret; line breaks become spaces.
    pub fn insert(&mut self, text: &str) {
        for c in text.chars() {
            let c = if c == '\n' || c == '\r' { ' ' } else { c };
            self.text.insert(self.at, c);
            self.at += c.len_utf8();
        }
    }

    /// Takes the keys that edit a line; false for every other key.
    pub fn key(&mut self, key: Key) -> bool {
        if key.alt {
            return false;
        }
        match (key.control, key.code) {
            (false, KeyCode::Char(c)) => self.insert(c.encode_utf8(&mut [0; 4])),
            (false, KeyCode::Backspace) | (true, KeyCode::Char('h')) => {
                let before = self.before();
                self.text.drain(before..self.at);
                self.at = before;
            }
            (false, KeyCode::Delete) => {
                let after = self.after();
                self.text.drain(self.at..after);
            }
            (false, KeyCode::Left) => self.at = self.before(),
            (false, KeyCode::Right) => self.at = self.after(),
            (false, KeyCode::Home) | (true, KeyCode::Char('a')) => self.at = 0,
            (false, KeyCode::End) | (true, KeyCode::Char('e')) => self.at = self.text.len(),
            (true, KeyCode::Char('u')) => {
                self.text.drain(..self.at);
                self.at = 0;
            }
            (true, KeyCode::Char('w')) => {
                let kept = self.text[..self.at].trim_end();
                let start = kept.rfind(char::is_whitespace).map_or(0, |space| space + 1);
                self.text.drain(start..self.at);
                self.at = start;
            }
            _ => return false,
        }
        true
    }

    fn before(&self) -> usize {
        self.text[..self.at].grapheme_indices(true).next_back().map_or(0, |(at, _)| at)
    }

    fn after(&self) -> usize {
        self.at + self.text[self.at..].graphemes(true).next().map_or(0, str::len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(keys: &[Key]) -> Input {
        let mut input = Input::with_text("free e\u{301}t");
        for &key in keys {
            assert!(input.key(key), "{key}");
        }
        input
    }

    #[test]
    fn editing_moves_by_whole_graphemes() {
        let (left, back) = (Key::plain(KeyCode::Left), Key::plain(KeyCode::Backspace));
        assert_eq!(typed(&[left, back]).text(), "free t");
        assert_eq!(typed(&[left, left, Key::plain(KeyCode::Delete)]).text(), "free t");
        assert_eq!(typed(&[Key::control('w')]).text(), "free ");
        assert_eq!(typed(&[left, Key::control('u'), Key::char('x')]).split(), ("x", "t"));
        assert_eq!(typed(&[Key::plain(KeyCode::Home), Key::char(' ')]).text(), " free e\u{301}t");
    }

    #[test]
    fn other_keys_are_left_to_others() {
        let mut input = Input::default();
        assert!(!input.key(Key::plain(KeyCode::Enter)));
        assert!(!input.key(Key::control('p')));
    }
}
