//! Trainings from outside: medians over checkpoints, from scores and from the file that the program writes.

use crate::support::program::{file, home, json, number, refused, stdout};

#[test]
fn a_training_is_followed_from_its_scores() {
    let home = home();
    let home = home.path();
    let corpus = file(home, "list.csv", "word,category\nlove,c\nNA,c\nnull,a\n\"ice, cream\",a\n");
    let scores = file(
        home,
        "my-gemma.csv",
        "response,step-200,step-100\r\nlove,1,4\r\nNA,2,3\r\nnull,3,2\r\n\"ice, cream\",4,1\r\nstranger,9,9\r\n",
    );
    let found = json(home, &["ablation", &scores, "--corpus", &corpus, "--data", "my-gemma=0.5k,mine,BT", "--moved", "2"]);
    let run = &found["runs"][0];
    assert_eq!(
        (run["model"].as_str(), run["family"].as_str(), run["words"].as_u64()),
        (Some("my-gemma"), Some("Gemma"), Some(4))
    );
    assert_eq!(
        (number(&run["data_size_k"]), run["data_source"].as_str(), run["method"].as_str()),
        (0.5, Some("mine"), Some("BT"))
    );
    assert_eq!(run["series"][0]["points"][0], serde_json::json!({ "checkpoint": 100, "median_rank": 3.5 }));
    assert_eq!((number(&run["series"][0]["change"]), number(&run["series"][1]["change"])), (-2.0, 2.0));
    assert_eq!((run["moved"].as_array().map(Vec::len), number(&run["moved"][0]["change"]).abs()), (Some(2), 3.0));
    let last: Vec<f64> = found["final"].as_array().expect("a list").iter().map(|of| number(&of["median_rank"])).collect();
    assert_eq!(last, [1.5, 3.5]);

    let table = stdout(home, &["ablation", &scores, "--corpus", &corpus]);
    assert!(table.contains("moved farthest") && table.contains("my-gemma (Gemma)"), "{table}");
    // What is written as CSV is read again as the same.
    let out = home.join("medians.csv");
    stdout(home, &["ablation", &scores, "--corpus", &corpus, "-o", out.to_str().expect("UTF-8")]);
    let again = json(home, &["ablation", out.to_str().expect("UTF-8")]);
    assert_eq!(again["runs"][0]["series"], run["series"]);
    refused(home, &["ablation", &scores, "--data", "other.csv=3"], 2, &["other.csv"]);
    for (file, naming) in [("x.png", ".csv, .json, .txt"), ("x.docx", "--format")] {
        refused(home, &["ablation", &scores, "-o", file], 2, &[file, naming]);
        refused(home, &["implicit", "demo-llama", "demo-gemma", "-o", file], 2, &[file, naming]);
        assert!(!home.join(file).exists());
    }
    refused(home, &["ablation", &corpus], 2, &["list.csv", "word, category"]);
    refused(home, &["ablation", "no/such.csv"], 2, &["no/such.csv"]);
}

/// The form of the authors' expanded dictionary: R's `write.csv` of a column a category.
#[test]
fn the_authors_dictionary_gives_categories_to_every_spelling_of_a_token() {
    let home = home();
    let home = home.path();
    let dictionary = "\"DicTerm\",\"Agency\",\"Communion\"\n\"power\",\"X\",NA\n\"love\",NA,\"X\"\n\"lead*\",\"X\",NA\n";
    let scores =
        file(home, "ck.csv", "token_decoded,step-1,step-2\nlove,1,2\n love,5,6\nPower,2.5,5\nleader,4,1\n\r,9,9\nstranger,1,1\n");
    let only = file(home, "token_intersection.csv", "token_decoded\nlove\nPower\nleader\n\r\n");
    for name in ["expanded.csv", "expanded.dicx"] {
        let corpus = file(home, name, dictionary);
        let run = |more: &[&str]| {
            let arguments = [&["ablation", &scores, "--corpus", &corpus], more].concat();
            let found = json(home, &arguments);
            let last = found["final"].as_array().expect("a list");
            let medians = last.iter().map(|of| (of["category"].as_str().expect("a name").to_owned(), number(&of["median_rank"])));
            (found["runs"][0]["words"].as_u64().expect("a number"), medians.collect::<Vec<_>>())
        };
        let medians = |agency, communion| vec![("Agency".to_owned(), agency), ("Communion".to_owned(), communion)];
        // At step 2: Power 5, love 4 (of 2 and 6), leader 1.
        assert_eq!(run(&[]), (3, medians(2.0, 2.0)), "{name}");
        // love 2 and 6 by themselves.
        assert_eq!(run(&["--variants", "keep"]), (4, medians(3.0, 2.0)), "{name}");
        assert_eq!(run(&["--variants", "keep", "--only-words", &only]), (3, medians(2.0, 2.0)), "{name}");
    }
    refused(home, &["ablation", &scores, "--variants", "add"], 2, &["average", "keep"]);
    let words = file(home, "words.csv", "word\nlove\n");
    refused(home, &["ablation", &scores, "--corpus", &words], 2, &["the word list words has no categories"]);
}
