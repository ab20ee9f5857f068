//! What a checkpoint is taken for: a reward model or a language model.
//!
//! An architecture's name does not settle it. Reward models are published under the name of the language model that they
//! grew from, with their head among the tensors, in a file of its own, or told by a key of config.json alone. All that the
//! files say is looked at here; what can be read is a reward model, and what cannot is refused by name, for as a language
//! model it would give numbers of another meaning.

use crate::format::head_names;
use serde_json::{Map, Value};

use super::format::config::{ModelConfig, Task};
use super::format::files::{Files, SourceLabel};
use super::format::weights::Weights;
use super::{LoadOptions, ModelError, TakenAs, head};
use rewardscope_base::remedy::Remedy;
use rewardscope_base::text;

const ADAPTER: &str = "adapter_config.json";
const NOT_APPLIED: &str =
    "an adapter lies beside the weights and is not applied: unless they hold it already, merge it into them first";
/// Signs named in a message before it says how many more there are.
const SIGNS_NAMED: usize = 4;

/// Settles the task in `config`, and the token whose logit is the reward where one was asked for, and returns what there is to say of it.
///
/// # Errors
/// Where a language model shows signs of a head that cannot be read, unless it is to be `taken_as` one all the same.
pub(super) fn settle(
    (files, label): (&Files, &SourceLabel),
    config: &mut ModelConfig,
    weights: &Weights,
    options: &LoadOptions,
) -> Result<Vec<String>, ModelError> {
    let architecture = text::visible(&config.architecture).into_owned();
    let adapter = Adapter::beside(files);
    let mut notes: Vec<String> = adapter.iter().map(|_| NOT_APPLIED.to_owned()).collect();
    if config.task == Task::Reward {
        let note = |asked| format!("{asked} changes nothing: the architecture is {architecture}, a reward model's");
        let asked = [
            options.taken_as.map(|kind| Remedy::TakenAs.with(kind)),
            options.token_logit.map(|token| Remedy::TokenLogit.with(token)),
        ];
        notes.extend(asked.into_iter().flatten().map(note));
        return Ok(notes);
    }
    let is_stock = config.stock.is_some();
    if let (Some(token), true) = (options.token_logit, is_stock) {
        let problem = format!("the architecture is {architecture}, which is run as a language model alone");
        let next = format!("Leave {} out, and words are scored by log-probability", Remedy::TokenLogit.with(token));
        return Err(ModelError::unsupported(files.path("").display().to_string(), problem, next));
    }
    if let Some(token) = options.token_logit {
        config.task = Task::Reward;
        config.token_logit = Some(token);
        notes.push(format!(
            "taken for a reward model: the logit of token {token} after the conversation is the reward, which {architecture} \
             does not say of itself"
        ));
        notes.extend(untied(config, weights));
        return Ok(notes);
    }
    let tensors: Vec<&str> = weights.tensors().map(|(name, _)| name).filter(|name| head::resembles_a_head(name)).collect();
    let head_files = files.head_files();
    let signs: Vec<String> = [
        head_files.iter().map(|name| format!("the file {}", text::visible(name))).collect(),
        tensors.iter().map(|name| format!("the tensor {}", text::visible(name))).collect(),
        config.signs.clone(),
        adapter.filter(|adapter| adapter.is_of_a_reward_model).map(|_| format!("a classifier's {ADAPTER}")).into_iter().collect(),
    ]
    .concat();
    let found = named(&signs);
    let note = match options.taken_as {
        _ if signs.is_empty() => Some(only_its_name(label)),
        Some(TakenAs::LanguageModel) => {
            let asked = Remedy::TakenAs;
            Some(Some(format!("taken for a language model, as {asked} asks, though it shows signs of a reward model: {found}")))
        }
        None => None,
    };
    if let Some(note) = note {
        notes.extend(note.into_iter().chain(untied(config, weights)));
        return Ok(notes);
    }
    if !is_stock && tensors.iter().any(|name| head::is_of_a_head(name)) {
        config.task = Task::Reward;
        // A language model's file counts labels that nobody chose.
        config.labels = None;
        let otherwise = otherwise();
        notes.push(format!("taken for a reward model, though the architecture is {architecture}, for {found}; {otherwise}"));
        return Ok(notes);
    }
    let problem =
        format!("the architecture is {architecture}, a language model's, and it shows signs of a reward model: {found}");
    let otherwise = otherwise();
    let next = match head_files.iter().find(|name| !name.ends_with(".safetensors")) {
        Some(name) => format!("Save {} as safetensors, from which heads are read; {otherwise}", text::visible(name)),
        None if tensors.is_empty() => format!("No head is among its tensors: look for the file that holds it; {otherwise}"),
        None if is_stock => format!("On this architecture no head is read; {otherwise}"),
        None => format!("This version does not read such a head; {otherwise}"),
    };
    Err(ModelError::unsupported(files.path("").display().to_string(), problem, next))
}

/// An adapter that lies beside whole weights. It is never applied.
struct Adapter {
    /// What it was trained as gives a score, not tokens.
    is_of_a_reward_model: bool,
}

impl Adapter {
    fn beside(files: &Files) -> Option<Self> {
        if ![ADAPTER, "adapter_model.safetensors", "adapter_model.bin"].iter().any(|name| files.exists(name)) {
            return None;
        }
        let config: Option<Map<String, Value>> = files.json(ADAPTER).ok().flatten();
        let task = config.as_ref().and_then(|config| config.get("task_type")?.as_str());
        Some(Adapter { is_of_a_reward_model: task.is_some_and(|task| task.ends_with("_CLS")) })
    }
}

/// What to do about a language model that shows signs of a head.
fn otherwise() -> String {
    format!("{} scores it by log-probability all the same", Remedy::TakenAs.with(TakenAs::LanguageModel))
}

/// The error of a head that showed signs and cannot be read, with the way out.
pub(super) fn all_the_same(error: ModelError) -> ModelError {
    match error {
        ModelError::File { file, problem, next } => ModelError::file(file, problem, format!("{next}; {}", otherwise())),
        ModelError::Unsupported { what, problem, next } => {
            ModelError::unsupported(what, problem, format!("{next}; {}", otherwise()))
        }
        error => error,
    }
}

/// An output matrix of its own counts, whatever config.json says of the embedding; so does transformers 5 read it.
fn untied(config: &mut ModelConfig, weights: &Weights) -> Option<String> {
    if !config.tied || weights.get(head_names::LM_HEAD).is_none() {
        return None;
    }
    config.tied = false;
    Some(format!(
        "config.json says that the embedding is the output matrix (tie_word_embeddings), and the weights have {} of their own: \
         that one is taken",
        head_names::LM_HEAD
    ))
}

/// A name that says what no file does.
fn only_its_name(label: &SourceLabel) -> Option<String> {
    let name = label.source.to_ascii_lowercase();
    let mut words = name.split(|c: char| !c.is_ascii_alphanumeric());
    words.any(|word| ["reward", "rm"].contains(&word)).then(|| {
        format!(
            "its name speaks of a reward model, and its files are those of a language model: these are log-probabilities of \
             words, no rewards. Where the reward is the logit of one token, as in NVIDIA's Nemotron-Reward, {} reads it",
            Remedy::TokenLogit.with(0)
        )
    })
}

fn named(signs: &[String]) -> String {
    let shown = signs.iter().take(SIGNS_NAMED).cloned().collect::<Vec<_>>().join(", ");
    match signs.len().saturating_sub(SIGNS_NAMED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
