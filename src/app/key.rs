//! A key press in the program's own terms, so that state and tests know nothing of a terminal library.

use std::fmt;

/// The key that was pressed, without Ctrl and Alt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyCode {
    /// A character, with Shift taken into account.
    Char(char),
    /// Enter.
    Enter,
    /// Escape.
    Esc,
    /// Tab.
    Tab,
    /// Shift and Tab.
    BackTab,
    /// Backspace.
    Backspace,
    /// Delete.
    Delete,
    /// The arrow up.
    Up,
    /// The arrow down.
    Down,
    /// The arrow to the left.
    Left,
    /// The arrow to the right.
    Right,
    /// Home.
    Home,
    /// End.
    End,
    /// Page up.
    PageUp,
    /// Page down.
    PageDown,
    /// A function key, by its number.
    F(u8),
}

/// One key press. Shift is part of the character (`S`) or of the code (`BackTab`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// The key without modifiers.
    pub code: KeyCode,
    /// Whether Ctrl was pressed with it.
    pub control: bool,
    /// Whether Alt was pressed with it.
    pub alt: bool,
}

impl Key {
    /// A key without Ctrl and Alt.
    pub const fn plain(code: KeyCode) -> Key {
        Key { code, control: false, alt: false }
    }

    /// A character without Ctrl and Alt.
    pub const fn char(c: char) -> Key {
        Key::plain(KeyCode::Char(c))
    }

    /// A character with Ctrl.
    pub const fn control(c: char) -> Key {
        Key { code: KeyCode::Char(c), control: true, alt: false }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.control {
            f.write_str("Ctrl-")?;
        }
        if self.alt {
            f.write_str("Alt-")?;
        }
        match self.code {
            KeyCode::Char(' ') => f.write_str("Space"),
            KeyCode::Char(c) => write!(f, "{c}"),
            KeyCode::F(n) => write!(f, "F{n}"),
            KeyCode::BackTab => f.write_str("Shift-Tab"),
            KeyCode::PageUp => f.write_str("PgUp"),
            KeyCode::PageDown => f.write_str("PgDn"),
            code => write!(f, "{code:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_named_as_people_name_them() {
        for (key, name) in [
            (Key::char('S'), "S"),
            (Key::control('c'), "Ctrl-c"),
            (Key::plain(KeyCode::BackTab), "Shift-Tab"),
            (Key::plain(KeyCode::PageDown), "PgDn"),
            (Key::char(' '), "Space"),
            (Key::plain(KeyCode::F(1)), "F1"),
        ] {
            assert_eq!(key.to_string(), name);
        }
    }
}
