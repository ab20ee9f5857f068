use super::*;

fn read_csv(text: &str) -> Result<Recorded, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("big2_rewards_Ray2333_GRM-gemma2-2B-rewardmodel-ft.csv");
    std::fs::write(&path, text).unwrap();
    let (name, family, recorded) = read(&path, &Catalogue::builtin().unwrap()).map_err(|error| error.to_string())?;
    assert_eq!((name.as_str(), family), ("R-Gem-2B", Family::Gemma));
    Ok(recorded)
}

fn words(recorded: &Recorded) -> Vec<&str> {
    recorded.words.iter().map(|word| &**word).collect()
}

#[test]
fn words_and_prompts_are_read_as_written() {
    let recorded =
        read_csv("response,best_ever_one,What is new?\nlove,1.25,-0.00759333372\nNA,2,NA\n\"null, or not\",3,\n").unwrap();
    assert_eq!(words(&recorded), ["love", "NA", "null, or not"]);
    assert_eq!(&*recorded.prompts[0].text, "What, in one word, is the best thing ever?");
    assert_eq!(recorded.prompts[1].label(), "What is new?");
    assert_eq!(recorded.scores[0], [1.25, 2.0, 3.0]);
    assert_eq!(recorded.scores[1][0], -0.00759333372);
    assert!(recorded.scores[1][1].is_nan() && recorded.scores[1][2].is_nan());
}

#[test]
fn the_vocabulary_layout_and_row_numbers_are_understood() {
    let recorded =
        read_csv(",token_id,token_name,token_decoded,best_ever_one\n0,5,Ġlove, love,1.5\n1,6,love,love,1.0\n").unwrap();
    assert_eq!(words(&recorded), [" love", "love"]);
    assert_eq!((recorded.prompts.len(), &recorded.scores[0]), (1, &vec![1.5, 1.0]));
}

#[test]
fn repeats_are_noted_only_where_they_differ() {
    let recorded = read_csv("response,best_ever_one\r\nlove,1\r\nlove,1\r\n").unwrap();
    assert!(recorded.notes.is_empty());
    let recorded = read_csv("response,best_ever_one\nlove,1\nlove,2\n").unwrap();
    assert_eq!((recorded.scores[0][0], recorded.notes.len()), (1.0, 1));
}

#[test]
fn of_a_word_whose_first_row_is_a_gap_the_later_value_counts() {
    let wide = "response,best_ever_one,worst_ever_one\nlove,NA,1\nlove,2,NA\nlove,3,1\n";
    let long = "model,prompt,word,score\nm,best_ever_one,love,\nm,worst_ever_one,love,1\nm,best_ever_one,love,2\n\
                m,best_ever_one,love,3\n";
    for (name, text) in [("x.csv", wide), ("y.csv", long)] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        let (_, _, recorded) = read(&path, &Catalogue::builtin().unwrap()).unwrap();
        assert_eq!(recorded.scores, [[2.0], [1.0]], "{name}");
        assert_eq!(recorded.notes, ["1 rows repeat a word with other scores; the first one counts"], "{name}");
    }
}

/// The prompts that are left, and what is said of the file.
fn kept(text: &str) -> (Vec<String>, String) {
    let recorded = read_csv(text).unwrap();
    assert_eq!(recorded.prompts.len(), recorded.scores.len());
    assert!(recorded.scores.iter().all(|column| column.len() == recorded.words.len()));
    (recorded.prompts.iter().map(|prompt| prompt.label().to_owned()).collect(), recorded.notes.join("; "))
}

#[test]
fn a_column_of_text_is_passed_over_and_named() {
    for (header, cells) in [("Category", ["Agency", "Communion"]), ("checked", ["true", "NA"]), ("ids", ["[1, 2]", "[]"])] {
        let text = format!("{header},response,best_ever_one\n{:?},love,1\n{:?},hate,2\n", cells[0], cells[1]);
        let (prompts, notes) = kept(&text);
        assert_eq!(
            (prompts, notes),
            (vec!["best_ever_one".to_owned()], format!("passed over: the column {header}, which holds text and no score"))
        );
    }
}

#[test]
fn columns_that_number_rows_are_passed_over_beside_a_known_prompt_alone() {
    for name in ["...1", "X1", "V1", "index", "rownames", "row", "ID", "Unnamed: 0.1", "__index_level_0__"] {
        let text = |prompt: &str| format!("{name},response,{prompt}\n7,love,1\n3,hate,2\n");
        let (prompts, notes) = kept(&text("best_ever_one"));
        assert_eq!((prompts.len(), notes), (1, format!("passed over: the column {name}, which numbers the rows")));
        assert_eq!(
            kept(&text("mine")),
            (vec![name.to_owned(), "mine".to_owned()], String::new()),
            "nothing tells which is which"
        );
    }
    // By what they hold; a question that was answered so is a prompt all the same, and two rows may be chance.
    for (header, from, rows, passed_over) in
        [("n", 0, 3, true), ("n", 1, 4, true), ("n", 2, 4, false), ("n", 1, 2, false), ("What is n?", 1, 4, false)]
    {
        let row = |i: usize| format!("w{i},{},{}\n", 9 - i, from + i);
        let rows: String = (0..rows).map(row).collect();
        let (prompts, _) = kept(&format!("response,best_ever_one,{header}\n{rows}"));
        assert_eq!(prompts.len(), if passed_over { 1 } else { 2 }, "{header} from {from}");
    }
    let (prompts, notes) = kept(",Unnamed: 0,response,best_ever_one,\n0,5,love,1,x\n1,6,hate,2,\n");
    assert_eq!(prompts, ["best_ever_one"]);
    assert_eq!(notes, "passed over: a column without a name; passed over: the column Unnamed: 0, which numbers the rows");
}

#[test]
fn a_number_that_is_no_known_prompt_is_said_beside_those_that_are() {
    let (prompts, notes) = kept("response,best_ever_one,n_tokens,What is new?\nlove,1,3,1\nhate,2,3,2\n");
    assert_eq!(prompts, ["best_ever_one", "n_tokens", "What is new?"]);
    assert!(
        notes.contains("n_tokens") && notes.contains("name with prompt those that count") && !notes.contains("What is new"),
        "{notes}"
    );
    let (_, notes) = kept("response,mine,other\nlove,1,3\n");
    assert_eq!(notes, "", "where none is known, all are the user's own");
}

#[test]
fn an_empty_column_is_passed_over() {
    let (prompts, notes) = kept("response,best_ever_one,worst_ever_one,note\nlove,1,NA,\nhate,2,,\n");
    assert_eq!(prompts, ["best_ever_one"]);
    assert_eq!(notes, "passed over: the columns worst_ever_one, note, which hold no score");
    let message = read_csv("response,best_ever_one\nlove,NA\n").unwrap_err();
    assert!(message.contains("none of its columns holds scores") && message.contains("best_ever_one"), "{message}");
}

#[test]
fn prompts_of_the_users_own_sets_are_known_with_their_framing() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("prompts")).unwrap();
    let set = "[[prompt]]\nkey = \"mine\"\ntext = \"What is mine?\"\nframing = \"negative\"\n";
    std::fs::write(folder.path().join("prompts/own.toml"), set).unwrap();
    let path = folder.path().join("x.csv");
    std::fs::write(&path, "row,response,mine\n5,love,1\n9,hate,2\n").unwrap();
    let catalogue = Catalogue::with_user(Some(folder.path())).unwrap();
    let (_, _, recorded) = read(&path, &catalogue).unwrap();
    assert_eq!(recorded.prompts.len(), 1, "a prompt of the user's tells row numbers from prompts");
    assert_eq!(
        (&*recorded.prompts[0].text, recorded.prompts[0].framing),
        ("What is mine?", Some(crate::base::terms::Framing::Negative))
    );
}

#[test]
fn json_lines_may_each_lack_what_they_have_no_value_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.jsonl");
    let text = "{\"response\":\"love\",\"best_ever_one\":1}\n{\"worst_ever_one\":-2,\"response\":\"hate\"}\n";
    std::fs::write(&path, text).unwrap();
    let (_, _, recorded) = read(&path, &Catalogue::builtin().unwrap()).unwrap();
    assert_eq!(recorded.prompts.iter().map(|prompt| prompt.label()).collect::<Vec<_>>(), ["best_ever_one", "worst_ever_one"]);
    assert_eq!((recorded.scores[0][0], recorded.scores[1][1]), (1.0, -2.0));
    assert!(recorded.scores[0][1].is_nan() && recorded.scores[1][0].is_nan());
}

#[test]
fn a_column_of_models_names_the_model() {
    let folder = tempfile::tempdir().unwrap();
    let catalogue = Catalogue::builtin().unwrap();
    for (file, model, expected) in [
        ("run-7.csv", "lab/my-gemma", ("lab/my-gemma", Family::Gemma)),
        ("run-8.csv", "Ray2333/GRM-gemma2-2B-rewardmodel-ft", ("R-Gem-2B", Family::Gemma)),
        ("of-a-llama.csv", "run 9", ("run 9", Family::Llama)),
        ("my-llama.csv", "", ("my-llama", Family::Llama)),
    ] {
        let path = folder.path().join(file);
        std::fs::write(&path, format!("model,prompt,word,score\n{model},p,love,1\n")).unwrap();
        assert_eq!(identify(&path, &catalogue), (expected.0.to_owned(), expected.1), "{file}");
    }
    let path = folder.path().join("x.jsonl");
    std::fs::write(&path, "{\"model\":\"a-llama\",\"prompt\":\"p\",\"word\":\"w\",\"score\":1}\n").unwrap();
    assert_eq!(identify(&path, &catalogue), ("a-llama".to_owned(), Family::Llama));
}

#[test]
fn of_log_probabilities_the_most_probable_repeat_counts_under_each_prompt() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.csv");
    let text = "token_id,token_name,token_decoded,p,q\n1,a,love,-2,NA\n2,b,war,-1,-1\n3,c,love,-1,-4\n4,d,love,-3,-5\n";
    std::fs::write(&path, text).unwrap();
    let (_, _, recorded) = read_most_probable(&path, &Catalogue::builtin().unwrap()).unwrap();
    assert_eq!((words(&recorded), recorded.notes.len()), (vec!["love", "war"], 0));
    assert_eq!(recorded.scores, [[-1.0, -1.0], [-4.0, -1.0]]);
}

#[test]
fn what_is_not_a_number_is_located() {
    for (text, naming) in [
        ("response,best_ever_one\nlove,1\nhate,high\n", &["line 3", "best_ever_one", "high"][..]),
        ("response,best_ever_one\nlove,high\n", &["line 2", "best_ever_one", "high"]),
        ("response,best_ever_one,mine\nlove,1,2\nhate,2,n/a\n", &["line 3", "mine", "n/a", "take it out"]),
        ("word,category\nlove,a\n", &["word, category", "response"]),
        ("response,best_ever_one\nlove\n", &["line 2"]),
        ("response,best_ever_one\r\nlove,1\r\nhate,x\r\n", &["line 3"]),
        (
            "response,p,\"What, in one word, is the best thing ever?\",best_ever_one\nlove,1,2,3\n",
            &["two columns", "best_ever_one"],
        ),
        ("response,best_ever_one\n", &["no words"]),
    ] {
        let message = read_csv(text).unwrap_err();
        for name in naming {
            assert!(message.contains(name), "'{name}' is not in: {message}");
        }
    }
}

#[test]
fn what_a_file_lacks_is_told_from_its_start() {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes, naming) in [
        ("model.safetensors", &b"x"[..], "CSV, Parquet"),
        ("cut.parquet", b"PAR1PAR1", "Parquet"),
        ("dictionary.csv", b"word,category\n", "word, category"),
        ("latin.csv", b"response,caf\xe9\n", "iconv -f latin1"),
        ("utf16.csv", b"\xff\xfer\0e\0s\0p\0o\0n\0s\0e\0,\0p\0\n\0", "iconv -f utf-16"),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let message = check(&path).unwrap_err().to_string();
        assert!(message.to_lowercase().contains(&naming.to_lowercase()), "'{naming}' is not in: {message}");
        assert!(check(&path).is_err());
    }
}

#[test]
fn a_directory_lists_each_model_once_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("b.csv", "response,p\nx,1\n"),
        ("a.csv", "response,p\nx,1\n"),
        ("dictionary.csv", "\"Category\",\"token_decoded\"\n\"A\",\"x\"\n"),
        ("notes.txt", "response,p\n"),
        ("broken.parquet", "PAR1"),
    ] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let parquet = table::tests::parquet_bytes(parquet::basic::Compression::SNAPPY);
    std::fs::write(folder.path().join("b.parquet"), parquet).unwrap();
    let found = super::folder(folder.path());
    let names: Vec<_> = found.files.iter().map(|path| path.file_name().unwrap().to_owned()).collect();
    assert_eq!(names, ["a.csv", "b.parquet"], "Parquet goes before the CSV of the same name");
    let told = found.passed_over.join("\n");
    for naming in [
        "b.csv: not opened: b.parquet is read",
        "broken.parquet: not opened: is",
        "dictionary.csv: not opened: no recorded scores; its columns are Category, token_decoded",
    ] {
        assert!(told.contains(naming), "'{naming}' is not in: {told}");
    }
    assert_eq!(found.passed_over.len(), 3, "a text is no table: {told}");
    for name in ["c.xlsx", "d.json", "d.csv.provenance.json", "config.yaml"] {
        std::fs::write(folder.path().join(name), "{}").unwrap();
    }
    std::fs::write(folder.path().join("e.tsv"), "response\tp\nx\t1\n").unwrap();
    std::fs::write(folder.path().join("ratings.csv"), "Word,Valence\nlove,5\n").unwrap();
    std::fs::write(folder.path().join("f.csv"), "word,best_ever_one\nlove,5\n").unwrap();
    let found = super::folder(folder.path());
    let names: Vec<_> = found.files.iter().map(|path| path.file_name().unwrap().to_owned()).collect();
    assert_eq!(names, ["a.csv", "b.parquet", "e.tsv", "f.csv"]);
    let told = found.passed_over.join("\n");
    for naming in
        ["c.xlsx: not opened: is a workbook", "d.json: not opened: is JSON", "ratings.csv: not opened: none of its columns"]
    {
        assert!(told.contains(naming), "'{naming}' is not in: {told}");
    }
    assert_eq!(found.passed_over.len(), 6, "{told}");
}

#[test]
fn a_column_that_numbers_the_rows_is_no_prompt() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.parquet");
    let metadata = r#"{"index_columns": ["whole"], "columns": []}"#;
    let bytes = table::tests::parquet_with(parquet::basic::Compression::SNAPPY, Some(metadata));
    std::fs::write(&path, bytes).unwrap();
    let catalogue = Catalogue::builtin().unwrap();
    let (_, _, recorded) = read(&path, &catalogue).unwrap();
    assert_eq!(recorded.prompts.iter().map(|prompt| prompt.label()).collect::<Vec<_>>(), ["double", "single"]);
    assert_eq!(recorded.notes, ["passed over: the column whole, which numbers the rows"]);
}

/// A file of this name and content: words, labels of prompts, scores, notes.
fn opened(name: &str, bytes: &[u8]) -> Result<(Vec<String>, Vec<String>, Vec<Vec<f64>>, String), String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    check(&path).map_err(|error| error.to_string())?;
    let (_, _, recorded) = read(&path, &Catalogue::builtin().unwrap()).map_err(|error| error.to_string())?;
    let words = recorded.words.iter().map(|word| word.to_string()).collect();
    let labels = recorded.prompts.iter().map(|prompt| prompt.label().to_owned()).collect();
    Ok((words, labels, recorded.scores, recorded.notes.join("; ")))
}

/// Two words under two prompts of the study.
fn holds_two(name: &str, text: &str, said: &str) {
    let (words, labels, scores, notes) = opened(name, text.as_bytes()).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(
        (words, labels),
        (vec!["love".to_owned(), "war".to_owned()], vec!["best_ever_one".to_owned(), "worst_ever_one".to_owned()]),
        "{text}"
    );
    assert_eq!(scores, [[1.5, -2.0], [0.25, 1e-3]], "{text}");
    assert!(if said.is_empty() { notes.is_empty() } else { notes.contains(said) }, "'{said}' is not in: {notes}");
}

#[test]
fn scores_are_read_with_any_separator_and_decimal_mark() {
    let comma = "response,best_ever_one,worst_ever_one\nlove,1.5,.25\nwar,-2,1e-3\n";
    let other = |separator: &str| comma.replace(',', separator);
    holds_two("x.csv", comma, "");
    holds_two("x.tsv", &other("\t"), "");
    holds_two("x.csv", &other("\t"), "separated by tabs");
    holds_two("x.csv", &other("|"), "separated by '|'");
    holds_two("x.csv", &other(";").replace('.', ","), "separated by ';', and its numbers have a decimal comma");
    holds_two("x.tab", &other("\t").replace('.', ","), "decimal comma");
    holds_two("x.csv", &format!("\u{feff}sep=,\r\n{}", comma.replace('\n', "\r\n")), "");
    holds_two("x.csv", &format!("\u{feff}{}", comma.replace("response", "\"response\"")), "");
    let message = opened("x.csv", b"response;best_ever_one;worst_ever_one\nlove;1,5;2,5\nwar;1.250,5;2\n").unwrap_err();
    assert!(message.contains("line 3, column best_ever_one: '1.250,5' is not a score"), "{message}");
    let message = opened("x.csv", b"response;best_ever_one\nlove;1,500\nwar;2.5\n").unwrap_err();
    assert!(message.contains("line 2, column best_ever_one: '1,500' is not a score"), "these may be thousands: {message}");
}

#[test]
fn a_column_of_words_may_have_any_usual_name() {
    for name in ["word", "Token", "text", "token_decoded", "term", "RESPONSE"] {
        holds_two("x.csv", &format!("{name},best_ever_one,worst_ever_one\nlove,1.5,.25\nwar,-2,1e-3\n"), "");
    }
    holds_two(
        "x.csv",
        "text,response,best_ever_one,worst_ever_one\na,love,1.5,.25\nb,war,-2,1e-3\n",
        "the column text, which holds text",
    );
}

#[test]
fn names_as_r_makes_them_are_read_as_the_prompts_that_they_were() {
    let text = "\"\",\"response\",\"best.ever.one\",\"What..in.one.word..is.the.worst.thing.ever.\"\n\"1\",\"love\",1.5,.25\n\"2\",\"war\",-2,1e-3\n";
    holds_two("x.csv", text, "'best.ever.one' is read as the prompt best_ever_one, and 1 more alike");
    let message = opened("x.csv", b"response,best_ever_one,best.ever.one\nlove,1,2\n").unwrap_err();
    assert!(message.contains("two columns are about the prompt"), "{message}");
}

#[test]
fn a_row_for_each_score_is_read_by_any_usual_names() {
    let rows = "love,best_ever_one,1.5\nwar,best_ever_one,-2\nlove,worst_ever_one,.25\nwar,worst_ever_one,1e-3\n";
    for header in
        ["word,prompt,score", "Response,Prompt,Reward", "token,variable,value", "text,prompt,log_prob", "word,name,value"]
    {
        holds_two("x.csv", &format!("{header}\n{rows}"), "");
    }
    let with_model = |model: &str| format!("response,prompt,reward,Model\n{}", rows.replace('\n', &format!(",{model}\n")));
    holds_two("x.csv", &with_model("m"), "");
    let message = opened("x.csv", format!("{}love,p,1,n\n", with_model("m")).as_bytes()).unwrap_err();
    assert!(message.contains("more than one model"), "{message}");
    let message = opened("x.csv", format!("word,prompt,liking\n{rows}").as_bytes()).unwrap_err();
    assert!(message.contains("a row for each score, but none of scores: word, prompt, liking"), "{message}");
    let two = "word,prompt,reward,score\nlove,best_ever_one,9,1.5\nwar,best_ever_one,9,-2\nlove,worst_ever_one,9,.25\nwar,worst_ever_one,9,1e-3\n";
    holds_two("x.csv", two, "the scores are those of the column score; passed over: reward");
}

/// `DataFrame.to_csv` on Python before 3.11.9 does not quote a carriage return alone.
#[test]
fn a_token_that_is_a_carriage_return_is_read_as_pandas_writes_it() {
    for text in [
        "token_id,token_name,token_decoded,best_ever_one\n0,a,love,1\n1,b,\r,2\n2,c,x\r,3\n3,d,\"\r\n\",4\n",
        "response,best_ever_one\nlove,1\n\r,2\nx\r,3\n\"\r\n\",4\n",
        "best_ever_one,response\n1,love\n2,\r\n3,x\r\n4,\"\r\n\"\n5,a\n6,b\n7,c\n",
    ] {
        let (words, _, scores, _) = opened("x.csv", text.as_bytes()).unwrap();
        assert_eq!(
            (&words[..4], &scores[0][..4]),
            (&["love", "\r", "x\r", "\r\n"].map(str::to_owned)[..], &[1.0, 2.0, 3.0, 4.0][..])
        );
    }
}

#[test]
fn what_is_not_finite_counts_as_missing_and_is_counted() {
    for (name, text) in [
        ("x.csv", "response,best_ever_one\nlove,1\nwar,NaN\npeace,-inf\nhate,Infinity\nhope,NA\n"),
        (
            "y.csv",
            "word,prompt,score\nlove,best_ever_one,1\nwar,best_ever_one,nan\npeace,best_ever_one,-inf\nhate,best_ever_one,inf\nhope,best_ever_one,\n",
        ),
        (
            "x.jsonl",
            "{\"response\": \"love\", \"best_ever_one\": 1}\n{\"response\": \"war\", \"best_ever_one\": NaN}\n\
             {\"best_ever_one\":-Infinity,\"response\":\"peace\"}\n{\"response\": \"hate\", \"best_ever_one\":Infinity}\n\
             {\"response\": \"hope\", \"best_ever_one\": null}\n",
        ),
    ] {
        let (words, _, scores, notes) = opened(name, text.as_bytes()).unwrap();
        assert_eq!((words.len(), scores[0][0], scores[0].iter().filter(|score| score.is_nan()).count()), (5, 1.0, 4), "{name}");
        assert_eq!(notes, "3 scores are NaN, inf or -inf and count as missing", "{name}");
    }
    let (words, ..) = opened("x.jsonl", b"{\"response\": \"say \\\"NaN\\\" -Infinity\", \"best_ever_one\": 1}\n").unwrap();
    assert_eq!(words, ["say \"NaN\" -Infinity"], "within a text it is text");
}

/// `response,best_ever_one` and `love,1`, packed.
const GZIP: &[u8] = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x2b\x4a\x2d\x2e\xc8\xcf\x2b\x4e\xd5\x49\x4a\x2d\x2e\x89\x4f\x2d\x4b\x2d\x8a\xcf\xcf\x4b\xe5\xca\xc9\x2f\x4b\xd5\x31\xe4\x02\x00\x20\xb0\x5d\x5d\x1e\x00\x00\x00";
const ZSTANDARD: &[u8] = b"\x28\xb5\x2f\xfd\x04\x58\xf1\x00\x00\x72\x65\x73\x70\x6f\x6e\x73\x65\x2c\x62\x65\x73\x74\x5f\x65\x76\x65\x72\x5f\x6f\x6e\x65\x0a\x6c\x6f\x76\x65\x2c\x31\x0a\x75\xab\xee\x9d";

#[test]
fn packed_tables_are_read_and_called_as_they_are_unpacked() {
    let text = b"response,best_ever_one\nlove,1\n";
    let folder = tempfile::tempdir().unwrap();
    let catalogue = Catalogue::builtin().unwrap();
    for (name, bytes) in [("my-gemma.csv.gz", GZIP), ("other-gemma.csv.zst", ZSTANDARD)] {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let (called, family, recorded) = read(&path, &catalogue).unwrap();
        assert_eq!((called.as_str(), family), (name.split('.').next().unwrap(), Family::Gemma));
        assert_eq!((words(&recorded), &recorded.scores[0]), (vec!["love"], &vec![1.0]));
    }
    assert_eq!(super::folder(folder.path()).files.len(), 2);
    std::fs::write(folder.path().join("my-gemma.csv"), text).unwrap();
    let found = super::folder(folder.path());
    assert_eq!(found.passed_over, ["my-gemma.csv.gz: not opened: my-gemma.csv is read, which has the same name"]);
}
