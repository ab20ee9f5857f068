//! The statistics as tables: contrasts, the mixed model, agreement between models.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::panels::{framing, signed, signed_two, starred};
use crate::app::statistics::{Pair, Statistics};
use crate::app::{App, layout};
use crate::stats::panels::{Panel, p_text, stars, why_they_differ};
use crate::stats::report::{Contrast, FixedEffect};
use crate::text::{visible, wrap};
use crate::ui::fit::fit;
use crate::ui::glyphs::Glyphs;
use crate::ui::theme::Theme;
use crate::ui::widgets::table::{self, Column};
use crate::ui::{look, notice};

pub fn contrasts(frame: &mut Frame, area: Rect, app: &App, shown: &Statistics, theme: &Theme) {
    let glyphs = Glyphs::of(theme.ascii);
    let number = |text: Option<String>, style: Style| match text {
        Some(text) => Line::styled(text, style),
        None => Line::styled(glyphs.none.to_string(), theme.dim),
    };
    let of = |panel: &&Panel| panel.contrast.clone();
    let p_column = move |title: String, p: fn(&Contrast) -> Option<f64>| {
        Column::new(title, 7, 9, move |panel: &&Panel, _| {
            let p = panel.contrast.as_ref().and_then(p);
            number(p.map(p_text), p.map_or(theme.dim, |p| if p < 0.05 { theme.selected } else { theme.text }))
        })
        .right()
    };
    let times = format!("p{}{}", glyphs.times, shown.panels.len());
    let columns = vec![
        Column::new("category", 11, 20, move |panel: &&Panel, cells| {
            let name = visible(&panel.category);
            Line::styled(fit(&name, cells, glyphs.ellipsis).into_owned(), theme.title)
        })
        .gap(2),
        Column::new("", 1, 10, move |panel: &&Panel, cells| {
            let (sign, name) = framing(panel.framing, glyphs);
            Line::styled(if cells >= 10 { format!("{sign} {name}") } else { sign.to_string() }, theme.text)
        }),
        Column::new("diff", 7, 9, move |p: &&Panel, _| number(of(p).map(|c| signed(c.difference, glyphs)), theme.text)).right(),
        Column::new("t", 7, 9, move |p: &&Panel, _| {
            number(of(p).and_then(|c| c.welch).map(|w| signed_two(w.t, glyphs)), theme.text)
        })
        .right(),
        Column::new("df", 6, 8, move |p: &&Panel, _| {
            number(of(p).and_then(|c| c.welch).map(|w| format!("{:.1}", w.df)), theme.dim)
        })
        .right()
        .priority(2),
        p_column("p".to_owned(), |c| c.welch.map(|w| w.p)).priority(1),
        p_column(times, |c| c.welch.map(|w| w.p_bonferroni)),
        Column::new("", 4, 4, move |p: &&Panel, _| match of(p).and_then(|c| c.welch) {
            Some(w) => Line::styled(stars(w.p_bonferroni), starred(w.p_bonferroni, theme)),
            None => Line::default(),
        }),
        p_column("FDR".to_owned(), |c| c.welch.map(|w| w.p_fdr)).priority(3),
        p_column("perm.".to_owned(), |c| c.permutation.map(|p| p.p)).priority(4),
        p_column("exact".to_owned(), |c| c.exact_models.map(|e| e.p)).gap(2),
        Column::new("", 4, 4, move |p: &&Panel, _| match of(p).and_then(|c| c.exact_models) {
            Some(e) => Line::styled(stars(e.p), starred(e.p, theme)),
            None => Line::default(),
        }),
    ];
    let selected = app.statistics.panel.row(shown.panels.len());
    list(frame, area, app, &columns, shown.panels.iter(), theme);
    let Some(panel) = shown.panels.get(selected) else { return };
    let names: Vec<_> = panel.families.iter().map(|group| visible(&group.name).into_owned()).collect();
    let mut text = match &names[..] {
        [first, second] => {
            format!("diff: {second} {} {first}, below zero {second} ranks it higher. t to FDR: Welch.", glyphs.minus)
        }
        _ => "contrasts need models of exactly two families.".to_owned(),
    };
    if let Some(p) = panel.contrast.as_ref().and_then(|c| c.permutation) {
        text.push_str(&format!(" perm.: {} shuffles of cells, seed {}.", p.replicates, p.seed));
    }
    let cells = panel.families.iter().map(|group| group.n()).sum();
    let why = panel.contrast.as_ref().and_then(|c| why_they_differ(c, cells, panel.models.len()));
    explain(frame, area, &[text, why.unwrap_or_default()].join(" "), theme);
}

pub fn mixed_model(frame: &mut Frame, area: Rect, app: &App, shown: &Statistics, theme: &Theme) {
    let glyphs = Glyphs::of(theme.ascii);
    let Some(model) = &shown.report.mixed_model else {
        let why = shown.report.mixed_model_note.as_deref().unwrap_or("the mixed model needs more cells");
        return notice(frame, area, &format!("cell ~ family * category * framing, random intercept by model: {why}"), theme);
    };
    let number = |text: String, style: Style| Line::styled(text, style);
    let columns = vec![
        Column::new("term", 26, 62, move |effect: &&FixedEffect, cells| {
            let term = visible(&effect.term);
            let bare = term.replace("family[", "").replace("category[", "").replace("framing[", "").replace(']', "");
            let term = if term.len() > cells { bare.as_str() } else { &term };
            Line::styled(fit(term, cells, glyphs.ellipsis).into_owned(), theme.title)
        })
        .gap(2),
        Column::new("estimate", 9, 11, move |e: &&FixedEffect, _| number(signed_two(e.estimate, glyphs), theme.text)).right(),
        Column::new("se", 7, 9, move |e: &&FixedEffect, _| number(format!("{:.2}", e.se), theme.dim)).right(),
        Column::new("df", 7, 9, move |e: &&FixedEffect, _| number(format!("{:.1}", e.df), theme.dim)).right().priority(1),
        Column::new("t", 7, 9, move |e: &&FixedEffect, _| number(signed_two(e.t, glyphs), theme.text)).right(),
        Column::new("p", 7, 9, move |e: &&FixedEffect, _| number(p_text(e.p), starred(e.p, theme))).right(),
        Column::new("", 4, 4, move |e: &&FixedEffect, _| number(stars(e.p).to_owned(), starred(e.p, theme))),
    ];
    list(frame, area, app, &columns, model.fixed.iter(), theme);
    let text = format!(
        "cell ~ family * category * framing with a random intercept by model, by REML. n {} cells, {} models. Variance of the \
         intercepts {:.2}, of the residuals {:.2}. Stars: t of the term.",
        model.n, model.groups, model.intercept_variance, model.residual_variance
    );
    explain(frame, area, &text, theme);
}

pub fn agreement(frame: &mut Frame, area: Rect, app: &App, shown: &Statistics, theme: &Theme) {
    let glyphs = Glyphs::of(theme.ascii);
    if shown.pairs.is_empty() {
        return notice(frame, area, "two models are needed to agree: m opens another", theme);
    }
    let family = |name: &str| {
        let model = shown.report.models.iter().find(|model| *model.model == *name);
        crate::model::Family::guess(model.map_or("", |model| &model.family))
    };
    let name = move |name: &str, cells: usize| {
        let family = family(name);
        let shown = visible(name);
        let shown = fit(&shown, cells.saturating_sub(2), glyphs.ellipsis);
        Line::from(Span::styled(format!("{} {shown}", glyphs.family(family)), theme.family(family)))
    };
    let value = move |value: Option<f64>| match value {
        Some(value) => Line::styled(signed_two(value, glyphs), theme.text),
        None => Line::styled(glyphs.none.to_string(), theme.dim),
    };
    let columns = vec![
        Column::new("model", 18, 34, move |pair: &&Pair, cells| name(&pair.a, cells)).gap(2),
        Column::new("and model", 18, 34, move |pair: &&Pair, cells| name(&pair.b, cells)),
        Column::new("Spearman", 8, 9, move |pair: &&Pair, _| value(pair.spearman)).right(),
        Column::new("Kendall", 8, 9, move |pair: &&Pair, _| value(pair.kendall)).right(),
        Column::new("RBO", 6, 8, move |pair: &&Pair, _| value(pair.rbo)).right(),
        Column::new("Spearman from, to", 17, 18, move |pair: &&Pair, _| match pair.range {
            Some((low, high)) => Line::styled(format!("{}  {}", signed_two(low, glyphs), signed_two(high, glyphs)), theme.dim),
            None => Line::default(),
        })
        .right()
        .priority(2),
        Column::new("prompts", 7, 8, move |pair: &&Pair, _| Line::styled(pair.prompts.to_string(), theme.dim))
            .right()
            .priority(1),
    ];
    list(frame, area, app, &columns, shown.pairs.iter(), theme);
    explain(
        frame,
        area,
        "How alike two models rank the words of a prompt, as means over the prompts that both have. Spearman and Kendall (tau-b): \
         1 the same order, 0 none, below zero reversed. RBO: rank-biased overlap, which counts the top of the lists most.",
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
    let (height, lines) = (layout::statistics_rows(app.size), rows.len());
    let cursor = app.statistics.cursor();
    let offset = cursor.offset(lines, height);
    let place = Rect { height: area.height.min(height as u16 + 1), ..area };
    table::draw(columns, rows.skip(offset), Some(cursor.row(lines) - offset), place, frame.buffer_mut(), &look(theme));
}

/// Plain words below a table.
fn explain(frame: &mut Frame, area: Rect, text: &str, theme: &Theme) {
    let y = area.bottom().saturating_sub(layout::STATISTICS_NOTES);
    let lines = wrap(text, usize::from(area.width.saturating_sub(4)));
    for (y, line) in (y..area.bottom()).zip(lines) {
        frame.buffer_mut().set_line(area.x + 2, y, &Line::styled(line, theme.dim), area.width.saturating_sub(2));
    }
}
