//! How messages name what they advise: as the option or the command that does it.

use crate::base::remedy::Remedy;

/// For a command: `--dtype bf16`.
pub fn option(remedy: Remedy, value: &str) -> String {
    if value.is_empty() { name(remedy).to_owned() } else { format!("{} {value}", name(remedy)) }
}

/// For the explorer, in which no option can be typed: `--dtype bf16 at the start`.
pub fn option_at_the_start(remedy: Remedy, value: &str) -> String {
    let option = option(remedy, value);
    if option.starts_with('-') { format!("{option} at the start") } else { option }
}

fn name(remedy: Remedy) -> &'static str {
    match remedy {
        Remedy::Bos => "--bos",
        Remedy::Dtype => "--dtype",
        Remedy::Device => "--device",
        Remedy::Chat => "--chat",
        Remedy::Bare => "--bare",
        Remedy::TemplateDate => "--template-date",
        Remedy::Softcap => "--softcap",
        Remedy::ReferenceRounding => "--reference-rounding",
        Remedy::TakenAs => "--as",
        Remedy::TokenLogit => "--token-logit",
        Remedy::Normalize => "--normalize",
        Remedy::Read => "--read",
        Remedy::HeadRow => "--head-row",
        Remedy::ChatTemplate => "--chat-template",
        Remedy::Store => "--store",
        Remedy::Family => "--family",
        Remedy::Corpus => "--corpus",
        Remedy::RatingColumn => "--rating-column",
        Remedy::WordsFile => "--words-file",
        Remedy::Prompt => "--prompt",
        Remedy::Models => "`rewardscope models`",
        Remedy::Prompts => "`rewardscope prompts`",
        Remedy::Corpora => "`rewardscope corpora`",
        Remedy::ImplicitVocabulary => "`rewardscope implicit A B --vocabulary`",
    }
}
