//! Styles by meaning. A view says `theme.rank_up`, never a colour.

use ratatui::style::{Color, Modifier, Style};

use crate::model::Family;

macro_rules! theme {
    ($($meaning:ident,)+) => {
        #[derive(Clone, Debug, Default, PartialEq)]
        struct Styles { $($meaning: Style,)+ }

        #[derive(Clone, Debug, PartialEq)]
        pub struct Theme {
            pub name: String,
            pub ascii: bool,
            categories: Vec<Style>,
            $(pub $meaning: Style,)+
        }

        impl Theme {
            fn with(name: &str, categories: Vec<Style>, styles: Styles) -> Theme {
                Theme { name: name.to_owned(), ascii: false, categories, $($meaning: styles.$meaning,)+ }
            }
        }
    };
}

theme! {
    text, dim, title, tab_active, tab_inactive, border, cursor_row, header, llama, gemma, other_family, rank_up, rank_down,
    rank_same, bar, spark, search_match, warning, error, success, provenance, key_hint, key_hint_text, toast_info,
    toast_error, input, selected,
}

impl Theme {
    pub fn category(&self, index: usize) -> Style {
        self.categories.get(index % self.categories.len().max(1)).copied().unwrap_or(self.text)
    }

    pub fn family(&self, family: Family) -> Style {
        match family {
            Family::Llama => self.llama,
            Family::Gemma => self.gemma,
            Family::Other => self.other_family,
        }
    }

    pub fn plain() -> Theme {
        let (bold, dim, reversed) = (Style::new().bold(), Style::new().dim(), Style::new().reversed());
        let styles = Styles {
            dim,
            title: bold,
            tab_active: reversed,
            cursor_row: reversed,
            header: bold.underlined(),
            llama: bold,
            gemma: Style::new().italic(),
            search_match: bold.underlined(),
            error: bold,
            toast_error: reversed,
            ..Styles::default()
        };
        Theme::with("mono", vec![bold, Style::new()], styles)
    }
}

impl Default for Theme {
    fn default() -> Theme {
        let (bold, dim, fg) = (Style::new().bold(), Style::new().dim(), |c| Style::new().fg(c));
        let cycle = [Color::Magenta, Color::Cyan, Color::Green, Color::Blue, Color::Red, Color::LightMagenta];
        let styles = Styles {
            text: fg(Color::Reset),
            dim,
            title: bold,
            tab_active: bold.reversed(),
            tab_inactive: dim,
            border: dim,
            cursor_row: Style::new().reversed(),
            header: bold.underlined(),
            llama: fg(Color::Red).bold(),
            gemma: fg(Color::Blue).bold(),
            other_family: bold,
            rank_up: fg(Color::Blue),
            rank_down: fg(Color::Red),
            rank_same: dim,
            bar: fg(Color::Cyan),
            spark: fg(Color::Cyan),
            search_match: fg(Color::Magenta).bold().underlined(),
            warning: fg(Color::Magenta).bold(),
            error: fg(Color::Red).bold(),
            success: fg(Color::Green),
            provenance: dim,
            key_hint: bold,
            key_hint_text: dim,
            toast_info: Style::new().reversed(),
            toast_error: fg(Color::Red).bold().reversed(),
            input: Style::new().add_modifier(Modifier::UNDERLINED),
            selected: bold,
        };
        Theme::with("default", cycle.into_iter().map(fg).collect(), styles)
    }
}
