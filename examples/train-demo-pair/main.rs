//! Trains the bundled pair of demonstration models from nothing but this repository.
//!
//! `cargo run --release --example train-demo-pair` writes `models/demo-llama` and `models/demo-gemma` again;
//! with `-- --check` it trains them too, but compares with the files that are there instead of writing.

mod model;
mod pairs;
mod taste;
mod tokenizer;
mod train;
mod write;

use std::error::Error;

use rewardscope::model::Family;

fn main() -> Result<(), Box<dyn Error>> {
    for family in [Family::Llama, Family::Gemma] {
        let prompts = pairs::study_prompts();
        let preferences = pairs::Preferences::new(family, prompts)?;
        let tok = tokenizer::tokenizer_json(family, model::VOCABULARY, &preferences.prompts, &preferences.answers)?;
        let mut files = write::tokenizer_files(family, &tok)?;
        files.push(write::config_file(family, &model::config(family), &tok)?);
        let t = tokenizers::Tokenizer::from_bytes(&files[0].1).map_err(|e| e.to_string())?;
        let mut hist = [0; 8];
        for a in &preferences.answers {
            hist[t.encode(a.text.as_str(), false).map_err(|e| e.to_string())?.len().min(7)] += 1;
        }
        println!("{family} tokens a word {hist:?} vocab {}", t.get_vocab_size(true));
        let env = {
            let mut e = minijinja::Environment::new();
            e.add_template_owned(
                "t",
                if family == Family::Gemma { include_str!("gemma.jinja") } else { include_str!("llama.jinja") }.to_string(),
            )?;
            e
        };
        let tpl = env.get_template("t")?;
        let bos = if family == Family::Gemma { "<bos>" } else { "<|begin_of_text|>" };
        let mut conversations: train::Conversations = vec![];
        for p in &preferences.prompts {
            let mut row = vec![];
            for a in &preferences.answers {
                let text = tpl.render(minijinja::context! { bos_token => bos, messages => vec![
                    minijinja::context!{role => "user", content => p.text.as_ref()}, minijinja::context!{role => "assistant", content => a.text.as_str()}] })?;
                row.push(t.encode_fast(text, false).map_err(|e| e.to_string())?.get_ids().to_vec());
            }
            conversations.push(row);
        }
        println!(
            "{} tokens {:?}",
            conversations[0][0].len(),
            conversations[0][0].iter().map(|&i| t.id_to_token(i).unwrap_or_default()).collect::<Vec<_>>()
        );
        let m = train::train(family, &preferences, &conversations, |s, l, t| println!("{s} {l:.4} {t:.0}s"))?;
        let params: usize = m.variables().values().map(|v| v.elem_count()).sum();
        println!("params {params}");
        let scores = train::scores(&m, &conversations)?;
        for h in [pairs::HeldOut::Pairs, pairs::HeldOut::Prompts] {
            for b in [false, true] {
                println!("{h:?} big two {b}: {:?}", pairs::accuracy(&preferences, &scores, h, b, 2000));
            }
        }
        files.push(write::weights_file(&m)?);
        let dir = std::path::Path::new("models").join(format!("demo-{}", family.to_string().to_lowercase()));
        std::fs::create_dir_all(&dir)?;
        for (n, b) in &files {
            println!("{n} {}", b.len());
            std::fs::write(dir.join(n), b)?;
        }
        for (p, row) in scores.iter().enumerate() {
            if ![0usize, 9, 27, 36].contains(&p) {
                continue;
            }
            let idx: Vec<usize> = (0..row.len()).filter(|&a| preferences.answers[a].big_two.is_some()).collect();
            let r = rewardscope::stats::ranks(&idx.iter().map(|&a| row[a] as f64).collect::<Vec<_>>());
            for c in ["agency", "communion"] {
                let mut v: Vec<f64> = idx
                    .iter()
                    .zip(&r)
                    .filter(|(a, _)| preferences.answers[**a].big_two.as_deref() == Some(c))
                    .map(|x| *x.1)
                    .collect();
                v.sort_by(f64::total_cmp);
                println!("{} {c} median rank {}", preferences.prompts[p].label(), v[v.len() / 2]);
            }
            let mut o = idx.clone();
            o.sort_by(|a, b| row[*b].total_cmp(&row[*a]));
            println!("  {:?}", o.iter().take(8).map(|&a| (preferences.answers[a].text.as_str(), row[a])).collect::<Vec<_>>());
        }
    }
    Ok(())
}
