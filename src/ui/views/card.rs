//! One model on a page: where it leans on each axis and how surely, and for the axis under the cursor the words at both ends,
//! the other models on it, and whom the model agrees with.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use super::Screen;
use crate::app::App;
use crate::app::action::Action;
use crate::app::views::card::{CardShown, leanings_on_screen};
use crate::base::terms::{Family, Framing};
use crate::base::text::{count, counted, visible, visible_word};
use crate::stats::card::{Axis, Card, Extremes, Leaning, Pole, Ranked};
use crate::tables::long::rank_text;
use crate::ui::corner::Corner;
use crate::ui::fit::{fit, fit_name, width};
use crate::ui::glyphs::Glyphs;
use crate::ui::provenance::Provenance;
use crate::ui::theme::Theme;
use crate::ui::widgets::strip::column;
use crate::ui::widgets::table::{self, Column};
use crate::ui::{category_styles, line_with_end, look, model_name, no_model, notice, numbers, size_of};

/// What the numbers are.
const LEANING: [&str; 3] = [
    "Leaning: the poles' difference in median rank, mean over prompts; + to the first. 95 %: bootstrap over prompts, words",
    "Leaning: poles' difference in median rank, mean over prompts; + to the first",
    "Leaning: difference in median rank, + to the first",
];

/// The screen of one model's card.
pub struct CardScreen;

impl Screen for CardScreen {
    fn body(&self, frame: &mut Frame, area: Rect, app: &App, theme: &Theme) {
        let Some(shown) = app.views.card.shown().filter(|shown| Some(shown.model) == app.focus) else {
            let text = match app.models.is_empty() {
                true => no_model(),
                false => "computing".to_owned(),
            };
            return notice(frame, area, &text, theme);
        };
        let Some(card) = shown.card() else {
            return notice(frame, area, "no prompt is scored whole yet: a card begins with the first", theme);
        };
        if card.axes.is_empty() {
            let corpus = Action::Corpus.key_text();
            return notice(
                frame,
                area,
                &format!("a card needs categories, and no word has one: {corpus} chooses another list"),
                theme,
            );
        }
        let leanings = leanings_on_screen(size_of(frame), card.axes.len());
        let leanings = Rect { height: (leanings as u16 + 1).min(area.height), ..area };
        axes(frame, leanings, app, card, theme);
        let mut y = leanings.bottom();
        if let Some(line) = judgement(app, shown, theme) {
            frame.buffer_mut().set_line(area.x, y, &line, area.width);
            y += 1;
        }
        let selected = &card.axes[app.views.card.axis.row(card.axes.len())];
        let below = Rect { y: y + 1, height: area.bottom().saturating_sub(y + 1), ..area };
        lists(frame, below, app, card, selected, theme);
    }

    fn heading(&self, frame: &mut Frame, area: Rect, app: &App, theme: &Theme) {
        heading(frame, area, app, theme);
    }

    fn corner<'a>(&self, _app: &'a App) -> Corner<'a> {
        Corner::default()
    }

    fn provenance<'a>(&self, _app: &'a App) -> Provenance<'a> {
        Provenance::Definition(LEANING)
    }
}

/// The second line of the screen: whose card it is, and what it rests on.
fn heading(frame: &mut Frame, area: Rect, app: &App, theme: &Theme) {
    let glyphs = Glyphs::of(theme.ascii);
    let Some(model) = app.focused() else { return };
    let mut left = vec![Span::raw(" "), model_name(model, 40, theme), Span::raw("  ")];
    let mut right = crate::ui::warning::warning(app, usize::from(area.width).saturating_sub(26), theme).unwrap_or_default();
    let warned = !right.spans.is_empty();
    if let Some((shown, card)) = app.views.card.shown().filter(|shown| shown.model == model.id).and_then(|s| Some((s, s.card()?)))
    {
        let asked = [(card.positive_prompts, "+"), (card.negative_prompts, "−"), (card.other_prompts, "?")];
        let sign = |sign: &'static str| if sign == "−" { glyphs.minus.to_string() } else { sign.to_owned() };
        let asked: Vec<String> = asked.iter().filter(|(n, _)| *n > 0).map(|(n, s)| format!("{n}{}", sign(s))).collect();
        let facts = format!("{} {} prompts {}", counted(card.words, "word"), glyphs.dot, asked.join(" "));
        left.push(Span::styled(facts, theme.text));
        let (done, all) = (shown.progress.columns, shown.progress.columns_wanted);
        if shown.progress.is_partial() {
            right.push_span(Span::styled(format!("partial: {} of {} tables ", count(done), count(all)), theme.warning));
            if !app.all_prompts && !warned {
                right.push_span(Span::styled(format!("{} {} scores all ", glyphs.dot, Action::AllPrompts.key_text()), theme.dim));
            }
        } else if shown.missing > 0 {
            right.push_span(Span::styled(format!("{} not common to all ", counted(shown.missing, "word")), theme.dim));
        }
    }
    line_with_end(frame, area, Line::from(left), right);
}

fn framing_sign(framing: Option<Framing>, glyphs: &Glyphs) -> (char, &'static str) {
    match framing {
        Some(Framing::Positive) => ('+', "positive"),
        Some(Framing::Negative) => (glyphs.minus, "negative"),
        None => ('?', "any framing"),
    }
}

/// One decimal, with its sign.
fn signed_ranks(value: f64, glyphs: &Glyphs) -> String {
    if value < 0.0 { format!("{}{:.1}", glyphs.minus, -value) } else { format!("+{value:.1}") }
}

fn axes(frame: &mut Frame, area: Rect, app: &App, card: &Card, theme: &Theme) {
    let glyphs = Glyphs::of(theme.ascii);
    // One scale, so that axes can be compared.
    let ends = |leaning: &Leaning| {
        leaning
            .models
            .iter()
            .map(|standing| standing.value)
            .chain([leaning.interval.0, leaning.interval.1])
            .map(f64::abs)
            .fold(1.0, f64::max)
    };
    let bound = card.axes.iter().map(ends).fold(1.0, f64::max);
    let scale = format!("{}{bound:.0}", glyphs.minus);
    let names = card.axes.iter().map(|leaning| width(&axis_name(&leaning.axis))).max().unwrap_or(0) as u16;
    let columns: Vec<Column<&Leaning>> = vec![
        Column::new("leans to", names.clamp(12, 24), names.clamp(12, 40), move |leaning: &&Leaning, cells| {
            let name = axis_name(&leaning.axis);
            Line::styled(fit_name(&name, cells, glyphs.ellipsis).into_owned(), theme.title)
        })
        .gap(2)
        .eager(),
        Column::new("", 1, 10, move |leaning: &&Leaning, cells| {
            let (sign, name) = framing_sign(leaning.framing, glyphs);
            Line::styled(if cells >= 10 { format!("{sign} {name}") } else { sign.to_string() }, theme.text)
        }),
        Column::new("places", 7, 8, move |leaning: &&Leaning, _| Line::styled(signed_ranks(leaning.value, glyphs), theme.text))
            .right(),
        Column::new("95 %", 16, 18, move |leaning: &&Leaning, _| {
            let (low, high) = (signed_ranks(leaning.interval.0, glyphs), signed_ranks(leaning.interval.1, glyphs));
            Line::styled(format!("[{low}, {high}]"), theme.dim)
        })
        .right()
        .priority(1),
        Column::new(scale, 17, 81, move |leaning: &&Leaning, cells| strip(leaning, card, bound, cells, theme)).gap(2),
        Column::new("place", 7, 8, move |leaning: &&Leaning, _| {
            let many = leaning.models.len();
            Line::styled(if many > 1 { format!("{} of {many}", rank_text(leaning.place)) } else { String::new() }, theme.text)
        })
        .right(),
    ];
    let lines = card.axes.len();
    let height = usize::from(area.height.saturating_sub(1));
    let offset = app.views.card.axis.offset(lines, height);
    let cursor = app.views.card.axis.row(lines).checked_sub(offset);
    table::draw(&columns, card.axes.iter().skip(offset), cursor, area, frame.buffer_mut(), &look(theme));
    // The other end of the scale, over the last cell of the strips.
    if let Some((x, wide)) = table::column_spans(&columns, area.width)[4] {
        let high = format!("+{bound:.0}");
        let at = (area.x + x + wide).saturating_sub(high.len() as u16);
        frame.buffer_mut().set_line(at, area.y, &Line::styled(high, theme.header), area.right().saturating_sub(at));
    }
}

/// `agency over communion`; of two sides of one, what they are sides of is said once: `care: virtue/vice`.
fn axis_name(axis: &Axis) -> String {
    let Pole::Category(second) = &axis.second else { return visible(&axis.axis).into_owned() };
    let [first, second] = [&axis.first, second].map(|name| visible(name).into_owned());
    let parted = |name: &str| name.rsplit_once(['_', '.', '-', ' ']).map(|(stem, side)| (stem.to_owned(), side.to_owned()));
    match (parted(&first), parted(&second)) {
        (Some((stem, side)), Some((other, against))) if stem == other => format!("{stem}: {side}/{against}"),
        _ => visible(&axis.axis).into_owned(),
    }
}

/// The other models by their signs, the model's own interval and, on top of all, its own sign.
fn strip(leaning: &Leaning, card: &Card, bound: f64, cells: usize, theme: &Theme) -> Line<'static> {
    let glyphs = Glyphs::of(theme.ascii);
    let at = |value: f64| column((value / bound + 1.0) / 2.0, cells);
    let mut line: Vec<(char, Style)> = vec![(glyphs.axis, theme.dim); cells];
    let mut put = |at: usize, sign: char, style: Style| {
        if let Some(cell) = line.get_mut(at) {
            *cell = (sign, style);
        }
    };
    put(at(0.0), glyphs.chance, theme.dim);
    let style = theme.family(Family::guess(&card.family));
    for x in at(leaning.interval.0)..=at(leaning.interval.1) {
        put(x, glyphs.whisker, style);
    }
    for other in leaning.models.iter().filter(|standing| standing.model != card.model) {
        let family = Family::guess(&other.family);
        put(at(other.value), glyphs.family(family), theme.family(family));
    }
    let own = glyphs.family(Family::guess(&card.family));
    put(at(leaning.value), own, style.add_modifier(Modifier::REVERSED | Modifier::BOLD));
    Line::from(line.into_iter().map(|(sign, style)| Span::styled(sign.to_string(), style)).collect::<Vec<_>>())
}

/// `pairs judged as people did  84.2 %  95 % 81.0 to 87.1  500 pairs`.
fn judgement(app: &App, shown: &CardShown, theme: &Theme) -> Option<Line<'static>> {
    let judged = app.views.card.judged(shown.model)?;
    let mut spans = vec![Span::styled("  pairs judged as people did  ", theme.title)];
    match judged.accuracy {
        None => spans.push(Span::styled(format!("none yet, of {}", count(judged.total)), theme.dim)),
        Some(accuracy) => {
            let percent = |share: f64| format!("{:.1}", share * 100.0);
            spans.push(Span::styled(format!("{} %", percent(accuracy.accuracy)), theme.text));
            let (low, high) = (percent(accuracy.interval.0), percent(accuracy.interval.1));
            spans.push(Span::styled(format!("   95 % [{low}, {high}]   "), theme.dim));
            let partial = judged.pairs < judged.total;
            let style = if partial { theme.warning } else { theme.dim };
            let of_all = if partial { format!("partial: {} of ", count(judged.pairs)) } else { String::new() };
            spans.push(Span::styled(format!("{of_all}{} pairs", count(judged.total)), style));
            if accuracy.ties > 0 {
                spans.push(Span::styled(format!(", {} ties", count(accuracy.ties)), theme.dim));
            }
        }
    }
    Some(Line::from(spans))
}

/// A title and the lines below it.
type List<'a> = (String, Vec<Line<'a>>);

fn lists(frame: &mut Frame, area: Rect, app: &App, card: &Card, selected: &Leaning, theme: &Theme) {
    let glyphs = Glyphs::of(theme.ascii);
    let (sign, _) = framing_sign(selected.framing, glyphs);
    let none = Extremes { framing: selected.framing, prompts: 0, top: Vec::new(), bottom: Vec::new() };
    let words = card.words_by_framing.iter().find(|extremes| extremes.framing == selected.framing).unwrap_or(&none);
    // Where there is no room for all of them, names that can be read matter more than a fourth list.
    const LEAST: usize = 19;
    let columns = (usize::from(area.width.saturating_sub(2)) / LEAST).clamp(1, 4);
    let wide = usize::from(area.width.saturating_sub(2)) / columns;
    let styles = category_styles(&app.universe.corpus.categories, theme);
    let lists: [List; 4] = [
        (format!("ranked first {sign}"), words.top.iter().map(|ranked| word(app, ranked, &styles, wide, theme)).collect()),
        (format!("ranked last {sign}"), words.bottom.iter().map(|ranked| word(app, ranked, &styles, wide, theme)).collect()),
        (format!("leanings {sign}"), standings(card, selected, wide, theme)),
        ("ranks alike, rho".to_owned(), likenesses(card, wide, theme)),
    ];
    for (x, (title, lines)) in (area.x + 2..).step_by(wide).zip(lists).take(columns) {
        if area.height == 0 {
            return;
        }
        let heading = fit(&title, wide.saturating_sub(1), glyphs.ellipsis).into_owned();
        frame.buffer_mut().set_line(x, area.y, &Line::styled(heading, theme.header), wide as u16);
        let room = usize::from(area.height - 1);
        let fitting = if lines.len() > room { room.saturating_sub(1) } else { room };
        let more = lines.len().saturating_sub(fitting);
        for (y, line) in (area.y + 1..).zip(lines.iter().take(fitting)) {
            frame.buffer_mut().set_line(x, y, line, wide.saturating_sub(1) as u16);
        }
        // Words have no end worth telling; models are counted.
        if more > 0 && (title.starts_with("leanings") || title.starts_with("ranks alike")) {
            let line = Line::styled(format!("+{more} more"), theme.dim);
            frame.buffer_mut().set_line(x, area.bottom() - 1, &line, wide as u16);
        }
    }
}

/// A word with its mean rank, in the colour of its category.
fn word(app: &App, ranked: &Ranked, styles: &[Style], cells: usize, theme: &Theme) -> Line<'static> {
    let glyphs = Glyphs::of(theme.ascii);
    let shown = visible_word(&ranked.word, theme.ascii);
    let rank = format!("{:>6.1} ", ranked.mean_rank);
    let word = fit(&shown, cells.saturating_sub(rank.len() + 1), glyphs.ellipsis).into_owned();
    let names = &app.universe.corpus.categories;
    let category = ranked.categories.first().and_then(|name| names.iter().position(|known| known == name));
    let style = category.map_or(theme.text, |at| styles.get(at).copied().unwrap_or(theme.text));
    Line::from(vec![Span::styled(rank, theme.dim), Span::styled(word, style)])
}

/// Every model on the axis, the one that leans farthest to its first pole on top.
fn standings(card: &Card, leaning: &Leaning, cells: usize, theme: &Theme) -> Vec<Line<'static>> {
    if leaning.models.len() < 2 {
        return vec![Line::styled(format!("{} opens others", Action::OpenModel.key_text()), theme.dim)];
    }
    let line = |standing: &crate::stats::card::Standing| {
        let own = standing.model == card.model;
        named(&signed_ranks(standing.value, Glyphs::of(theme.ascii)), &standing.model, &standing.family, own, cells, theme)
    };
    leaning.models.iter().map(line).collect()
}

fn likenesses(card: &Card, cells: usize, theme: &Theme) -> Vec<Line<'static>> {
    let glyphs = Glyphs::of(theme.ascii);
    let line = |likeness: &crate::stats::card::Likeness| {
        named(
            &numbers::signed(likeness.spearman.unwrap_or(f64::NAN), 2, glyphs),
            &likeness.model,
            &likeness.family,
            false,
            cells,
            theme,
        )
    };
    card.agreement.iter().map(line).collect()
}

/// `+41.2 ◆ R-Lla-3B`.
fn named(number: &str, name: &str, family: &str, own: bool, cells: usize, theme: &Theme) -> Line<'static> {
    let glyphs = Glyphs::of(theme.ascii);
    let family = Family::guess(family);
    let before = format!("{number}{}", " ".repeat(7usize.saturating_sub(width(number))));
    let name = visible(name);
    let name = fit_name(&name, cells.saturating_sub(width(&before) + 3), glyphs.ellipsis);
    let style = if own { theme.family(family).add_modifier(Modifier::BOLD | Modifier::UNDERLINED) } else { theme.family(family) };
    Line::from(vec![Span::styled(before, theme.text), Span::styled(format!("{} {name}", glyphs.family(family)), style)])
}
