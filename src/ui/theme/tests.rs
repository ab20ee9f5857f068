use std::collections::HashSet;
use std::fs;

use ratatui::style::{Color, Modifier};

use super::*;

fn with(colours: Colours) -> Abilities {
    Abilities { colours, no_color: colours == Colours::None, utf8: true, size: None }
}

fn bundled(name: &str) -> Theme {
    Theme::load(name, None, &with(Colours::True)).expect("a bundled theme is valid")
}

/// Every style of a theme, with what it is called.
fn styles(theme: &Theme) -> Vec<(String, Style)> {
    let styles = [
        ("text", theme.text),
        ("dim", theme.dim),
        ("title", theme.title),
        ("tab_active", theme.tab_active),
        ("tab_inactive", theme.tab_inactive),
        ("header", theme.header),
        ("llama", theme.llama),
        ("gemma", theme.gemma),
        ("other_family", theme.other_family),
        ("rank_up", theme.rank_up),
        ("rank_down", theme.rank_down),
        ("rank_same", theme.rank_same),
        ("bar", theme.bar),
        ("spark", theme.spark),
        ("search_match", theme.search_match),
        ("warning", theme.warning),
        ("error", theme.error),
        ("success", theme.success),
        ("provenance", theme.provenance),
        ("key_hint", theme.key_hint),
        ("key_hint_text", theme.key_hint_text),
        ("toast_info", theme.toast_info),
        ("toast_error", theme.toast_error),
        ("input", theme.input),
        ("selected", theme.selected),
    ];
    let categories = (0..theme.categories.len()).map(|i| (format!("category {i}"), theme.category(i)));
    styles.into_iter().map(|(name, style)| (name.to_owned(), style)).chain(categories).collect()
}

/// Red, green and blue in linear light, 0 to 1.
fn linear(colour: Color) -> [f64; 3] {
    let rgb = match colour {
        Color::Rgb(r, g, b) => [r, g, b],
        Color::Indexed(index) => colour::index_rgb(index),
        _ => panic!("the shade of {colour:?} is the terminal's own"),
    };
    rgb.map(|c| {
        let c = f64::from(c) / 255.0;
        if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    })
}

/// WCAG 2 contrast ratio, 1 to 21.
fn contrast(a: Color, b: Color) -> f64 {
    let luminance = |colour| {
        let [r, g, b] = linear(colour);
        0.2126 * r + 0.7152 * g + 0.0722 * b
    };
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// How a colour looks without the cones for green (Machado, Oliveira, Fernandes 2009, severity 1), linear light.
fn deuteranopia(colour: Color) -> [f64; 3] {
    const MATRIX: [[f64; 3]; 3] =
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]];
    let rgb = linear(colour);
    MATRIX.map(|row| row.iter().zip(rgb).map(|(weight, c)| weight * c).sum())
}

#[test]
fn text_has_contrast_on_the_background_it_stands_on() {
    for (name, colours) in ["dark", "light"].into_iter().flat_map(|name| [(name, Colours::True), (name, Colours::Indexed256)]) {
        let theme = Theme::load(name, None, &with(colours)).expect("valid");
        for (meaning, style) in styles(&theme) {
            let style = theme.text.patch(style);
            let mut places = vec![("", style)];
            if !meaning.starts_with("toast") {
                places.push((" under the cursor", style.patch(theme.cursor_row)));
            }
            for (place, style) in places {
                let ratio = contrast(style.fg.expect("foreground"), style.bg.expect("background"));
                assert!(ratio >= 4.5, "{name} with {colours} colours: {meaning}{place} has {ratio:.2}");
            }
        }
    }
}

#[test]
fn families_differ_for_eyes_without_green_cones() {
    for name in ["dark", "light"] {
        let theme = bundled(name);
        let [llama, gemma] = [theme.llama, theme.gemma].map(|style| deuteranopia(style.fg.expect("foreground")));
        let distance: f64 = llama.iter().zip(gemma).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
        assert!(distance > 0.25, "{name}: {distance:.3}");
    }
}

/// Degrees around the circle of hues; none for what is nearly grey.
fn hue(colour: Color) -> Option<f64> {
    let rgb = match colour {
        Color::Rgb(r, g, b) => [r, g, b],
        named => colour::TERMINAL_COLOURS.iter().find(|(_, known, _)| *known == named)?.2,
    };
    let [r, g, b] = rgb.map(|c| f64::from(c) / 255.0);
    let (most, least) = (r.max(g).max(b), r.min(g).min(b));
    if most - least < 0.2 {
        return None;
    }
    let sixths = match most {
        _ if most == r => ((g - b) / (most - least)).rem_euclid(6.0),
        _ if most == g => (b - r) / (most - least) + 2.0,
        _ => (r - g) / (most - least) + 4.0,
    };
    Some(sixths * 60.0)
}

#[test]
fn no_category_and_no_change_of_rank_has_the_colour_of_a_family() {
    for name in ["default", "dark", "light"] {
        let theme = bundled(name);
        let families = [theme.llama, theme.gemma].map(|style| hue(style.fg.expect("foreground")).expect("a hue"));
        let others = theme.categories.iter().copied().chain([theme.rank_up, theme.rank_down]);
        for other in others.filter_map(|style| hue(style.fg?)) {
            for family in families {
                let apart = (other - family).rem_euclid(360.0);
                assert!(apart.min(360.0 - apart) >= 30.0, "{name}: {other:.0} beside {family:.0}");
            }
        }
    }
}

#[test]
fn every_bundled_theme_states_every_meaning_itself() {
    for (name, text) in BUNDLED {
        let sheet = file::join(&[ThemeFile::parse(name, text).expect("valid")]).expect("valid");
        let stated: HashSet<&str> = sheet.styles.keys().map(String::as_str).collect();
        assert_eq!(stated, MEANINGS.iter().copied().collect(), "{name}");
        let distinct: HashSet<Style> = sheet.categories.iter().copied().collect();
        assert!(distinct.len() >= 6 && distinct.len() == sheet.categories.len(), "{name}");
    }
}

#[test]
fn the_default_theme_keeps_to_the_terminals_colours_and_off_both_backgrounds() {
    for (meaning, style) in styles(&Theme::default()) {
        for colour in [style.fg, style.bg].into_iter().flatten() {
            let terminal = !matches!(colour, Color::Rgb(..) | Color::Indexed(_));
            let swallowed = [Color::Black, Color::White, Color::Gray, Color::Yellow, Color::LightYellow].contains(&colour);
            assert!(terminal && !swallowed, "{meaning}: {colour:?}");
        }
    }
    assert_ne!(Theme::default().llama, Theme::default().gemma);
}

#[test]
fn without_colours_every_theme_is_modifiers_alone() {
    for name in ["default", "dark", "mono"] {
        let theme = Theme::load(name, None, &with(Colours::None)).expect("valid");
        assert!(styles(&theme).iter().all(|(_, style)| style.fg.is_none() && style.bg.is_none()), "{name}");
        assert!(theme.cursor_row.add_modifier.contains(Modifier::REVERSED), "{name}: the cursor must be seen");
    }
}

#[test]
fn a_theme_shows_only_colours_that_the_terminal_has() {
    let sent = |colours| {
        let theme = Theme::load("dark", None, &with(colours)).expect("valid");
        styles(&theme).into_iter().flat_map(|(_, style)| [style.fg, style.bg]).flatten().collect::<Vec<_>>()
    };
    assert!(sent(Colours::True).iter().all(|colour| matches!(colour, Color::Rgb(..))));
    assert!(sent(Colours::Indexed256).iter().all(|colour| matches!(colour, Color::Indexed(16..))));
    assert!(sent(Colours::Sixteen).iter().all(|colour| !matches!(colour, Color::Rgb(..) | Color::Indexed(_))));
}

#[test]
fn the_dark_theme_stays_readable_in_sixteen_colours() {
    let theme = Theme::load("dark", None, &with(Colours::Sixteen)).expect("valid");
    for (meaning, style) in styles(&theme) {
        let style = theme.text.patch(style);
        assert_ne!(style.fg, style.bg, "{meaning}");
    }
}

#[test]
fn categories_repeat_after_the_last() {
    let theme = Theme::default();
    assert_eq!(theme.category(0), theme.category(theme.categories.len()));
    assert_ne!(theme.category(0), theme.category(1));
}

fn user_themes(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("themes")).expect("a folder");
    for (name, text) in files {
        fs::write(folder.path().join("themes").join(name), text).expect("a file");
    }
    folder
}

#[test]
fn a_users_theme_holds_only_what_differs() {
    let folder = user_themes(&[
        ("mine.toml", "inherits = 'dark'\n[palette]\norange = '#ffffff'"),
        ("dark.toml", "inherits = 'dark'\n[styles]\ntitle = { fg = '#010203' }"),
        ("bare.toml", "[styles]\ntitle = { fg = 'green' }"),
    ]);
    let load = |name: &str| Theme::load(name, Some(folder.path()), &with(Colours::True)).expect(name);
    assert_eq!(load("mine").llama.fg, Some(Color::Rgb(255, 255, 255)));
    assert_eq!(load("mine").title.fg, Some(Color::Rgb(1, 2, 3)), "the user's dark comes before the bundled one");
    assert_eq!(load("dark").gemma, bundled("dark").gemma);
    assert_eq!(load("bare").gemma, Theme::default().gemma);
    let path = folder.path().join("themes/bare.toml");
    assert_eq!(load(&path.to_string_lossy()).title.fg, Some(Color::Green));
}

#[test]
fn a_theme_that_cannot_be_used_says_why() {
    let folder = user_themes(&[
        ("circle.toml", "inherits = 'round'"),
        ("round.toml", "\ninherits = 'circle'"),
        ("orphan.toml", "inherits = 'drak'"),
        ("broken.toml", "[styles\n"),
    ]);
    for (name, parts) in [
        ("lihgt", &["no theme 'lihgt'", "did you mean 'light'", "default, dark, light, mono"][..]),
        ("circle", &["round.toml, line 2", "circle"]),
        ("orphan", &["orphan.toml, line 1", "no theme 'drak'", "did you mean 'dark'"]),
        ("broken", &["broken.toml, line 1"]),
        ("absent.toml", &["absent.toml", "cannot read"]),
    ] {
        let error = Theme::load(name, Some(folder.path()), &with(Colours::True)).expect_err(name).to_string();
        for part in parts {
            assert!(error.contains(part), "{error} lacks {part}");
        }
    }
    let listed = list(Some(folder.path()));
    let names: Vec<&str> = listed.iter().map(|theme| theme.name.as_str()).collect();
    assert_eq!(names, ["default", "dark", "light", "mono", "broken", "circle", "orphan", "round"]);
    assert!(listed.iter().all(|theme| theme.error.is_some() == theme.path.is_some()));
}
