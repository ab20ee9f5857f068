//! Drives the explorer without a terminal: plays the engine and the ranking thread, and looks at what would be drawn.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use rewardscope::app::views::{card, statistics};
use rewardscope::app::{App, CorpusEntry, Effect, Key, KeyCode, Message, ModelEntry, Startup, table};
use rewardscope::base::terms::{Family, Framing, ModelId, PromptId, Unit, WordId};
use rewardscope::corpus::{Corpus, Factors, Prompt, Word};
use rewardscope::engine::{Event, Job, Phase};
use rewardscope::model::{LoadOptions, ModelInfo, Policies, Provenance};
use rewardscope::recorded::scores::Recorded;
use rewardscope::sources::resolve::{ModelSource, ModelSpec};
use rewardscope::ui;
use rewardscope::ui::theme::Theme;

pub const SIZE: (u16, u16) = (80, 24);
pub const LLAMA: ModelId = ModelId(0);
pub const GEMMA: ModelId = ModelId(1);

pub const AGENCY: [&str; 14] = [
    "freedom",
    "power",
    "success",
    "courage",
    "ambition",
    "mastery",
    "victory",
    "skill",
    "wealth",
    "wisdom",
    "strength",
    "leadership",
    "independence",
    "achievement",
];
pub const COMMUNION: [&str; 13] = [
    "love",
    "kindness",
    "family",
    "friendship",
    "trust",
    "compassion",
    "marriage",
    "loyalty",
    "honesty",
    "peace",
    "charity",
    "belonging",
    "forgiveness",
];

pub struct Driver {
    pub app: App,
    pub now: Duration,
    pub plan: Vec<Job>,
    /// Effects that are neither plans nor rankings, as they came.
    pub asked: Vec<Effect>,
    /// Rankings wait here while `slow` is set.
    pub waiting: Vec<table::RankRequest>,
    pub slow: bool,
    pub rankings: usize,
    pub waiting_statistics: Option<Box<statistics::StatisticsRequest>>,
    pub studies: usize,
    pub cards: usize,
}

impl Driver {
    pub fn new(startup: Startup) -> Driver {
        let (app, effects) = App::new(startup);
        let mut driver = Driver {
            app,
            now: Duration::ZERO,
            plan: Vec::new(),
            asked: Vec::new(),
            waiting: Vec::new(),
            slow: false,
            rankings: 0,
            waiting_statistics: None,
            studies: 0,
            cards: 0,
        };
        driver.take(effects);
        driver
    }

    /// The bundled pair over a small corpus, nothing read yet.
    pub fn pair(size: (u16, u16)) -> Driver {
        Driver::new(Startup { models: vec![demo("demo-llama"), demo("demo-gemma")], ..startup(size) })
    }

    /// The pair, loaded and with every word of the current prompt scored.
    pub fn scored_pair(size: (u16, u16)) -> Driver {
        let mut driver = Driver::pair(size);
        driver.ready(LLAMA);
        driver.ready(GEMMA);
        driver.score_plan();
        driver
    }

    pub fn send(&mut self, message: Message) {
        self.now += Duration::from_secs(1);
        let effects = self.app.update(message, self.now);
        self.take(effects);
    }

    fn take(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Plan(jobs) => self.plan = jobs,
                Effect::Rank(request) if self.slow => self.waiting = vec![*request],
                Effect::Rank(request) => {
                    self.rankings += 1;
                    let table = Box::new(table::rank(*request));
                    let effects = self.app.update(Message::Ranked(table), self.now);
                    self.take(effects);
                }
                Effect::Statistics(request) if self.slow => self.waiting_statistics = Some(request),
                Effect::Statistics(request) => {
                    self.studies += 1;
                    let answer = Box::new(statistics::compute(*request));
                    let effects = self.app.update(Message::Statistics(answer), self.now);
                    self.take(effects);
                }
                Effect::Card(request) => {
                    self.cards += 1;
                    let shown = Box::new(card::compute(*request));
                    let effects = self.app.update(Message::Card(shown), self.now);
                    self.take(effects);
                }
                other => self.asked.push(other),
            }
        }
    }

    /// The ranking thread comes to the request that waits.
    pub fn rank_waiting(&mut self) {
        for request in std::mem::take(&mut self.waiting) {
            self.send(Message::Ranked(Box::new(table::rank(request))));
        }
    }

    /// The statistics thread comes to the request that waits.
    pub fn compute_waiting(&mut self) {
        if let Some(request) = self.waiting_statistics.take() {
            self.send(Message::Statistics(Box::new(statistics::compute(*request))));
        }
    }

    pub fn engine(&mut self, event: Event) {
        self.send(Message::Engine(event));
    }

    pub fn phase(&mut self, model: ModelId, phase: Phase) {
        self.engine(Event::Phase { model, phase });
    }

    pub fn ready(&mut self, model: ModelId) {
        let family = self.app.model(model).unwrap().spec.family;
        let name = self.app.model(model).unwrap().spec.name.clone();
        self.ready_with(model, provenance(&name), family);
        self.phase(model, Phase::WarmingUp);
    }

    fn ready_with(&mut self, model: ModelId, provenance: Provenance, family: Family) {
        let info = ModelInfo { family, provenance, memory_bytes: 2_600_000 };
        self.engine(Event::Ready { model, info: Box::new(info) });
    }

    /// A language model is loaded.
    pub fn ready_as_language(&mut self, model: ModelId) {
        let spec = self.app.model(model).unwrap().spec.clone();
        self.ready_with(model, Provenance { unit: Unit::Nats, demonstration: false, ..provenance(&spec.name) }, spec.family);
    }

    /// A model that was loaded with policies of its own.
    pub fn ready_under(&mut self, model: ModelId, policies: Policies) {
        let spec = self.app.model(model).unwrap().spec.clone();
        self.ready_with(model, Provenance { policies, ..provenance(&spec.name) }, spec.family);
    }

    /// The engine does all that is planned.
    pub fn score_plan(&mut self) {
        for job in std::mem::take(&mut self.plan) {
            self.score_job(&job, job.words.len());
            self.phase(job.model, Phase::Idle);
        }
    }

    /// The engine does the first words of a job.
    pub fn score_job(&mut self, job: &Job, words: usize) {
        let scores = job.words.iter().take(words).map(|(id, text)| (*id, score(job.model, &job.prompt_text, text))).collect();
        self.engine(Event::Scores { model: job.model, prompt: job.prompt, scores });
        let (done, total) = (words, job.words.len());
        let phase = Phase::Scoring { prompt: job.prompt, done, total, words_per_second: 38.0, eta: (total - done) as f64 / 38.0 };
        self.phase(job.model, phase);
    }

    pub fn give(&mut self, model: ModelId, prompt: PromptId, scores: &[(WordId, f64)]) {
        self.engine(Event::Scores { model, prompt, scores: scores.to_vec() });
    }

    pub fn key(&mut self, key: Key) {
        self.send(Message::Key(key));
    }

    /// Characters are typed one by one; names in angle brackets are keys.
    pub fn keys(&mut self, keys: &str) {
        for part in keys.split_inclusive('>') {
            let (typed, named) = part.strip_suffix('>').and_then(|p| p.split_once('<')).map_or((part, ""), |(t, n)| (t, n));
            for c in typed.chars() {
                self.key(Key::char(c));
            }
            match named {
                "" => {}
                "Enter" => self.key(Key::plain(KeyCode::Enter)),
                "Esc" => self.key(Key::plain(KeyCode::Esc)),
                "S-Tab" => self.key(Key::plain(KeyCode::BackTab)),
                "Tab" => self.key(Key::plain(KeyCode::Tab)),
                "Up" => self.key(Key::plain(KeyCode::Up)),
                "Del" => self.key(Key::plain(KeyCode::Delete)),
                "Down" => self.key(Key::plain(KeyCode::Down)),
                "PgDn" => self.key(Key::plain(KeyCode::PageDown)),
                other => panic!("no key {other}"),
            }
        }
    }

    /// The word under the cursor.
    pub fn word(&self) -> String {
        let table = self.app.table().unwrap();
        self.app.score_table.word_text(table.word_at(self.app.cursor.row()).unwrap()).to_string()
    }

    /// All words of the table, in the order of its rows.
    pub fn words(&self) -> Vec<String> {
        let table = self.app.table().unwrap();
        table.rows.iter().map(|&i| table.universe.text(i as usize).to_string()).collect()
    }

    pub fn draw_with(&self, theme: &Theme) -> Buffer {
        let (columns, rows) = self.app.size;
        let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
        terminal.draw(|frame| ui::draw(frame, &self.app, theme)).unwrap();
        terminal.backend().buffer().clone()
    }

    pub fn draw(&self) -> Buffer {
        self.draw_with(&Theme::default())
    }

    /// The screen as text, without the spaces at the ends of its lines.
    pub fn text(&self) -> String {
        text(&self.draw())
    }
}

/// The current prompt.
pub fn current(driver: &Driver) -> PromptId {
    driver.app.current_prompt().unwrap().id
}

pub fn text(buffer: &Buffer) -> String {
    let mut out = String::new();
    for y in 0..buffer.area.height {
        let mut skip = 0;
        let mut line = String::new();
        for x in 0..buffer.area.width {
            if skip > 0 {
                skip -= 1;
                continue;
            }
            let symbol = buffer[(x, y)].symbol();
            skip = unicode_width::UnicodeWidthStr::width(symbol).saturating_sub(1);
            line.push_str(symbol);
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// A reward made from the letters, the same on every machine; the prompt turns it round where it asks for the worst.
pub fn score(model: ModelId, prompt: &str, word: &str) -> f64 {
    let hash = |text: &str, seed: u64| text.bytes().fold(seed, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3));
    let unit = |h: u64| ((h ^ (h >> 29)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as f32 / (1 << 24) as f32;
    let own = unit(hash(word, 7)) + unit(hash(word, 11 + u64::from(model.0)));
    let noise = unit(hash(word, hash(prompt, 3))) * 0.4;
    let liking = (own + noise - 1.2) * 4.5;
    f64::from(if prompt.contains("worst") { 0.5 - liking } else { liking })
}

pub fn startup(size: (u16, u16)) -> Startup {
    Startup {
        corpus: Some(Arc::new(corpus())),
        prompts: prompts(),
        options: LoadOptions::default(),
        theme: "default".to_owned(),
        themes: vec!["default".to_owned(), "dark".to_owned()],
        size,
        ..Startup::default()
    }
}

pub fn corpus() -> Corpus {
    let mut corpus = Corpus::new("big-two");
    corpus.categories = vec!["agency".to_owned(), "communion".to_owned()];
    for (category, words) in [(0, &AGENCY[..]), (1, &COMMUNION[..])] {
        corpus.words.extend(words.iter().map(|&w| Word { text: w.into(), categories: vec![category] }));
    }
    corpus
}

pub fn prompts() -> Vec<Prompt> {
    let mut prompts = Vec::new();
    for (adjective, framing) in [("greatest", Framing::Positive), ("best", Framing::Positive), ("worst", Framing::Negative)] {
        for (superlative, words) in [("ever", "ever"), ("world", "in the world")] {
            prompts.push(Prompt {
                key: Some(format!("{adjective}_{superlative}_one").into()),
                text: format!("What, in one word, is the {adjective} thing {words}?").into(),
                factors: Some(Factors {
                    adjective: adjective.to_owned(),
                    superlative: superlative.to_owned(),
                    concision: "one".to_owned(),
                }),
                framing: Some(framing),
            });
        }
    }
    prompts
}

pub fn demo(name: &'static str) -> ModelSpec {
    ModelSpec { name: name.to_owned(), source: ModelSource::Bundled(name), family: Family::guess(name) }
}

pub fn recorded_spec(name: &str) -> ModelSpec {
    let source = ModelSource::Recorded(format!("/data/big_two/{name}.csv").into());
    ModelSpec { name: name.to_owned(), source, family: Family::guess(name) }
}

pub fn recorded(model: ModelId, words: &[&str]) -> Recorded {
    let prompts = prompts();
    let scores = prompts.iter().map(|p| words.iter().map(|w| score(model, &p.text, w)).collect()).collect();
    Recorded { words: words.iter().map(|&w| w.into()).collect(), prompts, scores, notes: Vec::new() }
}

pub fn recorded_info(family: Family, source: &str) -> Box<ModelInfo> {
    let provenance = Provenance::of_recorded(source.to_owned());
    Box::new(ModelInfo { family, provenance, memory_bytes: 0 })
}

pub fn provenance(name: &str) -> Provenance {
    Provenance {
        source: name.to_owned(),
        revision: Some("3f9a1c0277".to_owned()),
        architecture: "LlamaForSequenceClassification".to_owned(),
        dtype: "f32".into(),
        dtype_reason: String::new(),
        kernel: "portable".into(),
        device: "cpu".into(),
        bos: "single".into(),
        template: "tokenizer_config.json, 26 Jul 2024".to_owned(),
        head: "score.weight [1, 64] f32".to_owned(),
        quantized: None,
        assumed: Vec::new(),
        parameters: 640_000,
        unit: Unit::Reward,
        recorded: false,
        demonstration: true,
        parts: Vec::new(),
        policies: Default::default(),
    }
}

pub fn catalogue() -> Vec<ModelEntry> {
    let entry =
        |spec: ModelSpec, group: &str, detail: &str| ModelEntry { spec, group: group.to_owned(), detail: detail.to_owned() };
    let hub = |name: &str, repository: &str| ModelSpec {
        name: name.to_owned(),
        source: ModelSource::Hub { repository: repository.to_owned(), revision: None },
        family: Family::guess(repository),
    };
    vec![
        entry(demo("demo-llama"), "bundled", "640,000 parameters"),
        entry(demo("demo-gemma"), "bundled", "640,000 parameters"),
        entry(hub("R-Gem-2B", "Ray2333/GRM-gemma2-2B-rewardmodel-ft"), "cache", "Ray2333/GRM-gemma2-2B-rewardmodel-ft  5.2 GB"),
        entry(
            hub("R-Lla-3B", "Ray2333/GRM-Llama3.2-3B-rewardmodel-ft"),
            "catalogue",
            "Ray2333/GRM-Llama3.2-3B-rewardmodel-ft  6.4 GB",
        ),
        entry(hub("S-Gem-27B", "Skywork/Skywork-Reward-Gemma-2-27B"), "catalogue", "Skywork/Skywork-Reward-Gemma-2-27B  54.5 GB"),
        entry(recorded_spec("N-Lla-8B llama"), "recorded", "/data/big_two"),
    ]
}

pub fn corpora() -> Vec<CorpusEntry> {
    let entry = |name: &str, origin: &str, contents| CorpusEntry { name: name.to_owned(), origin: origin.to_owned(), contents };
    vec![
        entry("big-two", "built-in", Ok((271, 2))),
        entry("moral-foundations", "built-in", Ok((412, 10))),
        entry("broken", "broken.csv", Err("broken.csv: line 3 has 4 fields, the others 2. Put commas in quotes".to_owned())),
    ]
}

/// Texts that no cell of a screen may hold.
pub fn unsafe_cells(buffer: &Buffer) -> HashSet<String> {
    let cells = buffer.content.iter().map(|cell| cell.symbol());
    cells.filter(|symbol| symbol.contains(rewardscope::base::text::is_unsafe)).map(str::to_owned).collect()
}

pub fn ascii() -> Theme {
    let mut theme = Theme::default();
    theme.ascii = true;
    theme
}
