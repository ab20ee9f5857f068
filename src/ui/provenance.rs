//! The line that says where the numbers come from: source and revision, dtype, BOS policy, template, head, or what the numbers
//! of a view are.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::fit::{fit, fit_end, width};
use super::glyphs::Glyphs;
use super::line_with_end;
use super::theme::Theme;
use crate::app::{App, Model};
use crate::base::terms::Unit;
use crate::base::text::visible;
use crate::sources::resolve::ModelSource;

/// What the line says.
pub enum Provenance<'a> {
    /// What the numbers of the view are: for wide screens, for 80 columns and for 60.
    Definition([&'static str; 3]),
    /// Where the numbers of a model come from, or of two.
    Models([Option<&'a Model>; 2]),
}

impl<'a> Provenance<'a> {
    /// Of the models whose table is shown.
    pub fn of_table(app: &'a App) -> Provenance<'a> {
        let ids = app.table().map_or([None; 2], |table| [table.key.model, table.key.other]);
        Provenance::Models(ids.map(|id| id.and_then(|id| app.model(id))))
    }
}

/// Source and revision, dtype, BOS policy, template, head: all that decides a score besides the word. Of two models that
/// are compared, the facts that may differ.
pub fn draw(frame: &mut Frame, area: Rect, provenance: &Provenance, theme: &Theme) {
    let glyphs = Glyphs::of(theme.ascii);
    let room = usize::from(area.width).saturating_sub(2);
    let separator = format!(" {} ", glyphs.dot);
    let text = match provenance {
        Provenance::Definition(texts) => texts.iter().find(|text| text.len() <= room).unwrap_or(&texts[2]).to_string(),
        Provenance::Models([Some(left), Some(right)]) => {
            let (left, right) = (short_facts(left, room, glyphs), short_facts(right, room, glyphs));
            // Sources always differ; every other fact is said once where both agree.
            let both = |i: usize| match (left.get(i), right.get(i)) {
                (Some(l), Some(r)) if l == r => l.clone(),
                (l, r) => {
                    let said = |fact: Option<&String>| fact.cloned().unwrap_or(glyphs.none.to_string());
                    format!("{} {} {}", said(l), glyphs.against, said(r))
                }
            };
            (0..left.len().max(right.len())).map(both).collect::<Vec<_>>().join(&separator)
        }
        Provenance::Models([Some(model), None]) => {
            let full = facts(model, room, glyphs).join(&separator);
            if width(&full) <= room { full } else { fitting_facts(model, room, glyphs).join(&separator) }
        }
        Provenance::Models([None, _]) => return,
    };
    let line = Line::styled(format!(" {}", fit(&text, room, glyphs.ellipsis)), theme.provenance);
    line_with_end(frame, area, line, Line::default());
}

/// The provenance of a model as separate facts, the source first; a long path keeps its end.
pub fn facts(model: &Model, room: usize, glyphs: &Glyphs) -> Vec<String> {
    let mut facts = Vec::new();
    if model.spec.is_demonstration() {
        facts.push("demonstration model".to_owned());
    }
    facts.push(source(model, (room / 2).max(20), glyphs));
    if model.is_recorded() {
        facts.push("recorded, not live".to_owned());
    } else if let Some(info) = &model.info {
        let p = &info.provenance;
        facts.push(format!("{} on {}", visible(&p.dtype.to_string()), visible(&p.device.to_string())));
        facts.push(format!("BOS {}", visible(&p.bos.to_string())));
        facts.push(format!("template {}", visible(&p.template)));
        facts.push(format!("head {}{}", visible(&p.head), unit(model)));
        facts.extend(p.policies.facts());
    }
    facts
}

/// As many of them as fit, in short: head and template give way first, then the BOS policy, then what the model is, which its
/// name says too.
fn fitting_facts(model: &Model, room: usize, glyphs: &Glyphs) -> Vec<String> {
    let short = short_facts(model, room, glyphs);
    let what: Vec<String> = model.spec.is_demonstration().then(|| "demonstration model".to_owned()).into_iter().collect();
    let with = |what: &[String], n: usize| [what, &short[..n.min(short.len())]].concat();
    let fits = |facts: &Vec<String>| facts.iter().map(|fact| width(fact) + 3).sum::<usize>() <= room + 3;
    let named = (2..=short.len()).rev().map(|n| with(&what, n));
    let bare = (1..=short.len()).rev().map(|n| with(&[], n));
    named.chain(bare).find(fits).unwrap_or_else(|| with(&[], 1))
}

/// The same for a narrow line: the template by its date, the head by its tensor.
fn short_facts(model: &Model, room: usize, glyphs: &Glyphs) -> Vec<String> {
    let mut facts = vec![source(model, (room / 3).max(16), glyphs)];
    if model.is_recorded() {
        facts.push("recorded, not live".to_owned());
    } else if let Some(info) = &model.info {
        let p = &info.provenance;
        // One fact, so that those of two models stay abreast.
        let computed = [vec![format!("{} {}{}", p.dtype, p.device, unit(model))], p.policies.unusual()].concat().join(", ");
        facts.push(visible(&computed).into_owned());
        facts.push(format!("BOS {}", visible(&p.bos.to_string())));
        let template = p.template.rsplit(", ").next().unwrap_or_default();
        facts.push(visible(template.rsplit_once('.').map_or(template, |(stem, _)| stem)).into_owned());
        facts.push(visible(p.head.split(" [").next().unwrap_or_default()).into_owned());
    }
    facts
}

/// Said where it is not the usual one.
fn unit(model: &Model) -> &'static str {
    match model.unit() {
        Unit::Reward => "",
        Unit::Nats => ", nats",
        Unit::LogRatio => ", log ratio",
        Unit::Mwlr => ", MWLR",
    }
}

/// Where a model comes from, with its revision.
pub fn source(model: &Model, room: usize, glyphs: &Glyphs) -> String {
    let (source, revision) = match &model.info {
        Some(info) => (info.provenance.source.clone(), info.provenance.revision.as_deref()),
        None => (source_text(&model.spec.source), None),
    };
    let source = visible(&source);
    let source = fit_end(&source, room, glyphs.ellipsis);
    match revision {
        Some(revision) => format!("{source}@{}", visible(revision).chars().take(7).collect::<String>()),
        None => source.into_owned(),
    }
}

fn source_text(source: &ModelSource) -> String {
    match source {
        ModelSource::Bundled(name) => (*name).to_owned(),
        ModelSource::Hub { repository, revision: Some(revision) } => format!("{repository}@{revision}"),
        ModelSource::Hub { repository, revision: None } => repository.clone(),
        ModelSource::Directory(path) | ModelSource::Recorded(path) => path.display().to_string(),
        ModelSource::Implicit { measure, models } => {
            let [a, b] = models.each_ref().map(|spec| source_text(&spec.source));
            format!("{}:{a},{b}", measure.key())
        }
    }
}
