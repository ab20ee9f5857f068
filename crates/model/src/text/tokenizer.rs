//! A prompt and a word to the token ids of their whole conversation.
//!
//! The policy on the beginning-of-sequence token is applied here and nowhere else.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Map, Value};
use tokenizers::{Encoding, ModelWrapper, Tokenizer};

use super::added_tokens;
use super::template::ChatTemplate;
use crate::format::files::Files;
use crate::format::gguf;
use crate::format::instead::Instead;
use crate::{BosPolicy, Cancel, LoadOptions, ModelError, PromptForm};

/// Conversations tokenized between two looks at the cancel flag.
pub const AT_ONCE: usize = 256;
/// What a template may write by name.
const SPECIAL: [&str; 7] = ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

/// Tokenizer and chat template of one checkpoint.
pub struct ChatTokenizer {
    tokenizer: Tokenizer,
    /// None for a base model.
    template: Option<ChatTemplate>,
    /// Of several templates, of which none is the default and none was asked for; else empty.
    template_names: Vec<String>,
    bos: Option<u32>,
    /// The tokenizer puts that token in front of a text by itself.
    adds_bos: bool,
    policy: BosPolicy,
    vocab_size: usize,
    /// A conversation is read at the last token that is not this one.
    pad: Option<u32>,
    /// Every conversation ends with this token.
    reward_token: Option<u32>,
    /// Tokens that a conversation may have.
    max_positions: usize,
    file: PathBuf,
    sampling: Option<String>,
    added: Option<String>,
}

impl ChatTokenizer {
    /// Reads `tokenizer.json`, `tokenizer_config.json`, `special_tokens_map.json` and the chat template.
    ///
    /// `vocab_size` is the number of rows of the embedding. `model_bos` is config.json's idea of the first token; it counts
    /// only where the tokenizer names none and yet puts that very id in front, for transformers writes a default there.
    pub fn load(files: &Files, policy: BosPolicy, vocab_size: usize, model_bos: Option<u32>) -> Result<Self, ModelError> {
        Self::on(files, &LoadOptions { bos: policy, ..LoadOptions::default() }, vocab_size, model_bos)
    }

    /// The same, with the chat template and the day that the options ask for.
    pub fn on(files: &Files, options: &LoadOptions, vocab_size: usize, model_bos: Option<u32>) -> Result<Self, ModelError> {
        let file = files.path(super::TOKENIZER);
        let unsound =
            |error: tokenizers::Error| ModelError::file(&file, format!("is no tokenizer: {error}"), "Download the file again");
        let config: Map<String, Value> = files.json("tokenizer_config.json")?.unwrap_or_default();
        let (mut tokenizer, added) = match (files, files.read(super::TOKENIZER)?) {
            (_, Some(bytes)) => added_tokens::complete(files, &config, Tokenizer::from_bytes(&bytes).map_err(unsound)?, &bytes)?,
            (Files::Gguf { file, tokenizer: None }, None) => (gguf::tokenizer(file)?, None),
            (_, None) => {
                if let Some(Instead { problem, next }) = Instead::of_a_tokenizer(&files.names()) {
                    return Err(ModelError::file(files.path(""), problem, next));
                }
                let next = "The fast tokenizer is needed: download it, or save the tokenizer again with transformers";
                return Err(ModelError::file(&file, "missing", next));
            }
        };
        // Some files carry the settings of a training run. Neither may touch a conversation.
        tokenizer.with_padding(None);
        tokenizer.with_truncation(None).map_err(unsound)?;
        let sampling = without_sampling(&mut tokenizer);

        let mut tokens = special_tokens(&config);
        if let Some(more) = files.json("special_tokens_map.json")? {
            for (name, token) in special_tokens(&more) {
                tokens.entry(name).or_insert(token);
            }
        }
        let front = tokenizer.encode("", true).map_err(unsound)?.get_ids().first().copied();
        let bos = match tokens.get("bos_token") {
            Some(token) => tokenizer.token_to_id(token),
            None => front.filter(|id| Some(*id) == model_bos),
        };
        // transformers makes the post-processor anew where this key is given (`tokenization_utils_tokenizers.py`, 5.24).
        let adds_bos = config.get("add_bos_token").and_then(Value::as_bool).unwrap_or(front.is_some() && front == bos);
        if let (None, Some(token)) = (tokens.get("bos_token"), bos.and_then(|id| tokenizer.id_to_token(id))) {
            tokens.insert("bos_token".to_owned(), token);
        }
        let template = ChatTemplate::load(files, &config, tokens, options)?;
        let template_names = if template.is_none() { ChatTemplate::names(&config) } else { Vec::new() };
        Ok(ChatTokenizer {
            tokenizer,
            template,
            template_names,
            bos,
            adds_bos,
            policy: options.bos,
            vocab_size,
            pad: None,
            reward_token: None,
            max_positions: usize::MAX,
            file,
            sampling,
            added,
        })
    }

    /// The same for a model that reads its reward at the last token that is not `pad`, behind whose conversations stands
    /// `reward_token`, and that has `max_positions` positions.
    pub(crate) fn for_model(self, pad: Option<u32>, reward_token: Option<u32>, max_positions: usize) -> Self {
        ChatTokenizer { pad, reward_token, max_positions, ..self }
    }

    /// The index of the token at whose hidden state a reward is read; 0 where there is none.
    pub fn read_at(&self, ids: &[u32]) -> usize {
        ids.iter().rposition(|id| Some(*id) != self.pad).unwrap_or(0)
    }

    /// Ids of `[{user: prompt}, {assistant: word}]`, the policy on BOS applied.
    ///
    /// Fails for a word of which nothing is left: one that template and tokenizer turn into the ids of an empty answer.
    pub fn encode(&self, prompt: &str, word: &str) -> Result<Vec<u32>, ModelError> {
        let ids = self.ids(&self.render(prompt, word)?)?;
        self.judge(word, ids, self.empty(prompt, &Cancel::default())?.as_deref())
    }

    /// [`encode`](Self::encode) for many words, on all cores; one result a word, in order. Fails as a whole when cancelled,
    /// and where the template cannot be used for any word.
    pub fn encode_all(
        &self,
        prompt: &str,
        words: &[&str],
        cancel: &Cancel,
    ) -> Result<Vec<Result<Vec<u32>, ModelError>>, ModelError> {
        let empty = self.empty(prompt, cancel)?;
        let mut encoded = Vec::with_capacity(words.len());
        for words in words.chunks(AT_ONCE) {
            cancel.check()?;
            let texts = self.chat_template()?.render_all(prompt, words, cancel)?;
            let ids = self.all_ids(texts);
            encoded.extend(words.iter().zip(ids).map(|(word, ids)| self.judge(word, ids?, empty.as_deref())));
        }
        Ok(encoded)
    }

    /// The conversation as the template writes it.
    pub fn render(&self, prompt: &str, word: &str) -> Result<String, ModelError> {
        self.chat_template()?.render(prompt, word)
    }

    /// Ids of a rendered conversation, the policy on BOS applied, whatever there is to say of its word.
    pub fn conversation(&self, text: &str) -> Result<Vec<u32>, ModelError> {
        self.ids(text)
    }

    /// Ids of any text, with nothing added.
    pub fn plain(&self, text: &str) -> Result<Vec<u32>, ModelError> {
        Ok(self.encoded(text, false)?.get_ids().to_vec())
    }

    /// What a token stands for, as text; the vocabulary's own spelling where it is only part of a character.
    pub fn token_text(&self, id: u32) -> String {
        let decoded = self.tokenizer.decode(&[id], false).unwrap_or_default();
        if decoded.is_empty() || decoded.contains(char::REPLACEMENT_CHARACTER) {
            self.tokenizer.id_to_token(id).unwrap_or_else(|| format!("<{id}>"))
        } else {
            decoded
        }
    }

    /// True for a token that the vocabulary holds whole.
    pub(crate) fn has_token(&self, token: &str) -> bool {
        self.tokenizer.token_to_id(token).is_some()
    }

    /// The ids of all tokens, ascending.
    pub fn ids_known(&self) -> Vec<u32> {
        let mut ids: Vec<u32> = self.tokenizer.get_vocab(true).into_values().collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// None for a base model.
    pub fn template(&self) -> Option<&ChatTemplate> {
        self.template.as_ref()
    }

    /// How a prompt is put where these are a language model's: as asked, else in the template where there is one.
    pub fn form(&self, asked: Option<PromptForm>) -> PromptForm {
        asked.unwrap_or(if self.template.is_some() || !self.template_names.is_empty() {
            PromptForm::Chat
        } else {
            PromptForm::Bare
        })
    }

    /// The template, where one is needed.
    pub fn chat_template(&self) -> Result<&ChatTemplate, ModelError> {
        self.template.as_ref().ok_or_else(|| {
            let folder = self.file.parent().map(PathBuf::from).unwrap_or_default();
            if !self.template_names.is_empty() {
                return ChatTemplate::undecided(folder, &self.template_names);
            }
            ChatTemplate::missing(folder, "Put the template that the model was trained with beside its tokenizer")
        })
    }

    /// Takes ids below `rows` for those of the model: its embedding may have more rows than config.json says.
    pub(crate) fn set_rows(&mut self, rows: usize) {
        self.vocab_size = rows;
    }

    /// What of the tokenizer draws at random in training and was switched off; none where nothing did.
    pub fn sampling(&self) -> Option<&str> {
        self.sampling.as_deref()
    }

    /// Which tokens were added that only the files beside `tokenizer.json` list, in a sentence; none where it lists all.
    pub fn added(&self) -> Option<&str> {
        self.added.as_deref()
    }

    /// The token that begins a sequence, where this tokenizer has one.
    pub fn bos(&self) -> Option<u32> {
        self.bos
    }

    /// The text already holds the special tokens, so adding them is the published scripts' slip, kept on request.
    fn adds_special_tokens(&self) -> bool {
        self.policy == BosPolicy::Published
    }

    /// Ids of many texts, on all cores, the policy on BOS applied.
    pub(crate) fn all_ids(&self, texts: Vec<Result<String, ModelError>>) -> Vec<Result<Vec<u32>, ModelError>> {
        let sound: Vec<&str> = texts.iter().flatten().map(String::as_str).collect();
        // A batch fails as a whole; then each text shows on its own whether it was the one.
        let batch = self.tokenizer.encode_batch_fast(sound, self.adds_special_tokens()).ok();
        let mut batch = batch.map(Vec::into_iter);
        let ids = |text: Result<String, ModelError>| {
            let text = text?;
            match batch.as_mut().and_then(Iterator::next) {
                Some(encoding) => Ok(self.framed(encoding.get_ids())),
                None => self.ids(&text),
            }
        };
        texts.into_iter().map(ids).collect()
    }

    /// Ids of a whole conversation, which begins as the policy says and ends with the model's reward token, if it has one.
    ///
    /// # Errors
    /// Where the tokenizer fails on it.
    pub fn ids(&self, text: &str) -> Result<Vec<u32>, ModelError> {
        Ok(self.framed(self.encoded(text, self.adds_special_tokens())?.get_ids()))
    }

    fn encoded(&self, text: &str, special_tokens: bool) -> Result<Encoding, ModelError> {
        self.tokenizer.encode_fast(text, special_tokens).map_err(|error| {
            ModelError::file(&self.file, format!("the tokenizer fails on a conversation: {error}"), "Download the file again")
        })
    }

    /// The ids with as many BOS in front as the policy asks for, and the reward token behind them where it is not there yet.
    fn framed(&self, ids: &[u32]) -> Vec<u32> {
        let written = ids.iter().take_while(|id| Some(**id) == self.bos).count();
        let kept = match self.policy {
            BosPolicy::Published => written,
            BosPolicy::Single => usize::from(written > 0 || self.adds_bos),
            BosPolicy::None => 0,
        };
        let front = self.bos.into_iter().flat_map(|bos| std::iter::repeat_n(bos, kept));
        let behind = self.reward_token.filter(|token| ids.last() != Some(token));
        front.chain(ids[written..].iter().copied()).chain(behind).collect()
    }

    /// Ids of the conversation with an empty answer; `None` where the template refuses one.
    fn empty(&self, prompt: &str, cancel: &Cancel) -> Result<Option<Vec<u32>>, ModelError> {
        let text = self.chat_template()?.render_all(prompt, &[""], cancel)?.pop();
        Ok(text.and_then(|text| self.ids(&text.ok()?).ok()))
    }

    /// The ids of a word's conversation, if it can be scored. `empty` are those of the conversation with an empty answer.
    ///
    /// # Errors
    /// Where the word leaves no token, where there are more tokens than the model has positions, and where an id is beyond the
    /// model's vocabulary.
    pub fn judge(&self, word: &str, ids: Vec<u32>, empty: Option<&[u32]>) -> Result<Vec<u32>, ModelError> {
        let refuse = |problem: String, next: &str| ModelError::Word { word: word.to_owned(), problem, next: next.to_owned() };
        if ids.is_empty() || empty == Some(&ids) {
            return Err(refuse(
                "tokenizes to nothing: chat template and tokenizer leave no token of it".to_owned(),
                "Leave it out",
            ));
        }
        if ids.len() > self.max_positions {
            let problem = format!("its conversation has {} tokens, and the model {} positions", ids.len(), self.max_positions);
            return Err(refuse(problem, "Shorten the prompt or the word (config.json: max_position_embeddings)"));
        }
        match ids.iter().find(|&&id| id as usize >= self.vocab_size) {
            Some(id) => {
                let problem = format!("becomes token {id}, and the model's embedding has {} rows", self.vocab_size);
                Err(refuse(problem, "Tokenizer and weights are not of the same model: download both again"))
            }
            None => Ok(ids),
        }
    }
}

/// Switches off what makes a text's tokens a matter of chance: the dropout of BPE merges and the sampling of unigrams, with
/// which models are trained. Nothing else in a tokenizer draws (`tokenizers` 0.23: `rand` in `models/bpe` and `models/unigram`).
fn without_sampling(tokenizer: &mut Tokenizer) -> Option<String> {
    let (model, what): (ModelWrapper, _) = match tokenizer.get_model() {
        ModelWrapper::BPE(model) => {
            let dropout = model.dropout.filter(|dropout| *dropout > 0.0)?;
            let mut model = model.clone();
            model.dropout = None;
            (model.into(), format!("dropout of {dropout}"))
        }
        ModelWrapper::Unigram(model) => {
            let alpha = model.alpha?;
            let mut model = model.clone();
            (model.alpha, model.nbest_size) = (None, None);
            (model.into(), format!("sampling at {alpha}"))
        }
        ModelWrapper::WordPiece(_) | ModelWrapper::WordLevel(_) => return None,
    };
    tokenizer.with_model(model);
    Some(what)
}

/// Special tokens by name; each stands as a text or as an object with `content`.
fn special_tokens(map: &Map<String, Value>) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().or_else(|| value.get("content")?.as_str()).map(str::to_owned);
    SPECIAL.iter().filter_map(|name| Some(((*name).to_owned(), text(map.get(*name)?)?))).collect()
}

#[cfg(test)]
#[path = "tokenizer_tests.rs"]
mod tests;
