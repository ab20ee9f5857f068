//! Options that the explorer and the commands share, with the words that `--help` shows.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use clap::builder::{OsStringValueParser, PossibleValue, PossibleValuesParser, TypedValueParser};

use super::settings::Settings;
use crate::model::{
    BosPolicy, DeviceChoice, Dtype, HeadRow, LoadOptions, PromptForm, PublishedDtype, ReadToken, SoftCap, TakenAs, TemplateDate,
};

/// A value of an option, and what `--help` says of it.
pub(crate) type Choice<T> = (T, &'static str);

const BOS: [Choice<BosPolicy>; 3] = [
    (BosPolicy::Single, "One, where the chat template writes it or the tokenizer adds it; else none"),
    (
        BosPolicy::Published,
        "The template's text tokenized with special tokens added once more, as the published scripts do (often two)",
    ),
    (BosPolicy::None, "None, even where the template writes one"),
];
const DTYPES: [Choice<Dtype>; 5] = [
    (Dtype::Auto, ""),
    (Dtype::F32, ""),
    (Dtype::Bf16, ""),
    (Dtype::F16, ""),
    (Dtype::Q8_0, "Matrices quantized to eight bits where they are loaded; on the CPU alone"),
];
const SOFTCAPS: [Choice<SoftCap>; 2] = [(SoftCap::On, "As the checkpoint asks for"), (SoftCap::Off, "")];
const TAKEN_AS: [Choice<TakenAs>; 1] =
    [(TakenAs::LanguageModel, "Scored by log-probability, although there are signs of a reward model")];

const READ_TOKENS: [Choice<ReadToken>; 2] =
    [(ReadToken::Last, "The last one"), (ReadToken::BeforePad, "The last one that is not the model's pad token")];

/// An option that takes one of these values, each by its name.
pub(crate) fn choice<T>(values: &'static [Choice<T>], name: fn(T) -> &'static str) -> impl TypedValueParser<Value = T>
where
    T: Copy + Send + Sync + 'static,
{
    let possible = |&(value, help): &Choice<T>| {
        let possible = PossibleValue::new(name(value));
        if help.is_empty() { possible } else { possible.help(help) }
    };
    PossibleValuesParser::new(values.iter().map(possible)).try_map(move |text| {
        let named = values.iter().find(|(value, _)| name(*value) == text);
        named.map(|(value, _)| *value).ok_or("no such value")
    })
}

/// What decides a score beside model, prompt and word.
#[derive(Clone, Debug, Args)]
pub struct ModelOptions {
    /// Beginning-of-sequence tokens: one, where template or tokenizer has it; as the published scripts (the template's text tokenized with special
    /// tokens added once more); or none [default: single]
    #[arg(long, value_parser = choice(&BOS, BosPolicy::name))]
    pub bos: Option<BosPolicy>,
    /// Number format of the weights and products; the head is always f32 [default: auto]
    #[arg(long, value_parser = choice(&DTYPES, Dtype::name))]
    pub dtype: Option<Dtype>,
    /// auto, cpu, cuda, cuda:N or metal [default: auto]
    #[arg(long)]
    pub device: Option<DeviceChoice>,
    /// Take tokenizer and chat template of models in GGUF from this directory (tokenizer.json and what stands beside it)
    #[arg(long, value_name = "DIR", value_parser = tokenizer_folder)]
    pub tokenizer: Option<Arc<Path>>,
    /// The day that a chat template is told it is: 2026-11-23, '23 Nov 2026', or today (in UTC) [default: 26 Jul 2024]
    #[arg(long, value_name = "DATE")]
    pub template_date: Option<TemplateDate>,
    /// Gemma 2's soft-cap on attention scores; off for a comparison with scores computed without it [default: on]
    #[arg(long, value_parser = choice(&SOFTCAPS, SoftCap::name))]
    pub softcap: Option<SoftCap>,
    /// Round rewards to the dtype of the published run (see `rewardscope models`; bf16 where it is not known), so that ties
    /// and ranks can be compared
    #[arg(long)]
    pub reference_rounding: bool,
    /// Language models: put the word behind the chat template's generation prompt [default where there is a template]
    #[arg(long, conflicts_with = "bare")]
    pub chat: bool,
    /// Language models: put the word behind the prompt's text, with one space between them where there is no white space
    /// ("love" and " love" are then the same) [default for base models]
    #[arg(long)]
    pub bare: bool,
    /// Take every …ForCausalLM checkpoint for this, whatever signs of a reward model its files show
    #[arg(long = "as", value_parser = choice(&TAKEN_AS, TakenAs::name), value_name = "KIND")]
    pub taken_as: Option<TakenAs>,
    /// Take a …ForCausalLM checkpoint for a reward model whose reward is the logit of this token, by its id, after the
    /// conversation: 0 for NVIDIA's Nemotron-Reward
    #[arg(long, value_name = "ID", conflicts_with_all = ["taken_as", "chat", "bare"])]
    pub token_logit: Option<u32>,
    /// Normalize rewards by the mean and the standard deviation that the checkpoint holds for that (OpenRLHF, safe-rlhf)
    #[arg(long)]
    pub normalize: bool,
    /// Read a reward at this token [default: as the code that the architecture names]
    #[arg(long, value_parser = choice(&READ_TOKENS, ReadToken::name), value_name = "TOKEN")]
    pub read: Option<ReadToken>,
    /// The row that is the reward, where a head has several: its label in config.json, or its number from 0
    #[arg(long, value_name = "LABEL|N", value_parser = |text: &str| Ok::<_, String>(HeadRow::from(text)))]
    pub head_row: Option<HeadRow>,
    /// The chat template of this name, where tokenizer_config.json has several [default: the one called default]
    #[arg(long, value_name = "NAME")]
    pub chat_template: Option<Arc<str>>,
}

impl ModelOptions {
    /// What is given here, else what the user settled in `config.toml`, else the defaults.
    pub(crate) fn over(&self, settings: &Settings) -> LoadOptions {
        LoadOptions {
            bos: self.bos.or(settings.bos).unwrap_or_default(),
            dtype: self.dtype.or(settings.dtype).unwrap_or_default(),
            device: self.device.or(settings.device).unwrap_or_default(),
            tokenizer: self.tokenizer.clone(),
            date: self.template_date.or(settings.template_date).unwrap_or_default(),
            softcap: self.softcap.or(settings.softcap).unwrap_or_default(),
            rounding: (self.reference_rounding || settings.reference_rounding.unwrap_or(false)).then(PublishedDtype::default),
            vocabulary: false,
            form: if self.bare { Some(PromptForm::Bare) } else { self.chat.then_some(PromptForm::Chat) },
            reward_row: self.head_row.clone(),
            read: self.read,
            chat_template: self.chat_template.clone(),
            taken_as: self.taken_as,
            token_logit: self.token_logit,
            normalize: self.normalize,
        }
    }
}

fn tokenizer_folder(text: &str) -> Result<Arc<Path>, String> {
    let folder = Path::new(text);
    if folder.join("tokenizer.json").is_file() {
        return Ok(folder.into());
    }
    Err("this directory holds no tokenizer.json: name the one that does".to_owned())
}

/// What decides how fast scores come, and nothing else of them.
#[derive(Clone, Copy, Debug, Args)]
pub struct MachineOptions {
    /// Threads that compute; scores do not depend on it [default: one for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
}

/// Which words and prompts.
#[derive(Clone, Debug, Args)]
pub struct WordArgs {
    /// Word list: a name from `rewardscope corpora`, or a file (a table with word,category or a column a category; LIWC .dic
    /// or .dicx; JSON, Lexicoder, WordStat; one word a line). May be repeated
    #[arg(long, value_name = "NAME|FILE")]
    pub corpus: Vec<String>,
    /// A single word, exactly as given. Beside a list it is scored with it and takes no rank from it. May be repeated
    #[arg(long, value_name = "WORD", allow_hyphen_values = true)]
    pub word: Vec<String>,
    /// A file with one word a line, kept as it stands but for the line end
    #[arg(long, value_name = "FILE")]
    pub words_file: Option<PathBuf>,
    /// Every token of the model's vocabulary as a word; tokens with one text are told apart by id
    #[arg(long, conflicts_with_all = ["corpus", "words_file", "word"])]
    pub vocabulary: bool,
    /// A prompt by key (see `rewardscope prompts`), by its text, or `all` for the study's 54. May be repeated
    #[arg(long, value_name = "KEY|TEXT|all")]
    pub prompt: Vec<String>,
}

/// Numbers about words that scores are set beside.
#[derive(Clone, Debug, Default, Args)]
pub struct RatingArgs {
    /// Set scores beside what else is known of the words: a table with a column `word` and columns of numbers (sentiment, log
    /// frequency, what people prefer), or `characters` or `tokens` (of live models), which are counted. May be repeated
    #[arg(long, value_name = "FILE|characters|tokens")]
    pub ratings: Vec<String>,
    /// Of the tables, take this column of numbers. May be repeated [default: all of them]
    #[arg(long, value_name = "NAME", requires = "ratings")]
    pub rating_column: Vec<String>,
}

/// Where scores are kept.
#[derive(Clone, Debug, Default, Args)]
pub struct StoreArgs {
    /// Keep scores in this file, and take from it those that are there [default: scores.sqlite in the user's data folder]
    #[arg(long, value_name = "FILE", env = "REWARDSCOPE_STORE", value_parser = any_path())]
    pub store: Option<PathBuf>,
    /// Compute everything anew and keep nothing
    #[arg(long)]
    pub no_store: bool,
}

/// Any name of a file, in whatever bytes; an empty one, as of a variable that was set to nothing, counts as none.
pub(crate) fn any_path() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}

/// Which store, for commands that are about it.
#[derive(Clone, Debug, Default, Args)]
pub struct StoreFile {
    /// The store [default: scores.sqlite in the user's data folder]
    #[arg(long, value_name = "FILE", env = "REWARDSCOPE_STORE", value_parser = any_path())]
    pub store: Option<PathBuf>,
}

impl StoreFile {
    pub(crate) fn args(&self) -> StoreArgs {
        StoreArgs { store: self.store.clone(), no_store: false }
    }
}
