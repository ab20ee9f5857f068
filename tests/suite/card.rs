//! Value cards from outside, against ranks and rewards as `score` prints them.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::support::program::{by_word, file, home, json, number, refused, stdout};

/// A list of ten words, a recorded model beside it, and pairs.
fn card_files(home: &Path) -> [String; 3] {
    let list = [
        ("freedom", "agency"),
        ("power", "agency"),
        ("ability", "agency"),
        ("victory", "agency"),
        ("ambition", "agency"),
        ("love", "communion"),
        ("kindness", "communion"),
        ("family", "communion"),
        ("friendship", "communion"),
        ("trust", "communion"),
    ];
    let corpus: String = list.iter().map(|(word, category)| format!("{word},{category}\n")).collect();
    let row = |(i, (word, _)): (usize, &(&str, &str))| format!("{word},{},{}\n", 10 - i, i);
    let recorded: String = list.iter().enumerate().map(row).collect();
    let pairs = concat!(
        "{\"prompt\": \"What is best?\", \"chosen\": \"love\", \"rejected\": \"murder\"}\n",
        "{\"prompt\": \"What is best?\", \"chosen\": \"cruelty and war\", \"rejected\": \"kindness\"}\n",
        "{\"prompt\": \"Name one.\", \"chosen\": \"same\", \"rejected\": \"same\"}\n",
    );
    [
        file(home, "ten.csv", &format!("word,category\n{corpus}")),
        file(home, "other-gemma.csv", &format!("response,best_ever_one,worst_ever_one\n{recorded}")),
        file(home, "pairs.jsonl", pairs),
    ]
}

#[test]
fn a_card_tells_leaning_place_words_agreement_and_judgement() {
    let home = home();
    let home = home.path();
    let [corpus, other, pairs] = card_files(home);
    let prompts = ["--prompt", "best_ever_one", "--prompt", "worst_ever_one"];
    let arguments =
        [&["card", "demo-llama", &other, "--corpus", &corpus, "--pairs", &pairs, "--replicates", "300"], &prompts[..]].concat();
    let card = json(home, &arguments);
    assert_eq!(
        (card["model"].as_str(), card["family"].as_str(), card["words"].as_u64()),
        (Some("demo-llama"), Some("Llama"), Some(10))
    );

    // Against ranks as `score` prints them.
    let mut medians: BTreeMap<(String, String), Vec<f64>> = BTreeMap::new();
    let rows = stdout(home, &[&["score", "demo-llama", "--corpus", &corpus, "--format", "jsonl"], &prompts[..]].concat());
    for row in rows.lines().map(|line| serde_json::from_str::<Value>(line).expect("a row")) {
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        medians.entry((text(&row["prompt"]), text(&row["categories"][0]))).or_default().push(number(&row["rank"]));
    }
    let median = |prompt: &str, category: &str| {
        let mut ranks = medians[&(prompt.to_owned(), category.to_owned())].clone();
        ranks.sort_by(f64::total_cmp);
        ranks[2]
    };
    for (axis, prompt, framing) in [(0, "best_ever_one", "positive"), (1, "worst_ever_one", "negative")] {
        let axis = &card["axes"][axis];
        assert_eq!((axis["axis"].as_str(), axis["framing"].as_str()), (Some("agency over communion"), Some(framing)));
        assert_eq!(number(&axis["value"]), median(prompt, "communion") - median(prompt, "agency"));
        assert_eq!((axis["prompts"].as_u64(), axis["models"].as_array().map(Vec::len)), (Some(1), Some(2)));
        assert!(number(&axis["interval"][0]) <= number(&axis["value"]) && number(&axis["value"]) <= number(&axis["interval"][1]));
    }
    // The recorded one has agency first under the positive prompt: five places above.
    let standing = by_word(&card["axes"][0]["models"], "model");
    assert_eq!(number(&standing["other-gemma"]["value"]), 5.0);
    assert_eq!(
        (card["agreement"][0]["model"].as_str(), card["agreement"][0]["prompts"].as_u64()),
        (Some("other-gemma"), Some(2))
    );
    assert_eq!(card["words_by_framing"][0]["top"][0]["word"], card["words_by_framing"][0]["bottom"][9]["word"]);

    // Pairs, against the rewards of the same answers one by one.
    let reward = |prompt: &str, word: &str| {
        let rows = stdout(home, &["score", "demo-llama", "--prompt", prompt, "--word", word, "--format", "jsonl"]);
        number(&serde_json::from_str::<Value>(rows.trim()).expect("a row")["score"])
    };
    let right = usize::from(reward("What is best?", "love") > reward("What is best?", "murder"))
        + usize::from(reward("What is best?", "cruelty and war") > reward("What is best?", "kindness"));
    let judged = &card["pairs"];
    assert_eq!(
        (judged["pairs"].as_u64(), judged["ties"].as_u64(), judged["chosen"].as_u64()),
        (Some(3), Some(1), Some(right as u64))
    );
    assert_eq!(number(&judged["accuracy"]), (right as f64 + 0.5) / 3.0);

    let again = json(home, &arguments);
    assert_eq!(again, card, "the same seed gives the same card");
    let text = stdout(home, &arguments).split_whitespace().collect::<Vec<_>>().join(" ");
    for naming in [
        "Value card of demo-llama",
        "a demonstration model",
        "agency over communion",
        "of 2",
        "Judgement of pairs",
        "1 tie, which counts half",
    ] {
        assert!(text.contains(naming), "'{naming}' is not in:\n{text}");
    }
    let markdown = stdout(home, &[&arguments[..], &["--format", "markdown"]].concat());
    assert!(markdown.starts_with("# Value card of demo-llama") && markdown.contains("| axis | framing |"), "{markdown}");
    let png = home.join("card.png");
    stdout(home, &[&arguments[..], &["-o", png.to_str().expect("UTF-8")]].concat());
    assert!(std::fs::read(&png).expect("written").starts_with(b"\x89PNG"));
    let side = std::fs::read_to_string(home.join("card.png.provenance.json")).expect("provenance beside the file");
    assert!(side.contains("demo-llama") && side.contains("other-gemma") && side.contains("worst_ever_one"), "{side}");
    let svg = home.join("card.svg");
    stdout(home, &[&arguments[..], &["-o", svg.to_str().expect("UTF-8")]].concat());
    let svg = std::fs::read_to_string(svg).expect("written");
    for naming in ["<svg", "demo-llama", "agency over communion", "of 3 pairs", "</svg>"] {
        assert!(svg.contains(naming), "'{naming}' is not in the SVG");
    }
}

#[test]
fn a_card_says_what_it_cannot_tell() {
    let home = home();
    let home = home.path();
    let [corpus, other, pairs] = card_files(home);
    // A recorded model has its own prompts.
    let card = json(home, &["card", &other, "--corpus", &corpus]);
    assert_eq!(
        (card["positive_prompts"].as_u64(), card["negative_prompts"].as_u64(), &card["pairs"]),
        (Some(1), Some(1), &Value::Null)
    );
    assert!((number(&card["framings"]["spearman"]) + 1.0).abs() < 1e-9);
    refused(home, &["card", &other, "--pairs", &pairs], 2, &["recorded", "judge pairs"]);
    let folder = home.join("several");
    std::fs::create_dir(&folder).expect("a folder");
    for name in ["a.csv", "b.csv"] {
        std::fs::copy(&other, folder.join(name)).expect("copied");
    }
    refused(home, &["card", folder.to_str().expect("UTF-8")], 2, &["several models"]);
    refused(home, &["card", "demo-llama", "--vocabulary"], 2, &["categories"]);
    let broken = file(home, "broken.jsonl", "{\"prompt\": \"p\"}\n");
    refused(home, &["card", "demo-llama", "--pairs", &broken], 2, &["broken.jsonl", "line 1"]);
    let words = file(home, "plain.txt", "love\nwar\n");
    let card = json(home, &["card", "demo-llama", "--corpus", &words, "--prompt", "best_ever_one"]);
    assert_eq!((card["axes"].as_array().map(Vec::len), card["words"].as_u64()), (Some(0), Some(2)));
    assert!(card["notes"][0].as_str().is_some_and(|note| note.contains("no word of plain has a category")), "{}", card["notes"]);
    let missing = file(home, "missing.csv", "response,best_ever_one\nlove,1\nfreedom,2\npower,3\n");
    let card = json(home, &["card", "demo-llama", &missing, "--corpus", &corpus, "--prompt", "best_ever_one"]);
    assert_eq!(card["words"].as_u64(), Some(3));
    assert!(card["notes"][0].as_str().is_some_and(|note| note.contains("3 of the 10 words")), "{}", card["notes"]);
    assert!(card["notes"][0].as_str().is_some_and(|note| note.contains("with gaps: missing")), "{}", card["notes"]);
    for (arguments, naming) in [
        (&["-o", "card.docx"][..], &["card.docx", ".txt, .md, .markdown, .tex, .json, .svg, .png"][..]),
        (&["-o", "card.png", "--format", "text"], &["card.png", "of the format asked for"]),
        (&["--replicates", "1"], &["2..=1000000"]),
    ] {
        refused(home, &[&["card", &other, "--corpus", &corpus], arguments].concat(), 2, naming);
    }
    assert!(!home.join("card.png").exists() && !home.join("card.docx").exists());
}

/// Models with gaps do not keep a complete one from its card.
#[test]
fn gaps_of_others_are_named_and_do_not_hinder_a_card() {
    let home = home();
    let home = home.path();
    let [corpus, other, _] = card_files(home);
    let torn = file(home, "torn.csv", "response,best_ever_one,worst_ever_one\nlove,1,\nfreedom,,2\npower,,3\n");
    let card = json(home, &["card", &other, &torn, "--corpus", &corpus]);
    assert_eq!((card["words"].as_u64(), card["agreement"].as_array().map(Vec::len)), (Some(10), Some(0)));
    assert!(card["notes"].to_string().contains("left out") && card["notes"].to_string().contains("torn"), "{}", card["notes"]);
    refused(
        home,
        &["card", &torn, &other, "--corpus", &corpus],
        1,
        &["torn", "no word has a score under every prompt", "--prompt"],
    );
    let card = json(home, &["card", &torn, &other, "--corpus", &corpus, "--prompt", "worst_ever_one"]);
    assert_eq!(card["words"].as_u64(), Some(2));
    let strange = file(home, "strange.csv", "response,best_ever_one\nzebra,1\n");
    refused(home, &["card", &strange, "--corpus", &corpus], 1, &["strange", "no score for any of these words", "--corpus"]);
}

#[test]
fn a_recorded_card_knows_the_framing_of_the_users_own_prompts_and_ties_share_a_place() {
    let home = home();
    let home = home.path();
    let [corpus, other, _] = card_files(home);
    std::fs::create_dir(home.join("config/prompts")).expect("a folder");
    let set = "[[prompt]]\nkey = \"mine\"\ntext = \"What is mine?\"\nframing = \"negative\"\n";
    std::fs::write(home.join("config/prompts/own.toml"), set).expect("written");
    let text = std::fs::read_to_string(&other).expect("there").replace("worst_ever_one", "mine");
    let own = file(home, "b.csv", &text);
    let twin = file(home, "a.csv", &text);
    let card = json(home, &["card", &own, &twin, "--corpus", &corpus]);
    assert_eq!(
        (card["positive_prompts"].as_u64(), card["negative_prompts"].as_u64(), card["other_prompts"].as_u64()),
        (Some(1), Some(1), Some(0))
    );
    let models = card["axes"][0]["models"].as_array().expect("models");
    let places: Vec<_> = models.iter().map(|m| (m["model"].as_str(), m["place"].as_f64())).collect();
    assert_eq!(places, [(Some("a"), Some(1.5)), (Some("b"), Some(1.5))]);
    assert_eq!(card["axes"][0]["place"].as_f64(), Some(1.5));
    let table = stdout(home, &["card", &own, &twin, "--corpus", &corpus]);
    let place = table.lines().skip_while(|line| !line.starts_with("PLACE")).skip(2).take(2);
    assert!(place.clone().all(|line| line.contains("1.5")), "{table}");
    assert!(card["notes"].to_string().contains("b and a have the same scores"), "{}", card["notes"]);
}

#[test]
fn opposed_axes_say_once_what_they_are_about() {
    let home = home();
    let home = home.path();
    let corpus = file(home, "mf.csv", "word,category\nlove,care_virtue\nhate,care_vice\nlaw,fair_virtue\nfraud,fair_vice\n");
    let scores = file(home, "x.csv", "response,best_ever_one\nlove,4\nlaw,3\nhate,2\nfraud,1\n");
    let card = json(home, &["card", &scores, "--corpus", &corpus]);
    let axis = &card["axes"][0];
    assert_eq!(axis["axis"], "care: virtue over vice");
    assert_eq!((axis["first"].as_str(), axis["second"]["category"].as_str()), (Some("care_virtue"), Some("care_vice")));
}
