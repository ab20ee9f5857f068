//! How models were asked, and in what they were asked differently: a difference between two models that were not asked alike
//! need not lie in the models.
//!
//! Read from provenance, so that recorded scores count as well, as far as their file says what they rest on.

use super::{PromptForm, Provenance, Stated, TemplateDate};
use rewardscope_base::remedy::Remedy;
use rewardscope_base::terms::Unit;

/// What provenance says of a language model's template behind the template's own name.
const CHAT: &str = "generation prompt";
/// In front, what it was before a bare prompt was parted from its word.
const BARE: [&str; 2] = ["none, bare prompt", "none, bare prompt and one space"];

/// The same in words for provenance; `template` tells of the chat template.
pub fn form_text(form: PromptForm, template: &str) -> String {
    match form {
        PromptForm::Chat => format!("{template}, {CHAT}"),
        PromptForm::Bare => BARE[1].to_owned(),
    }
}

/// Something in which models were asked differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// `chat against bare prompt`
    pub short: String,
    /// In a sentence, with the models' names and what to do.
    pub text: String,
}

/// One thing that is asked for, of a model of which it is known.
struct Aspect {
    of: fn(&Provenance) -> Option<String>,
    /// What stands before the ways that differ, in short.
    name: &'static str,
    /// What follows from it, and what to do.
    next: fn() -> String,
}

/// Of the scores themselves.
const UNIT: Aspect = Aspect {
    of: unit,
    name: "",
    next: || {
        "these are scores of different kinds: a reward is of an answer, a log-probability of a continuation, and only their \
         order can be compared"
            .to_owned()
    },
};

/// Of the text that is read.
const ASKED: [Aspect; 3] = [
    Aspect {
        of: form,
        name: "",
        next: || {
            let (chat, bare) = (Remedy::Chat, Remedy::Bare);
            format!("what differs may be the asking, not the models: ask them alike with {chat} or {bare}")
        },
    },
    Aspect {
        of: bos,
        name: "BOS ",
        next: || format!("what differs may be the first tokens, not the models: ask them alike with {}", Remedy::Bos),
    },
    Aspect {
        of: date,
        name: "template date ",
        next: || {
            let date = Remedy::TemplateDate;
            format!("what differs may be the day that the templates were told, not the models: give both one {date}")
        },
    },
];

fn unit(provenance: &Provenance) -> Option<String> {
    let said = provenance.dtype != Stated::Unknown || provenance.unit != Unit::Reward;
    let name = match provenance.unit {
        Unit::Reward => "reward",
        unit => unit.title(),
    };
    said.then(|| name.to_owned())
}

/// Of a language model alone: a reward model is always asked in its template.
fn form(provenance: &Provenance) -> Option<String> {
    let template = provenance.template.as_str();
    let told = match () {
        () if template.ends_with(CHAT) => "chat",
        () if template == BARE[1] => "bare prompt",
        () if template == BARE[0] => "bare prompt without a space",
        () => return None,
    };
    Some(told.to_owned())
}

fn bos(provenance: &Provenance) -> Option<String> {
    (provenance.bos != Stated::Unknown).then(|| provenance.bos.to_string())
}

fn date(provenance: &Provenance) -> Option<String> {
    let date = provenance.template.split(", ").find_map(|part| part.parse::<TemplateDate>().ok());
    date.map(|date| date.to_string())
}

/// Everything in which these models were asked differently, the weightiest first. What is not known of a model counts as no
/// difference; a model that is made of others was asked as they were.
pub fn differences<'a>(models: &[(&'a str, &'a Provenance)]) -> Vec<Difference> {
    let parts = |&(name, provenance): &(&'a str, &'a Provenance)| match &provenance.parts[..] {
        [] => vec![(name, provenance)],
        parts => parts.iter().map(|part| (part.source.as_str(), part)).collect(),
    };
    let asked: Vec<(&str, &Provenance)> = models.iter().flat_map(parts).collect();
    let differing = ASKED.iter().filter_map(|aspect| difference(aspect, &asked));
    difference(&UNIT, models).into_iter().chain(differing).collect()
}

fn difference(aspect: &Aspect, models: &[(&str, &Provenance)]) -> Option<Difference> {
    let mut ways: Vec<(String, Vec<&str>)> = Vec::new();
    for (name, provenance) in models {
        let Some(way) = (aspect.of)(provenance) else { continue };
        match ways.iter_mut().find(|(known, _)| *known == way) {
            Some((_, names)) => names.push(name),
            None => ways.push((way, vec![name])),
        }
    }
    if ways.len() < 2 {
        return None;
    }
    let short: Vec<&str> = ways.iter().map(|(way, _)| way.as_str()).collect();
    let told: Vec<String> = ways.iter().map(|(way, names)| format!("{}{way}: {}", aspect.name, listed(names))).collect();
    Some(Difference {
        short: format!("{}{}", aspect.name, short.join(" against ")),
        text: format!("Not asked alike ({}): {}.", told.join("; "), (aspect.next)()),
    })
}

/// The first few names.
fn listed(names: &[&str]) -> String {
    const NAMED: usize = 4;
    let more = names.len().saturating_sub(NAMED);
    let named = names[..names.len() - more].join(", ");
    if more > 0 { format!("{named} and {more} more") } else { named }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(form: PromptForm, bos: &str) -> Provenance {
        let template = form_text(form, "chat_template.jinja, 26 Jul 2024");
        let (dtype, bos) = ("f32".into(), bos.into());
        Provenance { dtype, bos, template, unit: Unit::Nats, ..Provenance::of_recorded("m.gguf".to_owned()) }
    }

    fn short(models: &[(&str, &Provenance)]) -> Vec<String> {
        differences(models).into_iter().map(|difference| difference.short).collect()
    }

    #[test]
    fn every_kind_of_differing_asking_is_told_with_the_models_names() {
        let (chat, bare) = (asked(PromptForm::Chat, "single"), asked(PromptForm::Bare, "single"));
        let found = differences(&[("a", &chat), ("b", &bare), ("c", &chat)]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].short, "chat against bare prompt");
        assert!(
            found[0].text.contains("chat: a, c; bare prompt: b")
                && found[0].text.contains("ask them alike with chat form or bare form"),
            "{}",
            found[0].text
        );
        let published = asked(PromptForm::Chat, "published");
        assert_eq!(short(&[("a", &chat), ("b", &published)]), ["BOS single against published"]);
        let later = Provenance { template: chat.template.replace("26 Jul 2024", "01 Jan 2026"), ..chat.clone() };
        assert_eq!(short(&[("a", &chat), ("b", &later)]), ["template date 26 Jul 2024 against 01 Jan 2026"]);
        let reward = Provenance { unit: Unit::Reward, template: "chat_template.jinja".to_owned(), ..chat.clone() };
        assert_eq!(short(&[("a", &chat), ("b", &reward)]), ["log p against reward"]);
        assert_eq!(short(&[("a", &bare), ("b", &published)]), ["bare prompt against chat", "BOS single against published"]);
    }

    #[test]
    fn models_that_were_asked_alike_or_of_which_nothing_is_known_differ_in_nothing() {
        let (chat, nothing) = (asked(PromptForm::Chat, "single"), Provenance::of_recorded("scores.csv".to_owned()));
        let undated = Provenance { template: form_text(PromptForm::Chat, "of the GGUF"), ..chat.clone() };
        assert_eq!(short(&[("a", &chat), ("b", &chat), ("c", &nothing), ("d", &undated)]), [""; 0]);
    }

    #[test]
    fn a_bare_prompt_that_was_not_parted_from_its_word_is_another_asking() {
        let bare = asked(PromptForm::Bare, "single");
        let before = Provenance { template: BARE[0].to_owned(), ..bare.clone() };
        assert_eq!(short(&[("now", &bare), ("then", &before)]), ["bare prompt against bare prompt without a space"]);
    }

    #[test]
    fn a_pair_was_asked_as_its_parts_were() {
        let (chat, bare) = (asked(PromptForm::Chat, "single"), asked(PromptForm::Bare, "single"));
        let pair = Provenance { parts: vec![chat, bare], unit: Unit::Mwlr, ..Provenance::of_recorded("mwlr:a,b".to_owned()) };
        assert_eq!(short(&[("mwlr:a,b", &pair)]), ["chat against bare prompt"]);
    }
}
