//! The reward of one word as the answer to one prompt: `cargo run --example score_a_word -- DIR PROMPT WORD`.

use std::error::Error;

use rewardscope::model::checkpoint::RewardModel;
use rewardscope::model::format::files::{Files, SourceLabel};
use rewardscope::model::{Cancel, LoadOptions};

fn main() -> Result<(), Box<dyn Error>> {
    let [folder, prompt, word] = std::env::args().skip(1).collect::<Vec<_>>().try_into().map_err(|_| "DIR PROMPT WORD")?;
    let (files, cancel) = (Files::at(folder.as_ref()), Cancel::default());
    let model = RewardModel::load(&files, &SourceLabel::default(), &LoadOptions::default(), &mut |_, _| {}, &cancel)?;
    let ids = model.tokenizer.encode(&prompt, &word)?;
    println!("{} {:+.5}", word, model.reward_alone(&ids, &cancel)?);
    println!("{}", model.info.provenance.summary());
    Ok(())
}
