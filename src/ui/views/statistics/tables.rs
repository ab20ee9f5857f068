//! The statistics as tables: contrasts, the mixed model, agreement between models.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::panels::{framing, starred, what_a_difference_is};
use crate::app::App;
use crate::app::action::Action;
use crate::app::views::statistics::{ModelPair, Statistics, layout};
use crate::base::text::{count, visible, wrap};
use crate::report::panels::{Panel, why_in_short, why_they_differ};
use crate::report::wording::{NOT_SIGNIFICANT, p_in_short, stars};
use crate::stats::contrast::{Kind, Quantity, Test, TestResult, Value, shown_tests};
use crate::stats::results::{Contrast, FixedEffect};
use crate::ui::fit::{fit, fit_name, width};
use crate::ui::glyphs::Glyphs;
use crate::ui::numbers::{self, letter};
use crate::ui::theme::Theme;
use crate::ui::widgets::table::{self, Column};
use crate::ui::{look, notice, size_of};

/// A panel, and one of its contrasts; none where nothing can be compared.
type Row<'a> = (&'a Panel, Option<&'a Contrast>);

pub fn contrasts(frame: &mut Frame, area: Rect, app: &App, shown: &Statistics, theme: &Theme) {
    let rows: Vec<Row> = shown.panels.iter().flat_map(contrasts_of).collect();
    let several = rows.len() > shown.panels.len();
    let selected = app.views.statistics.selected();
    let row = rows.iter().position(|(panel, _)| Some(*panel) == selected).unwrap_or(0);
    let height = layout::statistics_rows(size_of(frame));
    let offset = if several { (row + 1).saturating_sub(height) } else { app.views.statistics.panel.offset(rows.len(), height) };
    let columns = contrast_columns(shown.report.adjusted_for, several, theme);
    let place = Rect { height: area.height.min(height as u16 + 1), ..area };
    let cursor = (!rows.is_empty()).then(|| row - offset.min(row));
    let glyphs = Glyphs::of(theme.ascii);
    table::draw(&columns, rows.iter().skip(offset).copied(), cursor, place, frame.buffer_mut(), &look(theme));
    let room = usize::from(area.width.saturating_sub(4));
    let difference = what_a_difference_is(&shown.report, glyphs).first().map_or(String::new(), |of| format!("{of}."));
    let texts = match selected.and_then(|panel| panel.contrasts.first()) {
        Some(contrast) => vec![why_they_differ(contrast), why_in_short(contrast, room).join(" ")],
        None => vec!["Nothing to compare: models of two families that are known are needed.".to_owned()],
    };
    let texts: Vec<String> = texts.into_iter().map(|why| format!("{difference} {why}").trim_start().to_owned()).collect();
    explain(frame, area, &texts, theme);
}

fn contrasts_of(panel: &Panel) -> Vec<Row<'_>> {
    match panel.contrasts[..] {
        [] => vec![(panel, None)],
        _ => panel.contrasts.iter().map(|contrast| (panel, Some(contrast))).collect(),
    }
}

fn contrast_columns<'a>(adjusted_for: usize, several: bool, theme: &'a Theme) -> Vec<Column<'a, Row<'a>>> {
    let glyphs = Glyphs::of(theme.ascii);
    let number = |text: Option<String>, style: Style| match text {
        Some(text) => Line::styled(text, style),
        None => Line::styled(glyphs.none.to_string(), theme.dim),
    };
    let mut columns = vec![
        Column::new("category", 11, 20, move |(panel, _): &Row, cells| {
            let name = visible(&panel.category);
            Line::styled(fit_name(&name, cells, glyphs.ellipsis).into_owned(), theme.title)
        })
        .gap(2)
        .eager(),
        Column::new("", 1, 10, move |(panel, _): &Row, cells| {
            let (sign, name) = framing(panel.framing, glyphs);
            Line::styled(if cells >= 10 { format!("{sign} {name}") } else { sign.to_string() }, theme.text)
        }),
    ];
    if several {
        columns.push(Column::new("", 5, 5, move |(_, contrast): &Row, _| {
            let pair = contrast.map(|c| c.families.each_ref().map(|name| letter(name)));
            Line::styled(pair.map_or(String::new(), |[a, b]| format!("{b} {} {a}", glyphs.minus)), theme.dim)
        }));
    }
    columns.push(
        Column::new(glyphs.delta, 7, 9, move |(_, c): &Row, _| {
            number(c.map(|c| numbers::signed(c.difference, 1, glyphs)), theme.text)
        })
        .right(),
    );
    for (at, test) in shown_tests().enumerate() {
        for (first, quantity) in test.screen_columns().into_iter().enumerate().map(|(i, quantity)| (i == 0, quantity)) {
            let column = test_column(test, quantity, adjusted_for, theme);
            columns.push(if first && at > 0 { column.gap(2) } else { column });
            if quantity.kind == Kind::Bonferroni && !test.is_as_published() {
                columns.push(stars_column(test, theme).priority(quantity.priority));
            }
        }
    }
    columns
}

/// One of the values of a test.
fn test_column<'a>(
    test: &'static Test,
    quantity: &'static Quantity,
    adjusted_for: usize,
    theme: &'a Theme,
) -> Column<'a, Row<'a>> {
    let glyphs = Glyphs::of(theme.ascii);
    let title = match quantity.kind {
        Kind::Bonferroni if adjusted_for > 0 => format!("{}{}{adjusted_for}", quantity.screen_heading, glyphs.times),
        _ => quantity.screen_heading.to_owned(),
    };
    let (least, most) = match quantity.kind {
        Kind::DegreesOfFreedom => (6, 8),
        Kind::Interval | Kind::Low => (14, 17),
        _ => (7, 9),
    };
    let judged = move |p: f64| match p {
        _ if test.is_as_published() => theme.dim,
        p if p < 0.05 => theme.selected,
        _ => theme.text,
    };
    let between = move |ends: [f64; 2]| ends.map(|end| numbers::signed(end, 1, glyphs)).join(" to ");
    let shown = move |result: &TestResult| match (result.value(quantity.key)?, quantity.kind) {
        (Value::Number(p), Kind::P | Kind::Bonferroni | Kind::FalseDiscovery) => Some((p_in_short(p), judged(p))),
        (Value::Number(p), Kind::LeastP) => Some((p_in_short(p), theme.dim)),
        (Value::Number(_), Kind::Low) => Some((between(result.ends()?), theme.text)),
        (Value::Number(t), Kind::Statistic) if test.is_as_published() => Some((numbers::signed(t, 2, glyphs), theme.dim)),
        (Value::Number(df), Kind::DegreesOfFreedom) => Some((format!("{df:.1}"), theme.dim)),
        (Value::Number(value), _) => Some((numbers::signed(value, 2, glyphs), theme.text)),
        (Value::Count(n), _) => Some((count(n as usize), theme.text)),
        (Value::Interval(Some(ends)), _) => Some((between(ends), theme.text)),
        (Value::Interval(None) | Value::Flag(_), _) => None,
    };
    let least = (width(&title) as u16).max(least);
    Column::new(title, least, most, move |(_, contrast): &Row, _| {
        match contrast.and_then(|contrast| contrast.result(test)).and_then(shown) {
            Some((text, style)) => Line::styled(text, style),
            None => Line::styled(glyphs.none.to_string(), theme.dim),
        }
    })
    .right()
    .priority(quantity.priority)
}

/// The stars of a test's adjusted p-value.
fn stars_column<'a>(test: &'static Test, theme: &'a Theme) -> Column<'a, Row<'a>> {
    Column::new("", 4, 4, move |(_, contrast): &Row, _| {
        match contrast.and_then(|contrast| contrast.result(test)?.p_bonferroni()) {
            Some(p) => Line::styled(stars(p, NOT_SIGNIFICANT), starred(p, theme)),
            None => Line::default(),
        }
    })
}

/// A term of the mixed model that is shown, and the same term as published, beside random slopes.
type Term<'a> = (&'a FixedEffect, Option<&'a FixedEffect>);

pub fn mixed_model(frame: &mut Frame, area: Rect, app: &App, shown: &Statistics, theme: &Theme) {
    let glyphs = Glyphs::of(theme.ascii);
    let report = &shown.report;
    let published = report.mixed_model.as_ref().map_or(&[][..], |model| &model.fixed);
    let terms: Vec<Term> = match &report.random_slopes {
        Some(slopes) => slopes.fixed.iter().enumerate().map(|(at, effect)| (effect, published.get(at))).collect(),
        None => published.iter().map(|effect| (effect, None)).collect(),
    };
    if terms.is_empty() {
        let why = report.mixed_model_note.as_deref().unwrap_or("the mixed model needs more cells");
        return notice(frame, area, &format!("cell ~ family * category * framing, random slopes by model: {why}"), theme);
    }
    let has_slopes = report.random_slopes.is_some();
    let number = |text: String, style: Style| Line::styled(text, style);
    let judged = move |p: f64| if has_slopes { starred(p, theme) } else { theme.dim };
    let mut columns: Vec<Column<&Term>> = vec![
        Column::new("term", 26, 62, move |(effect, _): &&Term, cells| {
            let term = visible(&effect.term);
            let bare = term.replace("family[", "").replace("category[", "").replace("framing[", "").replace(']', "");
            let term = if term.len() > cells { bare.as_str() } else { &term };
            Line::styled(fit(term, cells, glyphs.ellipsis).into_owned(), theme.title)
        })
        .gap(2),
        Column::new("estimate", 9, 11, move |(e, _): &&Term, _| number(numbers::signed(e.estimate, 2, glyphs), theme.text))
            .right(),
        Column::new("se", 7, 9, move |(e, _): &&Term, _| number(format!("{:.2}", e.se), theme.dim)).right().priority(1),
        Column::new("df", 7, 9, move |(e, _): &&Term, _| number(format!("{:.1}", e.df), theme.dim)).right().priority(2),
        Column::new("t", 7, 9, move |(e, _): &&Term, _| number(numbers::signed(e.t, 2, glyphs), theme.text)).right(),
        Column::new("p", 7, 9, move |(e, _): &&Term, _| number(p_in_short(e.p), judged(e.p))).right(),
    ];
    if has_slopes {
        columns.push(Column::new("", 4, 4, move |(e, _): &&Term, _| {
            number(stars(e.p, NOT_SIGNIFICANT).to_owned(), starred(e.p, theme))
        }));
        columns.push(
            Column::new("published", 9, 9, move |(_, published): &&Term, _| {
                published.map_or_else(Line::default, |e| number(p_in_short(e.p), theme.dim))
            })
            .right()
            .priority(3),
        );
    }
    list(frame, area, app, &columns, terms.iter(), theme);
    let text = match (&report.random_slopes, &report.mixed_model) {
        (Some(model), _) => format!(
            "cell ~ family * category * framing, random intercept and slopes by model, by REML. n {} cells, {} models. Stars: t of \
             the term, df models less families. published: p with a random intercept alone, which does not hold.",
            model.n, model.groups
        ),
        (None, published) => format!(
            "As published, with a random intercept by model alone ({}): no stars, as these p do not hold. Random slopes: {}.",
            published.as_ref().map_or(String::new(), |model| format!("n {} cells, {} models", model.n, model.groups)),
            report.random_slopes_note.as_deref().unwrap_or("not computed")
        ),
    };
    explain(frame, area, &[text], theme);
}

pub fn pairs(frame: &mut Frame, area: Rect, app: &App, shown: &Statistics, theme: &Theme) {
    let glyphs = Glyphs::of(theme.ascii);
    if shown.pairs.is_empty() {
        let open = Action::OpenModel.key_text();
        return notice(frame, area, &format!("two models are needed to agree: {open} opens another"), theme);
    }
    let family = |name: &str| {
        let model = shown.report.models.iter().find(|model| *model.model == *name);
        crate::base::terms::Family::guess(model.map_or("", |model| &model.family))
    };
    let name = move |name: &str, cells: usize| {
        let family = family(name);
        let shown = visible(name);
        let shown = fit(&shown, cells.saturating_sub(2), glyphs.ellipsis);
        Line::from(Span::styled(format!("{} {shown}", glyphs.family(family)), theme.family(family)))
    };
    let value = move |value: Option<f64>| match value {
        Some(value) => Line::styled(numbers::signed(value, 2, glyphs), theme.text),
        None => Line::styled(glyphs.none.to_string(), theme.dim),
    };
    let columns = vec![
        Column::new("model", 18, 34, move |pair: &&ModelPair, cells| name(&pair.a, cells)).gap(2),
        Column::new("and model", 18, 34, move |pair: &&ModelPair, cells| name(&pair.b, cells)),
        Column::new("Spearman", 8, 9, move |pair: &&ModelPair, _| value(pair.spearman)).right(),
        Column::new("Kendall", 8, 9, move |pair: &&ModelPair, _| value(pair.kendall)).right().priority(1),
        Column::new("RBO", 6, 8, move |pair: &&ModelPair, _| value(pair.rbo)).right().priority(2),
        Column::new("Spearman from, to", 17, 18, move |pair: &&ModelPair, _| match pair.range {
            Some((low, high)) => {
                Line::styled(format!("{}  {}", numbers::signed(low, 2, glyphs), numbers::signed(high, 2, glyphs)), theme.dim)
            }
            None => Line::default(),
        })
        .right()
        .priority(4),
        Column::new("prompts", 7, 8, move |pair: &&ModelPair, _| Line::styled(pair.prompts.to_string(), theme.dim))
            .right()
            .priority(3),
    ];
    list(frame, area, app, &columns, shown.pairs.iter(), theme);
    explain(
        frame,
        area,
        &["How alike two models rank the words of a prompt, as means over the prompts that both have. Spearman and Kendall \
             (tau-b): 1 the same order, 0 none, below zero reversed. RBO: rank-biased overlap, which counts the top of the lists \
             most."
            .to_owned()],
        theme,
    );
}

/// The rows on the screen, the one under the cursor marked.
fn list<'a, Row: 'a>(
    frame: &mut Frame,
    area: Rect,
    app: &App,
    columns: &[Column<&'a Row>],
    rows: impl ExactSizeIterator<Item = &'a Row>,
    theme: &Theme,
) {
    let (height, lines) = (layout::statistics_rows(size_of(frame)), rows.len());
    let cursor = app.views.statistics.cursor();
    let offset = cursor.offset(lines, height);
    let place = Rect { height: area.height.min(height as u16 + 1), ..area };
    table::draw(columns, rows.skip(offset), Some(cursor.row(lines) - offset), place, frame.buffer_mut(), &look(theme));
}

/// Plain words below a table: the first of the texts that has room, else the last.
fn explain(frame: &mut Frame, area: Rect, texts: &[String], theme: &Theme) {
    let y = area.bottom().saturating_sub(layout::STATISTICS_NOTES);
    let wrapped = |text: &String| wrap(text, usize::from(area.width.saturating_sub(4)));
    let fits = |lines: &Vec<String>| lines.len() <= usize::from(layout::STATISTICS_NOTES);
    let lines = texts.iter().map(wrapped).find(fits).or(texts.last().map(wrapped)).unwrap_or_default();
    for (y, line) in (y..area.bottom()).zip(lines) {
        frame.buffer_mut().set_line(area.x + 2, y, &Line::styled(line, theme.dim), area.width.saturating_sub(2));
    }
}
