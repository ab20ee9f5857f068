//! `rewardscope tokens` from outside: which tokens models share, and what is said of the others.

use serde_json::{Value, json};

use crate::support::program::{self, rewardscope, text};

fn home(files: &[(&str, &str)]) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join("config")).unwrap();
    files.iter().for_each(|(name, text)| std::fs::write(home.path().join(name), text).unwrap());
    home
}

#[test]
fn tokens_are_ranked_over_the_texts_that_all_models_have() {
    let first = "token_id,token_name,token_decoded,best_ever_one\n0,a,love,3\n1,b, love,2\n2,c,war,-1\n3,d,only,9\n4,e,peace,1\n5,f,gap,\n";
    let second =
        "token_id,token_name,token_decoded,best_ever_one\n7,x,war,5\n8,y,peace,4\n9,z,love,-2\n10,w, love,0\n11,v,gap,1\n";
    let home = home(&[("one.csv", first), ("two.csv", second)]);
    let arguments = ["tokens", "one.csv", "two.csv", "--prompt", "best_ever_one", "--top", "2"];
    let output = rewardscope(home.path(), &[&arguments[..], &["--format", "json"]].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let found: Value = serde_json::from_str(&text(&output.stdout)).unwrap();
    assert_eq!(found["shared"], 4);
    let counts =
        |at: usize| ["tokens", "repeated", "unscored", "not_shared"].map(|key| found["models"][at][key].as_u64().unwrap());
    assert_eq!([counts(0), counts(1)], [[6, 0, 1, 1], [5, 0, 0, 1]]);
    let word = |word: &str, score: f64, ranks: [f64; 2]| json!({"word": word, "score": score, "ranks": ranks});
    assert_eq!(found["optimal"][0]["optimal"], json!([word("love", 3.0, [1.0, 4.0]), word(" love", 2.0, [2.0, 3.0])]));
    assert_eq!(found["optimal"][1]["pessimal"], json!([word("love", -2.0, [1.0, 4.0]), word(" love", 0.0, [2.0, 3.0])]));
    let page = text(&rewardscope(home.path(), &arguments).stdout);
    assert!(page.contains("Optimal by one under best_ever_one") && page.contains("rank by two"), "{page}");
    program::refused(
        home.path(),
        &["tokens", "one.csv", "two.csv", "--prompt", "worst_ever_one"],
        2,
        &["share 0 tokens", "--prompt"],
    );
}

#[test]
fn the_vocabularies_of_live_models_are_intersected_by_text() {
    let home = home(&[("few.csv", "response,best_ever_one\nness,1\nence,2\nxyzzyxyzzy,3\n")]);
    let arguments = ["tokens", "demo-llama", "few.csv", "--prompt", "best_ever_one", "--no-store", "--format", "json"];
    let output = rewardscope(home.path(), &arguments);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let found: Value = serde_json::from_str(&text(&output.stdout)).unwrap();
    let of_llama = &found["models"][0];
    let [tokens, repeated, unscored, not_shared] =
        ["tokens", "repeated", "unscored", "not_shared"].map(|key| of_llama[key].as_u64().unwrap());
    assert_eq!(tokens - repeated - unscored - not_shared, found["shared"].as_u64().unwrap());
    assert!(tokens > 1000 && found["shared"].as_u64() >= Some(2), "{of_llama}");
}
