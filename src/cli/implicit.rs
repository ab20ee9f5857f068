//! `rewardscope implicit`: what one language model likes more than another.

mod sets;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde::Serialize;

use super::args::{ImplicitArgs, TextFormat};
use super::headless::Headless;
use super::output;
use crate::base::atomic_file::Destination;
use crate::base::terms::{Family, ModelId, Unit};
use crate::base::text::{counted, visible, visible_word};
use crate::corpus::{self, Corpus, Prompt, own_label};
use crate::engine::{implicit, is_reward_model};
use crate::model::asking::differences;
use crate::model::{LoadOptions, ModelInfo, Provenance};
use crate::report::figure;
use crate::report::figure::{Lollipop, LollipopFigure};
use crate::report::grid::{Alignment, Document, DocumentFormat};
use crate::scores::provenance::{FileProvenance, ModelProvenance};
use crate::scores::table::ScoreTable;
use crate::session::failure::Failure;
use crate::session::{Session, Words};
use crate::sources::resolve::{ModelSource, ModelSpec};
use crate::stats::implicit::{ImplicitWord, Variants, fold, join, variants_of, words as implicit_words};
use crate::stats::ranks_beside;
use crate::tables::long::{shown_rank, sort_rank};

/// Texts with their log-probabilities under one prompt.
type Column = Vec<(Arc<str>, f64)>;

pub(super) fn run(args: &ImplicitArgs) -> Result<(), Failure> {
    let (Some(a), Some(b)) = (&args.a, &args.b) else { return sets::run(args) };
    let (output, figure) = output::output_and_figure(args.output.as_deref(), args.figure.as_deref(), args.force)?;
    let format = TextFormat::of(args.format, &output)?;
    let Asked { mut headless, words, prompts, specs, sides, mut notes } = ask(args, &[a, b])?;
    let sides = [&*sides[0], &*sides[1]];
    let categories = categories(args, &words);
    let of_prompt = |(at, prompt)| words_of(args, &words, &categories, prompt, sides.map(|side| &side[at]));
    let mut found: Vec<PromptWords> = prompts.iter().enumerate().map(of_prompt).collect();
    if found.iter().all(|prompt| prompt.words.is_empty()) {
        return Err(Failure::Run("the two models have no word in common".to_owned()));
    }
    for (side, other) in [(0, 1), (1, 0)] {
        let alone = |(own, other): (&Column, &Column)| own.len() - join(pairs(own), pairs(other)).len();
        let apart: usize = sides[side].iter().zip(sides[other]).map(alone).sum();
        if apart > 0 && !args.words.vocabulary {
            let name = &specs[side].name;
            notes.push(format!("{} a word has a log-probability by {name} alone and was left out", counted(apart, "time")));
        }
    }
    let shown = Shown::new(args);
    found.iter_mut().for_each(|of| of.words.retain(|row| shown.has(&row.word.word)));
    shown.check(found.iter().flat_map(|of| &of.words).map(|row| row.word.word.as_str()))?;
    let infos: Vec<ModelInfo> = specs.iter().zip(headless.ids()).map(|(spec, id)| info(spec, &headless, id)).collect();
    let warnings = asked_differently(&specs, &infos);
    let (a, b, measure) = (&specs[0].name, &specs[1].name, args.measure.key());
    let report = ImplicitReport { warnings, a, b, measure, variants: args.variants, prompts: found };
    let text = match format {
        TextFormat::Table => page(&report, args, DocumentFormat::Table),
        TextFormat::Markdown => page(&report, args, DocumentFormat::Markdown),
        TextFormat::Latex => page(&report, args, DocumentFormat::Latex),
        TextFormat::Csv => {
            let value = |row: &ImplicitRow| (row.word.word.clone(), row.word.value(args.measure));
            let columns = report.prompts.iter().map(|of| (of.prompt, of.words.iter().map(value).collect()));
            csv(&columns.collect::<Vec<_>>(), output.is_terminal())?
        }
        TextFormat::Json => output::json(&report)?,
    };
    // What the files say of a live model goes before what its name lets guess.
    let models = [0, 1].map(|side| (specs[side].name.clone(), infos[side].family));
    output::draw(figure, || figure::lollipops(&picture(&report, models, args)))?;
    notes.extend(headless.take_notes());
    tell(args, format, &report.warnings, &notes);
    output::write(output, text.as_bytes(), Some(&origin(args, &specs, &infos, &prompts)))
}

/// Warnings and notes on standard error; a table on the screen begins with the warnings.
fn tell(args: &ImplicitArgs, format: TextFormat, warnings: &[String], notes: &[String]) {
    if args.output.is_some() || format != TextFormat::Table {
        warnings.iter().for_each(|warning| output::warning(warning));
    }
    notes.iter().for_each(|note| output::note(note));
}

/// The words that are printed and drawn.
struct Shown<'a> {
    args: &'a ImplicitArgs,
    /// None for all of them.
    keys: Option<HashSet<String>>,
}

impl Shown<'_> {
    fn new(args: &ImplicitArgs) -> Shown<'_> {
        let keys = (!args.show.is_empty()).then(|| args.show.iter().map(|word| key(args, word)).collect());
        Shown { args, keys }
    }

    fn has(&self, word: &str) -> bool {
        self.keys.as_ref().is_none_or(|keys| keys.contains(&key(self.args, word)))
    }

    /// Refuses a word that is none of those found.
    fn check<'w>(&self, found: impl Iterator<Item = &'w str>) -> Result<(), Failure> {
        let found: HashSet<String> = found.map(|word| key(self.args, word)).collect();
        match self.args.show.iter().find(|word| !found.contains(&key(self.args, word))) {
            Some(word) => Err(Failure::Use(format!("--show {word}: it is none of the words that all models have"))),
            None => Ok(()),
        }
    }
}

/// What language models answered.
struct Asked {
    headless: Headless,
    words: AskedWords,
    prompts: Vec<Prompt>,
    specs: Vec<ModelSpec>,
    /// Log-probabilities, `[models][prompts]`.
    sides: Vec<Vec<Column>>,
    notes: Vec<String>,
}

/// Opens the models and asks them for the words.
fn ask(args: &ImplicitArgs, names: &[&String]) -> Result<Asked, Failure> {
    let session = Session::new()?;
    let specs = names.iter().map(|name| language_model(name, &session)).collect::<Result<Vec<_>, _>>()?;
    if let Some(reward) = specs.iter().find(|spec| is_reward_model(spec)) {
        return Err(Failure::Use(implicit::refusal(&reward.name, "is a reward model")));
    }
    let prompts = session.prompts(&args.words.prompt)?;
    // Before models are opened, as a mistyped name shall not cost their time.
    let asked = session.words_apart(&args.words)?;
    let options = LoadOptions { vocabulary: args.words.vocabulary, ..args.options.over(&session.settings) };
    let mut headless = Headless::open_language_models(&session, &specs, options, &args.store)?;
    refuse_rewards(&headless)?;
    let words = AskedWords::new(args, &session, asked, &headless)?;
    let mut notes = Vec::new();
    let sides = sides(&mut headless, &words, args, &prompts, &mut notes)?;
    Ok(Asked { headless, words, prompts, specs, sides, notes })
}

/// What makes it doubtful to set these models side by side, in sentences.
fn asked_differently(specs: &[ModelSpec], infos: &[ModelInfo]) -> Vec<String> {
    let named: Vec<_> = specs.iter().zip(infos).map(|(spec, info)| (spec.name.as_str(), &info.provenance)).collect();
    differences(&named).into_iter().map(|difference| difference.text).collect()
}

/// What is known of a model, from its files or from beside its scores.
fn info(spec: &ModelSpec, headless: &Headless, model: ModelId) -> ModelInfo {
    let nothing = || ModelInfo { family: spec.family, provenance: Provenance::of_recorded(spec.name.clone()), memory_bytes: 0 };
    headless.infos.get(&model).cloned().unwrap_or_else(nothing)
}

/// What the numbers rest on, told of the pair as of one model: so the file opens again with its unit.
fn origin(args: &ImplicitArgs, specs: &[ModelSpec], infos: &[ModelInfo], prompts: &[Prompt]) -> FileProvenance {
    let pair = implicit::together(args.measure, &infos[0], &infos[1]);
    let name = format!("{}:{},{}", args.measure.key(), specs[0].name, specs[1].name);
    FileProvenance::new(vec![ModelProvenance::new(&name, &pair.provenance)], prompts)
}

/// The words of the first prompt, the one that A likes most on top.
fn picture(report: &ImplicitReport<'_>, models: [(String, Family); 2], args: &ImplicitArgs) -> LollipopFigure {
    let Some(of) = report.prompts.first() else { return LollipopFigure::default() };
    let (own, mut rows): (Vec<&ImplicitRow>, Vec<&ImplicitRow>) = of.words.iter().partition(|row| row.own);
    rows.sort_by(|a, b| a.rank.total_cmp(&b.rank));
    let notes = [report.warnings.join(" "), LollipopFigure::not_drawn(own.len())];
    let word = |row: &ImplicitRow| Lollipop {
        word: row.word.word.clone(),
        categories: row.categories.clone(),
        value: row.word.value(args.measure),
        each: Vec::new(),
    };
    LollipopFigure {
        models,
        measure: args.measure,
        words: rows.into_iter().map(word).collect(),
        prompt: of.text.to_owned(),
        note: notes.into_iter().filter(|note| !note.is_empty()).collect::<Vec<_>>().join("; "),
    }
}

fn language_model(name: &str, session: &Session) -> Result<ModelSpec, Failure> {
    let mut specs = session.models(&[name.to_owned()])?;
    match (specs.pop(), specs.is_empty()) {
        (Some(spec), true) if !matches!(spec.source, ModelSource::Implicit { .. }) => Ok(spec),
        _ => Err(Failure::Use(format!("{name}: more than one model. Name one language model on either side"))),
    }
}

/// Refuses files that hold no log-probabilities, and models that are known to give rewards.
fn refuse_rewards(headless: &Headless) -> Result<(), Failure> {
    for model in headless.ids() {
        let refused = match headless.recorded.get(&model) {
            Some(recorded) => implicit::log_probabilities(recorded),
            None if headless.infos.get(&model).is_some_and(|info| info.provenance.unit != Unit::Nats) => {
                Err("is a reward model".to_owned())
            }
            None => Ok(()),
        };
        refused.map_err(|what| Failure::Use(implicit::refusal(&headless.spec(model).name, &what)))?;
    }
    Ok(())
}

/// The words that all models are asked.
struct AskedWords {
    list: Corpus,
    /// Given beside the list: they change nothing of its words, and take no rank from them.
    own: Corpus,
}

impl AskedWords {
    /// The words asked for; where none are named, all that recorded models have, else the default list.
    fn new(args: &ImplicitArgs, session: &Session, asked: Words, headless: &Headless) -> Result<AskedWords, Failure> {
        let mut words = AskedWords {
            list: match asked.list {
                _ if args.words.vocabulary => Corpus::new("vocabulary"),
                Some(list) => {
                    let mut list = Arc::unwrap_or_clone(list);
                    headless.expand(&mut list);
                    list
                }
                None if headless.recorded.is_empty() => Arc::unwrap_or_clone(session.default_corpus()?),
                None => {
                    let files = headless.ids().filter_map(|model| headless.recorded.get(&model));
                    let words = files.flat_map(|file| &file.words).map(|word| word.to_string());
                    let mut all = Corpus::from_words("recorded", words);
                    corpus::join_categories(&mut all);
                    all
                }
            },
            own: Corpus::from_words("own", asked.own.iter().map(|word| word.to_string())),
        };
        if args.variants == Variants::Add {
            for corpus in [&mut words.list, &mut words.own] {
                let forms = corpus.words.iter().flat_map(|word| variants_of(&word.text)).collect::<Vec<_>>();
                corpus.merge(Corpus { name: corpus.name.clone(), ..Corpus::from_words("", forms) });
            }
        }
        Ok(words)
    }

    /// Both as one list.
    fn all(&self) -> Corpus {
        let mut all = self.list.clone();
        all.merge(Corpus { name: all.name.clone(), ..self.own.clone() });
        all
    }
}

/// Log-probabilities by each model, `[models][prompts]`: of the words asked, or of all that they have.
fn sides(
    headless: &mut Headless,
    words: &AskedWords,
    args: &ImplicitArgs,
    prompts: &[Prompt],
    notes: &mut Vec<String>,
) -> Result<Vec<Vec<Column>>, Failure> {
    for (model, recorded) in &headless.recorded {
        if let Some(missing) = prompts.iter().find(|prompt| recorded.column(prompt).is_none()) {
            let (name, label, has) = (&headless.spec(*model).name, missing.label(), recorded.named_prompts());
            return Err(Failure::Run(format!("{name}: nothing is recorded for the prompt '{label}'. It has {has}")));
        }
    }
    let asked = words.all();
    let mut table = ScoreTable::default();
    let left_out = headless.fill(&mut table, &asked, prompts)?;
    refuse_rewards(headless)?;
    if let Some(first) = left_out.first().filter(|_| !args.words.vocabulary) {
        let times = counted(left_out.len(), "time");
        notes.push(format!("{times} a word could not be asked, first {}", first.reason));
    }
    let mut sides = Vec::new();
    for model in headless.ids() {
        let texts = |corpus: &Corpus| corpus.words.iter().map(|word| word.text.clone()).collect::<Vec<_>>();
        let (ids, texts) = match (headless.vocabularies.get(&model), headless.recorded.get(&model)) {
            (Some(vocabulary), _) => (table.corpus(vocabulary), texts(vocabulary)),
            (None, Some(recorded)) if args.words.vocabulary => {
                (recorded.words.iter().map(|word| table.word(word)).collect(), recorded.words.clone())
            }
            _ => (table.corpus(&asked), texts(&asked)),
        };
        let column = |prompt: &Prompt| {
            let prompt = table.prompt(&prompt.text);
            let known = ids.iter().zip(&texts).filter_map(|(id, text)| Some((text.clone(), table.score(model, prompt, *id)?)));
            known.collect::<Column>()
        };
        sides.push(prompts.iter().map(column).collect());
    }
    Ok(sides)
}

fn pairs(column: &Column) -> impl Iterator<Item = (&str, f64)> {
    column.iter().map(|(text, log)| (&**text, *log))
}

#[derive(Serialize)]
struct ImplicitReport<'a> {
    /// What makes the numbers doubtful.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    a: &'a str,
    b: &'a str,
    measure: &'static str,
    variants: Variants,
    prompts: Vec<PromptWords<'a>>,
}

#[derive(Serialize)]
struct PromptWords<'a> {
    prompt: &'a str,
    text: &'a str,
    words: Vec<ImplicitRow>,
}

#[derive(Serialize)]
struct ImplicitRow {
    /// By the measure asked for; 1 is what A likes most against B.
    rank: f64,
    categories: Vec<String>,
    /// It stands beside the list: its rank is the one that it would have there.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    own: bool,
    #[serde(flatten)]
    word: ImplicitWord,
}

/// The categories of each word of the list, by what its spellings have in common where these are averaged.
fn categories(args: &ImplicitArgs, words: &AskedWords) -> HashMap<String, Vec<String>> {
    let mut categories: HashMap<String, Vec<String>> = HashMap::new();
    for word in &words.list.words {
        let known = categories.entry(key(args, &word.text)).or_default();
        let of_word = words.list.categories_of(word);
        let new: Vec<String> = of_word.filter(|name| !known.iter().any(|known| known == name)).map(str::to_owned).collect();
        known.extend(new);
    }
    categories
}

fn key(args: &ImplicitArgs, text: &str) -> String {
    if args.variants == Variants::Keep { text.to_owned() } else { fold(text) }
}

/// The words of one prompt, from the log-probabilities by A and by B.
fn words_of<'a>(
    args: &ImplicitArgs,
    words: &AskedWords,
    categories: &HashMap<String, Vec<String>>,
    prompt: &'a Prompt,
    sides: [&Column; 2],
) -> PromptWords<'a> {
    let average = args.variants != Variants::Keep;
    let [a, b] = sides.map(|side| pairs(side).collect::<HashMap<_, _>>());
    // Each by itself: an own word that differs from one of the list by case alone is no variant of it.
    let of_corpus = |corpus: &Corpus| {
        let texts = || corpus.words.iter().map(|word| &*word.text);
        let log = |logs: &HashMap<&str, f64>, text: &str| logs.get(text).copied().unwrap_or(f64::NAN);
        let joined = join(texts().map(|text| (text, log(&a, text))), texts().map(|text| (text, log(&b, text))));
        implicit_words(&joined, average, false)
    };
    let listed = match args.words.vocabulary {
        true => implicit_words(&join(pairs(sides[0]), pairs(sides[1])), average, true),
        false => of_corpus(&words.list),
    };
    let own = of_corpus(&words.own);
    let of_vocabulary = args.words.vocabulary.then(|| {
        let mut all = Corpus::from_words("vocabulary", listed.iter().map(|word| word.word.clone()));
        corpus::join_categories(&mut all);
        let of_word = |word| all.categories_of(word).map(str::to_owned).collect();
        all.words.iter().map(|word| (word.text.to_string(), of_word(word))).collect()
    });
    let categories = of_vocabulary.as_ref().unwrap_or(categories);
    let own_categories = vec![own_label(&words.list.categories).to_owned()];
    let is_own: Vec<bool> = listed.iter().map(|_| false).chain(own.iter().map(|_| true)).collect();
    let words: Vec<ImplicitWord> = listed.into_iter().chain(own).collect();
    let values: Vec<f64> = words.iter().map(|word| word.value(args.measure)).collect();
    let row = |((word, own), rank): ((ImplicitWord, bool), f64)| {
        let of_list = || categories.get(&key(args, &word.word)).cloned().unwrap_or_default();
        ImplicitRow { rank, categories: if own { own_categories.clone() } else { of_list() }, own, word }
    };
    let ranks = ranks_beside(&values, &is_own);
    let words = words.into_iter().zip(is_own).zip(ranks).map(row).collect();
    PromptWords { prompt: prompt.label(), text: &prompt.text, words }
}

fn page(report: &ImplicitReport<'_>, args: &ImplicitArgs, format: DocumentFormat) -> String {
    let mut document = Document::new(format);
    for warning in &report.warnings {
        document.paragraph(&format!("Warning: {warning}"));
        document.paragraph("");
    }
    for of in &report.prompts {
        document.heading(&format!("{} of A {} against B {}", args.measure, report.a, report.b));
        let name = if of.prompt == of.text { String::new() } else { format!("{}: ", of.prompt) };
        document.paragraph(&format!("{name}{}", of.text));
        document.paragraph(&format!("{} words, above zero where A gives the word more", of.words.len()));
        let mut rows: Vec<&ImplicitRow> = of.words.iter().collect();
        rows.sort_by(|a, b| sort_rank(a.rank, a.own).total_cmp(&sort_rank(b.rank, b.own)));
        let row = |ImplicitRow { rank, categories, own, word }: &ImplicitRow| {
            vec![
                shown_rank(*rank, *own),
                format!("{:+.3e}", word.mwlr),
                format!("{:+.4}", word.log_ratio),
                format!("{:.3e}", word.p_a),
                format!("{:.3e}", word.p_b),
                word.variants.to_string(),
                categories.join(", "),
                visible_word(&word.word, false).into_owned(),
            ]
        };
        let numbers = ["rank", "MWLR", "log ratio", "p A", "p B", "n"].map(|name| (name, Alignment::Right));
        let columns = [&numbers[..], &["category", "word"].map(|name| (name, Alignment::Left))].concat();
        document.table(&columns, &rows.into_iter().map(row).collect::<Vec<_>>());
    }
    document.finish()
}

/// The study's wide layout, which opens as recorded scores: a word, then one column a prompt.
fn csv(prompts: &[(&str, Vec<(String, f64)>)], terminal: bool) -> Result<String, Failure> {
    let mut order: Vec<&str> = Vec::new();
    let mut rows: HashMap<&str, Vec<Option<f64>>> = HashMap::new();
    for (at, (_, words)) in prompts.iter().enumerate() {
        for (word, value) in words {
            let values = rows.entry(word).or_insert_with(|| {
                order.push(word);
                vec![None; prompts.len()]
            });
            values[at] = Some(*value);
        }
    }
    let mut writer = csv::Writer::from_writer(Vec::new());
    let header = std::iter::once("response").chain(prompts.iter().map(|(label, _)| *label));
    let shown = |text: &str| if terminal { visible(text).into_owned() } else { text.to_owned() };
    writer.write_record(header.map(shown)).map_err(Failure::run)?;
    for word in order {
        let values = rows[word].iter().map(|value| value.map(|value| value.to_string()).unwrap_or_default());
        writer.write_record(std::iter::once(shown(word)).chain(values)).map_err(Failure::run)?;
    }
    let bytes = writer.into_inner().map_err(Failure::run)?;
    String::from_utf8(bytes).map_err(Failure::run)
}

impl TextFormat {
    /// What was asked for, or what the name of a file says; a table where none is written.
    ///
    /// # Errors
    /// A name that says neither, or a picture's.
    pub(super) fn of(asked: Option<TextFormat>, output: &Destination) -> Result<TextFormat, Failure> {
        let endings = [
            ("csv", TextFormat::Csv, false),
            ("json", TextFormat::Json, false),
            ("txt", TextFormat::Table, false),
            ("md", TextFormat::Markdown, false),
            ("tex", TextFormat::Latex, false),
        ];
        output::format(asked, output, &endings, TextFormat::Table)
    }
}
