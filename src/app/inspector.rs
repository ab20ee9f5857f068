//! The token inspector: how the model shown reads the word under the cursor.
//!
//! Lays out the answer of the engine, line by line; drawing gives each part its style. All text is safe to show.

mod rewards;

use std::sync::Arc;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use super::action::Action;
use super::layout::{self, scrolled};
use super::{App, Effect, Key, KeyCode, Level, Model, Overlay};
use crate::base::terms::{ModelId, Unit};
use crate::base::text::{visible, visible_word, wrap};
use crate::engine::{Badge, InspectRequest, Inspection, Unread, WordTokens};
use rewards::Course;

/// How many other words of the list are tokenized to find the tokens that all words share.
const COMPANY: usize = 48;
/// The widest text of a token; longer ones are cut.
const WIDEST_TOKEN: usize = 22;
/// A letter with more marks than this is noise that some terminals draw over their neighbours.
const MARKS: usize = 6;
/// Words named where tokens are the same.
const NAMED: usize = 5;

/// A word that is looked at.
#[derive(Clone, Debug)]
pub struct Inspector {
    /// The model that reads it.
    pub model: ModelId,
    /// The prompt that it answers.
    pub prompt_text: Arc<str>,
    /// The word.
    pub word: Arc<str>,
    /// None until the engine answers.
    pub answer: Option<Result<Box<Inspection>, String>>,
    /// There is nobody to ask; the answer says why.
    pub recorded: bool,
    /// What the head reads at each token and after each layer, or why that is not known; none until the engine answers, and
    /// of language models.
    pub readings: Option<Result<Box<WordTokens>, Unread>>,
    /// What is shown.
    pub page: Page,
    /// Scrolled by so many lines.
    pub scroll: usize,
}

/// What the inspector shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Page {
    /// The conversation, its tokens and the reward at each.
    #[default]
    Tokens,
    /// What the head reads after each layer.
    Layers,
}

/// The key that turns the page.
pub const TURN: char = 'l';

/// What a piece of text is, which decides its style.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// A title.
    Heading,
    /// Plain text.
    Text,
    /// Less important text.
    Dim,
    /// The word that is looked at.
    Word,
    /// A token that other words have too.
    Shared,
    /// A token of this word alone.
    Own,
    /// The token at which the reward is read.
    Pooled,
    /// What makes a score doubtful.
    Warning,
    /// Why there is no answer.
    Error,
}

/// The parts of one line, from left to right.
pub type TonedLine = Vec<(String, Tone)>;

/// The signs that say the same as the styles, for screens without colours.
#[derive(Clone, Copy, Debug)]
pub struct Signs {
    /// Before a shared token.
    pub shared: char,
    /// Before the token at which the reward is read.
    pub pooled: char,
    /// How high a reward is, lowest first.
    pub levels: &'static [char],
    /// Where the reward steps up.
    pub up: char,
    /// Where the reward steps down.
    pub down: char,
    /// Before a number below zero.
    pub minus: char,
    /// A cell of a bar.
    pub bar: char,
    /// Words are cut with ASCII signs alone.
    pub ascii: bool,
}

impl Inspector {
    /// Everything there is to show, in lines of at most `cells`.
    pub fn lines(&self, cells: usize, signs: Signs) -> Vec<TonedLine> {
        let cells = cells.max(8);
        if self.page == Page::Layers {
            return self.layers(cells, signs);
        }
        let mut lines = Vec::new();
        let paragraph = |lines: &mut Vec<TonedLine>, text: &str, tone: Tone| {
            lines.extend(wrap(&visible(text), cells).into_iter().map(|line| vec![(line, tone)]));
        };
        match &self.answer {
            None => paragraph(&mut lines, "the model answers when the batch or the load that runs now is done", Tone::Dim),
            Some(Err(reason)) if self.recorded => paragraph(&mut lines, reason, Tone::Text),
            Some(Err(reason)) => paragraph(&mut lines, reason, Tone::Error),
            Some(Ok(inspection)) => {
                for badge in &inspection.badges {
                    paragraph(&mut lines, &format!("! {}", describe(badge, signs.ascii)), Tone::Warning);
                }
                if !lines.is_empty() {
                    lines.push(TonedLine::new());
                }
                let heading = |text: String| vec![(text, Tone::Heading)];
                let readings = self.readings.as_ref().and_then(|readings| readings.as_ref().ok());
                let course = readings.and_then(|readings| Course::new(&readings.token_rewards, true));
                let rewards = course.as_ref().map(|course| course.cells(signs)).unwrap_or_default();
                lines.push(own_tokens(inspection, signs));
                lines.extend(grid(inspection, inspection.shared, &rewards, cells, signs));
                lines.extend(course.iter().flat_map(|course| {
                    let strip = course.strip(cells, signs, |at| sign_and_tone(inspection, at, signs).1);
                    std::iter::once(TonedLine::new()).chain(strip)
                }));
                if let Some(why) = self.unread() {
                    lines.push(TonedLine::new());
                    paragraph(&mut lines, &why, Tone::Dim);
                }
                lines.extend([TonedLine::new(), heading("Conversation".to_owned())]);
                lines.extend(conversation(inspection, cells, signs.ascii));
                lines.extend([TonedLine::new(), heading(format!("All {} tokens", inspection.tokens.len()))]);
                lines.extend(grid(inspection, 0, &rewards, cells, signs));
            }
        }
        lines
    }

    /// Why there are no rewards at tokens, and what can be done.
    fn unread(&self) -> Option<String> {
        match self.readings.as_ref()? {
            Err(Unread::NotLoaded) => Some(NOT_LOADED.to_owned()),
            Err(Unread::Refused(why)) => Some(format!("no rewards at tokens: {why}")),
            Ok(readings) => readings.token_rewards.is_empty().then(|| GATED.to_owned()),
        }
    }

    fn layers(&self, cells: usize, signs: Signs) -> Vec<TonedLine> {
        let mut lines =
            vec![vec![("What the head reads after each layer, at the token that is scored".to_owned(), Tone::Heading)]];
        let course = match &self.readings {
            Some(Ok(readings)) => Course::new(&readings.layer_rewards, false),
            _ => None,
        };
        let text = match (&course, self.unread()) {
            (Some(course), _) => {
                lines.extend(course.layers(cells, signs));
                lines.push(TonedLine::new());
                EXPLORES.to_owned()
            }
            (None, Some(why)) => why,
            (None, None) => "nothing to read yet: only a reward model has a head, and it answers between two batches".to_owned(),
        };
        lines.extend(wrap(&visible(&text), cells).into_iter().map(|line| vec![(line, Tone::Dim)]));
        lines
    }
}

const NOT_LOADED: &str =
    "The scores came from the store, and the model is not loaded. Enter loads it and reads the reward at each token and layer";
const GATED: &str = "The head's gate reads one place of the conversation, so only the token that is scored has a reward";
const EXPLORES: &str = "The state after each layer, through the final norm and the head; the last is the score. This explores where in \
                        the depth a preference forms. It proves no cause: the head was trained on the last layer alone";

fn describe(badge: &Badge, ascii: bool) -> String {
    match badge {
        Badge::DoubledBos(times) => {
            format!("{times} beginning-of-sequence tokens, as in the published scripts; --bos single gives one")
        }
        Badge::Trimmed => "the template takes the white space off this word".to_owned(),
        Badge::Rewritten(written) if written.is_empty() => {
            "the template does not write this word where other words stand".to_owned()
        }
        Badge::Rewritten(written) => format!("the template writes '{}' instead", clip(written, 40, ascii)),
        Badge::Merges => "the tokenizer joins the beginning of the word with the text before it".to_owned(),
        Badge::SameTokens(words) => {
            let named: Vec<String> = words.iter().take(NAMED).map(|word| format!("'{}'", clip(word, 30, ascii))).collect();
            let more = words.len().saturating_sub(NAMED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("the same tokens as {}{more}: they always score alike", named.join(", "))
        }
        Badge::Unscorable(reason) => format!("no score: {reason}"),
    }
}

/// The rendered text, its control characters written out, the word marked.
fn conversation(inspection: &Inspection, cells: usize, ascii: bool) -> Vec<TonedLine> {
    let mut lines = vec![TonedLine::new()];
    let mut used = 0;
    for (at, grapheme) in inspection.rendered.grapheme_indices(true) {
        let in_word = inspection.word.contains(&at);
        let shown = if in_word { visible_word(grapheme, ascii) } else { visible(grapheme) };
        let tone = match (in_word, shown == grapheme || in_word) {
            (true, _) => Tone::Word,
            (false, true) => Tone::Text,
            (false, false) => Tone::Dim,
        };
        let shown: String = if shown == grapheme { shown.chars().take(1 + MARKS).collect() } else { shown.into_owned() };
        let wide = shown.width();
        if used + wide > cells && used > 0 {
            lines.push(TonedLine::new());
            used = 0;
        }
        used += wide;
        if let Some(line) = lines.last_mut() {
            match line.last_mut() {
                Some((text, last)) if *last == tone => text.push_str(&shown),
                _ => line.push((shown, tone)),
            }
        }
        if grapheme.ends_with('\n') {
            lines.push(TonedLine::new());
            used = 0;
        }
    }
    if lines.last().is_some_and(Vec::is_empty) {
        lines.pop();
    }
    lines
}

/// How many tokens are of this word alone, and what the signs mean.
fn own_tokens(inspection: &Inspection, signs: Signs) -> TonedLine {
    let Inspection { tokens, shared, pooled, .. } = inspection;
    let read = match pooled {
        Some(at) if at + 1 < tokens.len() => (format!("  {} reward read here, before the pad token", signs.pooled), Tone::Pooled),
        Some(_) => (format!("  {} reward read here", signs.pooled), Tone::Pooled),
        None => ("  each has its log-probability".to_owned(), Tone::Text),
    };
    vec![
        (format!("{} own tokens", tokens.len() - shared.min(&tokens.len())), Tone::Heading),
        (format!("  {} {shared} shared", signs.shared), Tone::Shared),
        read,
    ]
}

/// The tokens from number `first` on, as a grid of ids and texts; each row begins with the number of its first token,
/// counted from 1.
fn grid(inspection: &Inspection, first: usize, rewards: &[String], cells: usize, signs: Signs) -> Vec<TonedLine> {
    let tokens = &inspection.tokens;
    let of: Vec<(u32, String)> =
        tokens.iter().skip(first).map(|(id, text)| (*id, clip(text, WIDEST_TOKEN, signs.ascii))).collect();
    let digits = |n: u32| n.to_string().len();
    let id_width = of.iter().map(|(id, _)| digits(*id)).max().unwrap_or(1);
    let text_width = of.iter().map(|(_, text)| text.width()).max().unwrap_or(1);
    let number_width = digits(tokens.len() as u32);
    let reward_width = rewards.first().map_or(0, |reward| 1 + reward.width());
    // Sign, id and text, each with a space after it.
    let cell = 2 + id_width + 1 + text_width + reward_width + 2;
    let columns = (cells.saturating_sub(number_width + 2) / cell).max(1);
    let mut lines = Vec::new();
    for (row, chunk) in of.chunks(columns).enumerate() {
        let start = first + row * columns;
        let mut line = vec![(format!("{:>number_width$}  ", start + 1), Tone::Dim)];
        for (at, (id, text)) in (start..).zip(chunk) {
            let (sign, tone) = sign_and_tone(inspection, at, signs);
            let pad = " ".repeat(text_width - text.width());
            let reward = rewards.get(at).map(|reward| format!(" {reward}")).unwrap_or_default();
            line.push((format!("{sign} {id:>id_width$} {text}{pad}{reward}  "), tone));
        }
        lines.push(line);
    }
    lines
}

/// How the token at a place of the conversation is marked.
fn sign_and_tone(inspection: &Inspection, at: usize, signs: Signs) -> (char, Tone) {
    match at {
        _ if Some(at) == inspection.pooled => (signs.pooled, Tone::Pooled),
        _ if at < inspection.shared => (signs.shared, Tone::Shared),
        _ => (' ', Tone::Own),
    }
}

/// At most so wide, safe to show, outer spaces drawn.
fn clip(text: &str, cells: usize, ascii: bool) -> String {
    let text = visible_word(text, ascii);
    let room = if text.width() <= cells { cells } else { cells - 1 };
    let mut out = String::new();
    let mut used = 0;
    for grapheme in text.graphemes(true) {
        used += grapheme.width();
        if used > room {
            break;
        }
        out.extend(grapheme.chars().take(1 + MARKS));
    }
    if room < cells {
        out.push(if ascii { '~' } else { '…' });
    }
    out
}

impl App {
    /// Opens the inspector on the word under the cursor.
    pub(super) fn inspect(&mut self) {
        let word = self.table().and_then(|table| table.word_at(self.cursor.row()));
        match word.map(|word| self.score_table.word_text(word).clone()) {
            Some(word) => self.inspect_word(word, Page::default(), false),
            None => self.notify(Level::Info, "no word to look at"),
        }
    }

    /// Asks for a word; with `load`, of a model that has to be loaded for it.
    fn inspect_word(&mut self, word: Arc<str>, page: Page, load: bool) {
        let (Some(prompt), Some(model)) = (self.current_prompt(), self.focused()) else { return };
        let (model, recorded) = (model.id, model.is_recorded());
        let prompt_text = prompt.prompt.text.clone();
        let refused = recorded.then(|| {
            Err("recorded scores: the file holds numbers and words, neither tokens nor template. Open the model itself to look at its tokens".to_owned())
        });
        if !recorded {
            let (prompt_text, company) = (prompt_text.clone(), self.company(&word));
            self.effects.push(Effect::Inspect(InspectRequest { model, prompt_text, word: word.clone(), company, load }));
        }
        self.overlay = Some(Overlay::Inspector(Inspector {
            model,
            prompt_text,
            word,
            answer: refused,
            recorded,
            readings: None,
            page,
            scroll: 0,
        }));
    }

    /// Words that differ from this one in white space alone, and some more.
    fn company(&self, word: &str) -> Vec<Arc<str>> {
        let words = || self.universe.corpus.words.iter().map(|other| &other.text).filter(|other| ***other != *word);
        let (like, others): (Vec<_>, Vec<_>) = words().partition(|other| other.trim() == word.trim());
        like.into_iter().chain(others.into_iter().take(COMPANY)).cloned().collect()
    }

    pub(super) fn inspected(&mut self, model: ModelId, prompt: &str, word: &str, answer: Result<Box<Inspection>, String>) {
        if let Some(Overlay::Inspector(inspector)) = &mut self.overlay {
            // An answer for a word that is no longer looked at comes too late.
            if inspector.model == model && *inspector.prompt_text == *prompt && *inspector.word == *word {
                inspector.answer = Some(answer);
            }
        }
    }

    pub(super) fn read(&mut self, model: ModelId, prompt: &str, word: &str, readings: Result<Box<WordTokens>, Unread>) {
        let is_reward = |model: &Model| model.info.as_ref().is_none_or(|info| info.provenance.unit == Unit::Reward);
        if !self.model(model).is_some_and(is_reward) {
            return;
        }
        if let Some(Overlay::Inspector(inspector)) = &mut self.overlay
            && inspector.model == model
            && *inspector.prompt_text == *prompt
            && *inspector.word == *word
        {
            inspector.readings = Some(readings);
        }
    }

    pub(super) fn inspector_key(&mut self, key: Key) {
        let action = Action::for_key(key, self.view);
        let size = self.size;
        let Some(Overlay::Inspector(inspector)) = &mut self.overlay else { return };
        if let Some(flip @ (Action::NextModel | Action::PreviousModel)) = action {
            // Flipped, the list may have another word under the cursor; the one looked at stays.
            let (word, page) = (inspector.word.clone(), inspector.page);
            self.perform(flip);
            return self.inspect_word(word, page, false);
        }
        if key.code == KeyCode::Enter && inspector.readings == Some(Err(Unread::NotLoaded)) {
            let (word, page) = (inspector.word.clone(), inspector.page);
            return self.inspect_word(word, page, true);
        }
        if key == Key::char(TURN) {
            inspector.page = if inspector.page == Page::Tokens { Page::Layers } else { Page::Tokens };
            inspector.scroll = 0;
            return;
        }
        let page = rows(size).saturating_sub(1);
        match scrolled(inspector.scroll, action, page, last_scroll(size, inspector)) {
            Some(scroll) => inspector.scroll = scroll,
            None => self.overlay = None,
        }
    }
}

/// Width of the token inspector's box.
pub fn box_width(columns: u16) -> u16 {
    columns.min(WIDEST)
}

/// Lines of the inspector that fit.
pub fn rows(size: (u16, u16)) -> usize {
    layout::rows(size, 2)
}

/// How far the inspector can be scrolled.
pub fn last_scroll(size: (u16, u16), inspector: &Inspector) -> usize {
    // Every set of signs is equally wide.
    let signs = Signs { shared: '.', pooled: '*', levels: &['.'], up: '^', down: 'v', minus: '-', bar: '#', ascii: true };
    let lines = inspector.lines(usize::from(box_width(size.0)).saturating_sub(4), signs).len();
    lines.saturating_sub(rows(size))
}

const WIDEST: u16 = 120;

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) const SIGNS: Signs = Signs {
        shared: '·',
        pooled: '●',
        levels: &['▁', '▂', '▃', '▄', '▅', '▆', '▇'],
        up: '▲',
        down: '▼',
        minus: '−',
        bar: '━',
        ascii: false,
    };

    pub(super) fn text(lines: &[TonedLine]) -> Vec<String> {
        lines.iter().map(|line| line.iter().map(|(text, _)| text.as_str()).collect::<String>().trim_end().to_owned()).collect()
    }

    #[test]
    fn the_conversation_keeps_its_lines_and_shows_its_control_characters() {
        let inspection =
            Inspection { rendered: "<s>user\n\nWhat\u{1b}?\n love<e>\n".to_owned(), word: 16..21, ..Inspection::default() };
        let lines = conversation(&inspection, 40, false);
        assert_eq!(text(&lines), ["<s>user\\n", "\\n", "What\\u{1b}?\\n", "␣love<e>\\n"]);
        assert_eq!(lines[3][0], ("␣love".to_owned(), Tone::Word));
        assert!(conversation(&inspection, 4, false).iter().all(|line| !line.is_empty()));
    }

    #[test]
    fn tokens_stand_in_a_grid_with_what_is_shared_and_what_is_read() {
        let texts = ["<s>", "\n", "爱", " love", "<e>"];
        let tokens = texts.iter().zip([1, 198, 31_111, 7, 2]).map(|(t, id)| (id, (*t).to_owned())).collect();
        let inspection = Inspection { tokens, shared: 2, pooled: Some(4), ..Inspection::default() };
        let all = text(&grid(&inspection, 0, &[], 36, SIGNS));
        assert_eq!(all, ["1  ·     1 <s>    ·   198 \\n", "3    31111 爱           7 ␣love", "5  ●     2 <e>"]);
        assert_eq!(text(&grid(&inspection, 2, &[], 36, SIGNS)), ["3    31111 爱           7 ␣love", "5  ●     2 <e>"]);
        assert_eq!(grid(&inspection, 0, &[], 10, SIGNS).len(), 5, "a narrow screen has a token a line");
        assert!(text(&[own_tokens(&inspection, SIGNS)])[0].starts_with("3 own tokens  · 2 shared"));
    }

    #[test]
    fn long_texts_are_cut_by_cells() {
        assert_eq!(clip("abcdef", 4, false), "abc…");
        assert_eq!(clip("爱情故事", 5, true), "爱情~");
        assert_eq!(clip(&format!("a{}", "\u{301}".repeat(99)), 4, false).chars().count(), 1 + MARKS);
    }
}
