use super::*;

fn read_csv(name: &str, text: &str) -> Result<(Vec<Run>, Vec<String>), String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    let corpus = crate::corpus::read::parse_csv(
        Path::new("list.csv"),
        "word,category\nlove,c\nNA,c\nnull,a\n\"ice, cream\",a\n\"two\nlines\",a\n",
    );
    read(&path, &Words::of(&corpus.unwrap()), &Catalogue::builtin().unwrap()).map_err(|error| error.to_string())
}

#[test]
fn medians_are_read_with_all_their_quirks() {
    let text = "\"\",\"model_id\",\"Category\",\"checkpoint\",\"base_model\",\"sum_value\"\r\n\
                \"1\",\"Qwen2.5-3B\",\"Agency\",2000,NA,803.5\r\n\"2\",\"Qwen2.5-3B\",\"Agency\",1000,NA,815.5\r\n\
                \"3\",\"google--gemma-2b\",\"NA\",1000,\"Gemma\",700\r\n\"4\",\"Qwen2.5-3B\",\"Agency\",2000,NA,803.5\r\n\
                \"5\",\"Qwen2.5-3B\",\"Agency\",2000,NA,1\r\n\"6\",\"Qwen2.5-3B\",\"Agency\",3000,NA,NA\r\n";
    let (runs, notes) = read_csv("rank_results_uf_54.csv", text).unwrap();
    assert_eq!(runs.len(), 2);
    let first = &runs[0];
    assert_eq!((first.training.family.as_deref(), first.training.data_source.as_deref()), (Some("Qwen"), Some("uf")));
    assert_eq!((first.training.data_size_k, first.series[0].change), (Some(54.0), -12.0));
    assert_eq!((runs[1].training.family.as_deref(), runs[1].series[0].category.as_str()), (Some("Gemma"), "NA"));
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert!(notes[0].contains("1 rows without a median") && notes[1].contains("1 rows repeat"), "{notes:?}");
}

#[test]
fn rows_that_lack_a_base_model_have_that_of_the_others() {
    let row = |model: &str, base: &str, step: u64| format!("{model},Agency,{step},{base},{}\n", 700 + step);
    let rows = [
        row("run-1", "NA", 1),
        row("run-1", "Mistral", 2),
        row("run-1", "", 3),
        row("run-2", "Phi", 1),
        row("run-2", "OLMo", 1),
        row("run-2", "NA", 2),
        row("my-qwen", "NA", 1),
    ];
    let text = format!("model_id,Category,checkpoint,base_model,sum_value\n{}", rows.concat());
    let (runs, _) = read_csv("runs.csv", &text).unwrap();
    let found: Vec<_> = runs
        .iter()
        .map(|run| (run.training.model.as_str(), run.training.family.as_deref(), run.series[0].points.len()))
        .collect();
    let expected = [
        ("run-1", Some("Mistral"), 3),
        ("run-2", Some("Phi"), 1),
        ("run-2", Some("OLMo"), 1),
        ("run-2", None, 1),
        ("my-qwen", Some("Qwen"), 1),
    ];
    assert_eq!(found, expected);
}

#[test]
fn checkpoints_without_a_number_are_passed_over_and_said() {
    let medians = "model_id,Category,checkpoint,sum_value\nm,a,base,9\nm,a,1,5\nm,a,Final,3\nm,a,2,4\n";
    let long = "word,checkpoint,score\nlove,step-1,1\nNA,1,2\nlove,final,5\nNA,final,4\n";
    for (text, points, said) in [
        (medians, 2, "2 rows of the checkpoints Final, base were passed over"),
        (long, 1, "2 rows of the checkpoints final were"),
    ] {
        let (runs, notes) = read_csv("x.csv", text).unwrap();
        assert_eq!((runs.len(), runs[0].series[0].points.len()), (1, points));
        assert!(notes[0].contains(said), "{notes:?}");
    }
    let wide = ",response,base,step-1,final,Category\n1,love,1,2,3,c\n2,NA,2,1,3,c\n";
    let (runs, notes) = read_csv("x.csv", wide).unwrap();
    assert_eq!(runs[0].series[0].points.len(), 1);
    assert!(notes[0].contains("the columns base, final are passed over") && notes[0].contains("step-1000"), "{notes:?}");
    let message = read_csv("x.csv", "model_id,Category,checkpoint,sum_value\nm,a,final,9\n").unwrap_err();
    assert!(message.contains("no row that can be followed") && message.contains("final"), "{message}");
}

#[test]
fn columns_go_before_the_name_of_the_file() {
    let text = "\"X\",\"model_id\",\"Category\",\"checkpoint\",\"base_model\",\"sum_value\",\"data_size\",\"data_source\",\"method\",\"prompt\"\n\
                NA,\"R-Lla-3B\",\"Agency\",1,NA,678,85,\"skywork\",\"GRM\",\"Greatest\"\n";
    let (runs, _) = read_csv("rank_results_grm_80k.csv", text).unwrap();
    let t = &runs[0].training;
    assert_eq!((t.data_size_k, t.data_source.as_deref(), t.method.as_deref()), (Some(85.0), Some("skywork"), Some("GRM")));
    assert_eq!((t.family.as_deref(), t.prompt.as_deref()), (Some("Llama"), Some("Greatest")));
}

#[test]
fn wide_and_long_scores_give_the_same_series() {
    let wide =
        "response,step-20,step-10\nlove,1,4\nNA,2,3\nnull,3,2\n\"ice, cream\",4,1\n\"two\nlines\",5,0\nstranger,9,9\nlove,1,7\n";
    let mut long = "word,checkpoint,score\n".to_owned();
    for (word, at_20, at_10) in [("love", 1, 4), ("NA", 2, 3), ("null", 3, 2), ("\"ice, cream\"", 4, 1), ("\"two\nlines\"", 5, 0)]
    {
        long += &format!("{word},step-20,{at_20}\n{word},10,{at_10}\n");
    }
    let (runs, notes) = read_csv("my-gemma.csv", wide).unwrap();
    let (same, _) = read_csv("my-gemma.csv", &long).unwrap();
    assert_eq!((runs[0].series.clone(), runs[0].moved.clone()), (same[0].series.clone(), same[0].moved.clone()));
    assert_eq!((runs[0].training.family.as_deref(), runs[0].words), (Some("Gemma"), Some(5)));
    let found: Vec<(&str, f64)> = runs[0].series.iter().map(|s| (s.category.as_str(), s.change)).collect();
    assert_eq!(found, [("a", -2.0), ("c", 3.0)]);
    assert_eq!((runs[0].moved.len(), runs[0].moved[0].change.abs()), (5, 4.0));
    assert!(notes[0].contains("1 rows repeat") && notes[1].contains("1 words are not"), "{notes:?}");
}

#[test]
fn checkpoints_are_ranked_over_the_words_that_all_of_them_have() {
    // The two words that the first checkpoint lacks are the best of the second: over its own words "love" would have fallen.
    let text = "response,step-1,step-2\nlove,2,2\nNA,1,1\nnull,,9\n\"ice, cream\",,8\n";
    let (runs, notes) = read_csv("x.csv", text).unwrap();
    assert_eq!((runs[0].words, runs[0].moved.len()), (Some(2), 2));
    assert!(runs[0].moved.iter().all(|moved| moved.change == 0.0), "{:?}", runs[0].moved);
    assert!(notes[0].contains("2 of 4 words lack a score at some checkpoint, most of them at step 1"), "{notes:?}");
    let message = read_csv("x.csv", "response,step-1,step-2,step-3\nlove,2,,\nNA,,1,\n").unwrap_err();
    assert!(message.contains("2 of 2 words lack a score") && message.contains("nothing to follow"), "{message}");
}

#[test]
fn names_of_columns_tell_prompt_and_step() {
    for (name, expected) in [
        ("step-1000", Some(("", 1000))),
        ("checkpoint_5", Some(("", 5))),
        ("global_step20", Some(("", 20))),
        ("best_ever_one/step-30", Some(("best_ever_one", 30))),
        ("best_ever_one_step_30", Some(("best_ever_one", 30))),
        ("best_ever_one", None),
        ("prompt_2", None),
        ("step", None),
        ("1000", None),
    ] {
        assert_eq!(step_of(name), expected.map(|(prompt, step)| (prompt.to_owned(), step)), "{name}");
    }
    for (text, expected) in [("80", Some(80.0)), ("80k", Some(80.0)), ("0.5M", Some(500.0)), ("80000", Some(80.0)), ("x", None)] {
        assert_eq!(thousands(text), expected, "{text}");
    }
}

#[test]
fn what_follows_no_training_is_refused_by_its_columns() {
    for (text, naming) in [
        ("response,best_ever_one\nlove,1\n", "response, best_ever_one"),
        ("response,step-1\nstranger,1\n", "none of its words"),
        ("model_id,Category,checkpoint,sum_value\nm,a,1,2\nm,a,first,1\n", "line 3, column checkpoint: 'first' is no checkpoint"),
        ("model_id,Category,checkpoint,sum_value\nm,a,1.5,1\n", "'1.5' is no checkpoint"),
        ("model_id,Category,checkpoint,sum_value\nm,a,NA,1\n", "'NA' is no checkpoint"),
        ("model_id,Category,checkpoint,sum_value\nm,a,1,high\n", "high"),
    ] {
        let message = read_csv("x.csv", text).unwrap_err();
        assert!(message.contains(naming), "'{naming}' is not in: {message}");
    }
}

/// As the authors' scripts match tokens: in lower case and without white space around.
#[test]
fn spellings_are_averaged_or_each_takes_a_rank() {
    let text = "token_decoded,step-1,step-2\nlove,1.0,2.0\n love,5.0,6.0\nLove,3.0,2.5\n NULL,2.0,1.5\nnull,4.0,1.0\n\
                Ice, cream,2.5,5.0\nLOVE,9,\n";
    let text = text.replace("Ice, cream", "\"Ice, cream\"");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.csv");
    std::fs::write(&path, text).unwrap();
    let list = "word,category\nlove,c\nnull,a\n\"ice, cream\",a\n";
    let corpus = crate::corpus::read::parse_csv(Path::new("list.csv"), list).unwrap();
    let only = Corpus::from_words("only", ["love", " love", "null"].map(str::to_owned));
    let read = |variants, only| {
        let words = Words { corpus: &corpus, variants, only };
        let (runs, notes) = read(&path, &words, &Catalogue::builtin().unwrap()).unwrap();
        let series: Vec<(String, Vec<f64>)> = runs[0]
            .series
            .iter()
            .map(|series| (series.category.clone(), series.points.iter().map(|point| point.median_rank).collect()))
            .collect();
        (runs[0].words.unwrap(), series, notes.join("; "))
    };
    let of = |category: &str, ranks: [f64; 2]| (category.to_owned(), ranks.to_vec());
    // step-1: love 3, null 3, ice cream 2.5; step-2: love 3.5, null 1.25, ice cream 5.
    let (words, series, notes) = read(Variants::Average, None);
    assert_eq!((words, series), (3, vec![of("a", [2.25, 2.0]), of("c", [1.5, 2.0])]));
    assert!(notes.contains("7 spellings") && notes.contains("averaged to 3 words"), "{notes}");
    assert!(notes.contains("1 of 7 words lack a score at some checkpoint"), "{notes}");
    let (words, series, notes) = read(Variants::Keep, None);
    assert_eq!((words, series), (6, vec![of("a", [4.0, 5.0]), of("c", [3.0, 3.0])]));
    assert!(notes.contains("5 of 7 words are spelled otherwise"), "{notes}");
    let (words, series, notes) = read(Variants::Keep, Some(&only));
    assert_eq!((words, series), (3, vec![of("a", [2.0, 3.0]), of("c", [2.0, 1.5])]));
    assert!(notes.contains("4 words are not among those that alone count"), "{notes}");
}

#[test]
fn a_wildcard_stands_for_the_words_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.csv");
    std::fs::write(&path, "word,step-1,step-2\nkindness,1,2\nkind,2,1\nwar,3,3\n").unwrap();
    let list = folder.path().join("list.csv");
    std::fs::write(&list, "word,category\nkind*,c\nwar,a\n").unwrap();
    let corpus = Corpus::of_file(&list).unwrap();
    let (runs, notes) = read(&path, &Words::of(&corpus), &Catalogue::builtin().unwrap()).unwrap();
    assert_eq!(runs[0].words, Some(3));
    assert!(notes[0].contains("1 terms that end in * stand for 2 scored words"), "{notes:?}");
}
