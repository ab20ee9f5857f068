//! Jinja as Hugging Face runs it (transformers `utils/chat_template_utils.py`): `trim_blocks`, `lstrip_blocks`, Python's
//! string methods, loop controls, `raise_exception`, `strftime_now`, and a `tojson` that escapes no HTML.
//!
//! A template is a program from elsewhere. What can be bounded here is: its length, its steps and what it writes. What
//! cannot, such as how deep it nests and how much memory one value takes, is for the process that this runs in.

use std::collections::BTreeMap;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Value;
use minijinja::{Environment, Error, ErrorKind, context};
use serde::{Deserialize, Serialize};

use super::{python, source as source_text};
use crate::TemplateDate;
use rewardscope_base::text;

/// Bytes of the longest template that is read: ten times the longest that is known.
const MOST_SOURCE: usize = 1 << 20;
/// Bytes of code in it, texts left out. Each can cost the parser a level of nesting, and [`super::serve::STACK`] holds as many.
const MOST_CODE: usize = 100_000;
/// Steps a render may take, and 64 bytes of data each may make: far above any conversation, and over in a second.
const FUEL: u64 = 2_000_000;
/// Bytes that a template may write on its own, and how often it may write the conversation.
const MOST_OWN_TEXT: usize = 32 << 10;
const MOST_REPEATS: usize = 8;
/// Characters of a template's own error message that are shown.
const MOST_MESSAGE: usize = 500;
const NAME: &str = "chat";
const CORRECT: &str = "Correct the template, or download the file again";

/// A template and what it may write by name: `bos_token` and the like.
#[derive(Serialize, Deserialize)]
pub(super) struct Setup {
    pub(super) source: String,
    pub(super) tokens: BTreeMap<String, String>,
    /// The day that it is told.
    pub(super) date: TemplateDate,
}

/// Conversations that share the user's turn.
#[derive(Serialize, Deserialize)]
pub(super) struct Conversations {
    pub(super) prompt: String,
    /// One conversation each; none for one that ends where the assistant's answer begins.
    pub(super) answers: Option<Vec<String>>,
}

/// Why there is no text.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Problem {
    pub(super) problem: String,
    pub(super) next: String,
    /// The template went beyond what a template may take, and will again with the next word.
    pub(super) is_limit: bool,
}

impl Problem {
    pub(super) fn limit(problem: impl Into<String>, next: &str) -> Self {
        Problem { problem: problem.into(), next: next.to_owned(), is_limit: true }
    }
}

/// A parsed template.
pub(super) struct Jinja {
    environment: Environment<'static>,
    tokens: Value,
}

impl Jinja {
    pub(super) fn parse(setup: Setup) -> Result<Self, Problem> {
        let Setup { source, tokens, date } = setup;
        let failed = |problem: String| Problem { problem, next: CORRECT.to_owned(), is_limit: false };
        let own: usize = tokens.values().map(String::len).sum();
        for (length, most, what) in
            [(source.len() + own, MOST_SOURCE, "text"), (source_text::code_length(&source), MOST_CODE, "code")]
        {
            if length > most {
                let (length, most) = (text::bytes(length as u64), text::bytes(most as u64));
                return Err(failed(format!("the chat template has {length} of {what}, and at most {most} are read")));
            }
        }
        let mut environment = Environment::new();
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        environment.set_syntax(syntax.map_err(|error| failed(describe(&error)))?);
        environment.set_fuel(Some(FUEL));
        python::add_to(&mut environment);
        environment.add_function("raise_exception", |message: String| -> Result<(), Error> {
            Err(Error::new(ErrorKind::InvalidOperation, message))
        });
        environment.add_function("strftime_now", move |format: String| {
            date.strftime(&format).map_err(|code| {
                let message = format!("strftime_now: the code %{code} is not known");
                Error::new(ErrorKind::InvalidOperation, message)
            })
        });
        let prepared = source_text::prepared(&source).map_err(|name| unknown(&format!("'{name}'")))?;
        environment
            .add_template_owned(NAME, prepared)
            .map_err(|error| failed(format!("the chat template does not parse: {}", describe(&error))))?;
        Ok(Jinja { environment, tokens: Value::from_pairs(tokens) })
    }

    /// One text a conversation, in order.
    pub(super) fn render(&self, conversations: &Conversations) -> impl Iterator<Item = Result<String, Problem>> {
        let Conversations { prompt, answers } = conversations;
        let open = answers.is_none().then(|| self.conversation(&[("user", prompt)], true));
        let whole = |answer: &String| self.conversation(&[("user", prompt), ("assistant", answer)], false);
        open.into_iter().chain(answers.iter().flatten().map(whole))
    }

    fn conversation(&self, messages: &[(&str, &str)], add_generation_prompt: bool) -> Result<String, Problem> {
        let most = MOST_OWN_TEXT + MOST_REPEATS * messages.iter().map(|(_, content)| content.len()).sum::<usize>();
        let message = |&(role, content): &(&str, &str)| context! { role => role, content => content };
        let messages = Value::from(messages.iter().map(message).collect::<Vec<_>>());
        let none = Value::from(());
        let conversation = context! {
            messages => messages, add_generation_prompt => add_generation_prompt, tools => none.clone(), documents => none,
            ..self.tokens.clone()
        };
        let rendered = self.environment.get_template(NAME).and_then(|template| template.render(conversation));
        let rendered = rendered.map_err(|error| failed(&error))?;
        if rendered.len() > most {
            let (length, most) = (text::bytes(rendered.len() as u64), text::bytes(most as u64));
            let problem = format!("the chat template makes {length} of this conversation, and at most {most} are taken");
            return Err(Problem::limit(problem, CORRECT));
        }
        Ok(rendered)
    }
}

fn failed(error: &Error) -> Problem {
    if error.kind() == ErrorKind::OutOfFuel {
        let next = "Look for an endless loop in it, or shorten the prompt";
        return Problem::limit("the chat template does not come to an end within its budget", next);
    }
    if matches!(
        error.kind(),
        ErrorKind::UnknownFilter
            | ErrorKind::UnknownTest
            | ErrorKind::UnknownFunction
            | ErrorKind::UnknownMethod
            | ErrorKind::TooManyArguments
    ) {
        return unknown(&describe(error));
    }
    let problem = format!("the chat template fails on this conversation: {}", describe(error));
    Problem { problem, next: "Choose another prompt, or give the model another chat template".to_owned(), is_limit: false }
}

/// What Python's Jinja may have and this program has not: the file is not at fault.
fn unknown(construct: &str) -> Problem {
    let problem = format!("this program does not know a part of Jinja that the chat template uses: {construct}");
    let next = "The file may be sound: put a chat_template.jinja without it beside the model, or report what is missing";
    Problem { problem, next: next.to_owned(), is_limit: false }
}

/// `syntax error: unexpected end of block (line 3 of the template)`
fn describe(error: &Error) -> String {
    let mut message = error.kind().to_string();
    if let Some(detail) = error.detail() {
        message = if error.kind() == ErrorKind::InvalidOperation { detail.to_owned() } else { format!("{message}: {detail}") };
    }
    if let Some((end, _)) = message.char_indices().nth(MOST_MESSAGE) {
        message.truncate(end);
        message.push('…');
    }
    if let Some(line) = error.line() {
        message.push_str(&format!(" (line {line} of the template)"));
    }
    text::visible(&message).into_owned()
}
