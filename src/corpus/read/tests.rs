use super::*;
use crate::base::text_file::utf8;
use proptest::prelude::*;

fn parse_dicx(path: &Path, text: &str) -> Result<Corpus, FileError> {
    table::parse(path, text, 0, table::Kind::Dicx)
}

fn parse_dic(path: &Path, text: &str) -> Result<Corpus, FileError> {
    liwc::parse(path, text, 0)
}

type Parse = fn(&Path, &str) -> Result<Corpus, FileError>;

fn words(parse: Parse, text: &str) -> Vec<(String, Vec<String>)> {
    let corpus = parse(Path::new("list.x"), text).unwrap();
    let categories = |word| corpus.categories_of(word).map(str::to_owned).collect();
    corpus.words.iter().map(|word| (word.text.to_string(), categories(word))).collect()
}

fn word(text: &str, categories: &[&str]) -> (String, Vec<String>) {
    (text.to_owned(), categories.iter().map(|c| (*c).to_owned()).collect())
}

#[cfg(unix)]
#[test]
fn a_file_without_an_end_is_refused() {
    let error = read_text(Path::new("/dev/zero"), 1000).unwrap_err().to_string();
    assert!(error.contains("/dev/zero") && error.contains("longer than 1.0 kB"), "{error}");
}

#[test]
fn our_csv_and_the_authors_csv_are_read_alike() {
    let expected = [word("love", &["Communion"]), word("NA", &["Agency"]), word("null", &["Agency"])];
    assert_eq!(words(parse_csv, "word,category\nlove,Communion\nNA,Agency\nnull,Agency\n"), expected);
    assert_eq!(
        words(
            parse_csv,
            "\"Category\",\"token_decoded\"\r\n\"Communion\",\"love\"\r\n\"Agency\",\"NA\"\r\n\"Agency\",\"null\"\r\n"
        ),
        expected
    );
}

#[test]
fn a_column_of_foundations_is_one_of_categories_and_a_list_without_any_says_what_it_has() {
    assert_eq!(words(parse_csv, "Foundation,word\ncare,love\n"), [word("love", &["care"])]);
    let notes = |text: &str| parse_csv(Path::new("list.csv"), text).unwrap().notes;
    assert!(notes("word,kind\nlove,care\n")[0].contains("its columns are word, kind"));
    assert!(notes("word\nlove\n").is_empty(), "a plain list lacks nothing");
}

#[test]
fn quirks_of_csv_do_not_bend_a_word() {
    let text = "word,category\n\"ice, cream\",a\n\"two\nlines\",a\n love ,b\nlove,a\nlove,b\nlove,a\n";
    assert_eq!(
        words(parse_csv, text),
        [word("ice, cream", &["a"]), word("two\nlines", &["a"]), word(" love ", &["b"]), word("love", &["a", "b"])]
    );
}

#[test]
fn dicx_marks_give_categories_and_wildcards_are_passed_over() {
    let text = "DicTerm,Agency,Communion\nlead,X,\nhelp,,X\nfriend*,,X\nbond,x,X\n";
    assert_eq!(
        words(parse_dicx, text),
        [word("lead", &["Agency"]), word("help", &["Communion"]), word("bond", &["Agency", "Communion"])]
    );
    let corpus = parse_dicx(Path::new("x.dicx"), text).unwrap();
    assert!(corpus.notes.iter().any(|note| note.starts_with("1 terms that end in *")), "{:?}", corpus.notes);
}

#[test]
fn dic_numbers_give_categories() {
    let text = "%\n1\tcare.virtue\n2\tcare.vice\n%\n\nkindness\t1\nfor free\t1\t2\n";
    assert_eq!(words(parse_dic, text), [word("kindness", &["care.virtue"]), word("for free", &["care.virtue", "care.vice"])]);
}

#[test]
fn a_plain_list_keeps_spaces_and_knows_no_comments() {
    assert_eq!(words(parse_plain, " love\r\nlove\n\n# x\nlove"), [word(" love", &[]), word("love", &[]), word("# x", &[])]);
}

#[test]
fn errors_name_file_line_and_next_step() {
    let error = |parse: Parse, text: &str| parse(Path::new("list.csv"), text).unwrap_err().to_string();
    for (message, naming) in [
        (error(parse_csv, "word,category\na,b\nc,d,e\n"), &["list.csv", "line 3", "3 fields", "2"][..]),
        (error(parse_csv, "word,category\r\na,b\r\n\r\nc,d,e\r\n"), &["line 4"]),
        (error(parse_csv, "word,category\n\"a\nb\",c\n\"c,d\n"), &["line 4"]),
        (error(parse_csv, "wort,kategorie\na,b\n"), &["wort, kategorie", "word,category"]),
        (error(parse_plain, "\n\n"), &["no words"]),
        (error(parse_csv, "word,category\n"), &["no words"]),
        (error(parse_dicx, "DicTerm,A\nlov*,X\n"), &["no words", "1 terms that end in *"]),
        (error(parse_dicx, "DicTerm,A\nlove,maybe\n"), &["line 2", "maybe", "'A'"]),
        (error(parse_dic, "%\n1 a\n%\nlove\t7\n"), &["line 4", "'7'"]),
        (error(parse_dic, "love 1\n"), &["line 1"]),
        (
            utf8(Path::new("l.txt"), b"ok\ncaf\xe9".to_vec()).unwrap_err().to_string(),
            &["l.txt", "line 2", "0xe9", "iconv -f latin1"],
        ),
        (utf8(Path::new("l.txt"), b"\xff\xfel\0".to_vec()).unwrap_err().to_string(), &["line 1", "iconv -f utf-16"]),
    ] {
        for name in naming {
            assert!(message.contains(name), "'{name}' is not in: {message}");
        }
    }
}

#[test]
fn columns_that_were_swapped_are_noticed() {
    let rows: String = (0..70_000).map(|i| format!("noun,word{i}\n")).collect();
    let message = parse_csv(Path::new("x.csv"), &format!("word,category\n{rows}")).unwrap_err().to_string();
    assert!(message.contains("65,535 categories"), "{message}");
}

/// A list as a file of this name, as `--corpus` reads it: its words with their categories joined by `+`, and its notes.
fn file(name: &str, text: &str) -> Result<(Vec<(String, String)>, String), String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    let corpus = read_file(&path).map_err(|error| error.to_string())?;
    let categories = |word| corpus.categories_of(word).collect::<Vec<_>>().join("+");
    let words = corpus.words.iter().map(|word| (word.text.to_string(), categories(word))).collect();
    Ok((words, corpus.notes.join("; ")))
}

fn holds(name: &str, text: &str, expected: &[(&str, &str)], said: &str) {
    let (words, notes) = file(name, text).unwrap_or_else(|error| panic!("{name}: {error}"));
    let words: Vec<(&str, &str)> = words.iter().map(|(word, categories)| (word.as_str(), categories.as_str())).collect();
    assert_eq!(words, expected, "{name}: {text}");
    assert!(if said.is_empty() { notes.is_empty() } else { notes.contains(said) }, "{name}: '{said}' is not in: {notes}");
}

const TWO: &[(&str, &str)] = &[("widget", "care"), ("gadget", "harm")];

#[test]
fn a_table_is_known_by_what_it_holds() {
    holds("x.tsv", "word\tcategory\nwidget\tcare\ngadget\tharm\n", TWO, "");
    holds("x.txt", "word\tcategory\r\nwidget\tcare\r\ngadget\tharm\r\n", TWO, "separated by tabs");
    holds("x.txt", "word,category\nwidget,care\ngadget,harm\n", TWO, "separated by ','");
    holds("x.csv", "\u{feff}\"word\";\"category\"\n\"widget\";\"care\"\n\"gadget\";\"harm\"\n", TWO, "separated by ';'");
    holds("x.csv", "Category|Term\ncare|widget\nharm|gadget\n", TWO, "separated by '|'");
    holds("x.csv", "sep=;\nword;category\nwidget;care\ngadget;harm\n", TWO, "separated by ';'");
    holds("x.dicx", "DicTerm;care;harm\nwidget ;X;\ngadget;;x\n", TWO, "separated by ';'");
    holds("x.dicx", "DicTerm\tcare\tharm\nwidget\tX\tNA\ngadget\tNA\tX\n", TWO, "separated by tabs");
    holds("x.csv", "; from a book\n;\nword,category\nwidget,care\ngadget,harm\n", TWO, "first 2 lines are comments");
    holds("x.txt", "ice, cream\nfoo;bar\n", &[("ice, cream", ""), ("foo;bar", "")], "");
}

#[test]
fn lines_without_names_of_columns_are_read_where_they_show_what_they_are() {
    let both = &[("widget", "joy"), ("gadget", "anger")][..];
    holds("emolex.txt", "widget\tanger\t0\nwidget\tjoy\t1\ngadget\tanger\t1\ngadget\tjoy\t0\n", both, "1 where they belong");
    holds("e.tsv", "term\temotion\tassociation\nwidget\tanger\t0\nwidget\tjoy\t1\ngadget\tanger\t1\n", both, "1 rows say with 0");
    holds("wide.txt", "English Word\tanger\tjoy\nwidget\t0\t1\ngadget\t1\t0\n", both, "the columns anger, joy mark words");
    let empath = &[("cog", "harm"), ("lever", "harm+care"), ("widget", "care")][..];
    holds("empath.tsv", "harm\tcog\tlever\ncare\twidget\tlever\n", empath, "a category and its words");
    // Most words of the published list are in several of its lines, and some names are words of their own line.
    let several = &[("cog", "cog+lever+gear"), ("lever", "cog+lever+gear"), ("gear", "lever+gear"), ("wheel", "lever")][..];
    holds(
        "empath.tsv",
        "cog\tcog\tlever\nlever\tlever\tcog\tgear\twheel\ngear\tgear\tcog\tlever\n",
        several,
        "a category and its words",
    );
    let many: String = (0..30).map(|i| format!("\tword{i}")).collect();
    let (words, notes) = file("empath.tsv", &format!("alarm\t911\tfire\nmany{many}\n")).unwrap();
    assert!(words.contains(&("911".to_owned(), "alarm".to_owned())) && notes.contains("a category and its words"), "{notes}");
    holds(
        "empath.tsv",
        "harm\tcog\tlever\ncare\twidget\tlever\tcog\n",
        &[("cog", "harm+care"), ("lever", "harm+care"), ("widget", "care")],
        "its words",
    );
    holds(
        "x.csv",
        "widget,care\ngadget,harm\nsprocket,care\n",
        &[("widget", "care"), ("gadget", "harm"), ("sprocket", "care")],
        "a word and its category",
    );
    holds(
        "x.tsv",
        "care\twidget\ncare\tcog\nharm\tgadget\n",
        &[("widget", "care"), ("cog", "care"), ("gadget", "harm")],
        "a category and a word of it",
    );
    for (name, text) in
        [("x.csv", "wort,art\nwidget,care\ngadget,care\n"), ("x.txt", "a\tb\nc\td\n"), ("x.csv", "widget\ngadget\n")]
    {
        let message = file(name, text).unwrap_err();
        assert!(message.contains("no column of words") && message.contains("word,category"), "{message}");
    }
}

#[test]
fn lists_of_ratings_give_words_and_name_the_option_for_numbers() {
    let words = &[("widget", ""), ("gadget", "")][..];
    for (name, text) in [
        ("vad.txt", "Word\tValence\tArousal\nwidget\t0.5\t0.4\ngadget\t1\t0\n"),
        ("vad.txt", "widget\t0.5\t0.4\ngadget\t1\t0\n"),
        ("AFINN-111.txt", "widget\t-2\ngadget\t3\n"),
        ("vader.txt", "widget\t-1.5\t0.8\t[-1, -2]\ngadget\t1.0\t0.5\t[1, 1]\n"),
        ("warriner.csv", ",Word,V.Mean.Sum\n1,widget,6.26\n2,gadget,5.1\n"),
        ("emfd.csv", "word,care_p,fairness_p\nwidget,0.1,0.2\ngadget,0,1\n"),
        ("bing.csv", "word,sentiment,log_frequency\nwidget,-1,3\ngadget,1,2\n"),
        ("sentiment.csv", "word,sentiment\nwidget,0.5\ngadget,1\n"),
    ] {
        holds(name, text, words, "a list of ratings");
    }
}

#[test]
fn whole_numbers_may_name_categories() {
    holds("list.csv", "word,category\nwidget,1\ngadget,2\n", &[("widget", "1"), ("gadget", "2")], "");
}

#[test]
fn several_categories_of_a_word_are_read_in_every_notation() {
    let expected = &[("widget", "care+harm"), ("gadget", "harm")][..];
    for (text, said) in [
        ("word,category\nwidget,care|harm\ngadget,harm\n", ""),
        ("word,category\nwidget,care; harm\ngadget,harm\n", ""),
        ("word,category\nwidget,\"care,harm\"\ngadget,harm\n", "commas"),
        ("word,category\nwidget,\"['care', 'harm']\"\ngadget,['harm']\n", "commas"),
        ("word,category,category2\nwidget,care,harm\ngadget,harm,\n", ""),
        ("word,category,category.1\nwidget,care,harm\ngadget,harm,\n", ""),
        ("word,care,harm\nwidget,1,1\ngadget,0,1\n", "the columns care, harm mark words"),
        ("word,care,harm\nwidget,X,x\ngadget,,X\n", "the columns care, harm mark words"),
        ("Entry,Source,care,harm\nwidget,H4,Care,Harm\ngadget,H4,,Harm\n", "the columns care, harm mark words"),
        ("\"\",\"DicTerm\",\"care\",\"harm\"\n\"1\",\"widget\",TRUE,TRUE\n\"2\",\"gadget\",NA,TRUE\n", "mark words"),
    ] {
        holds("x.csv", text, expected, said);
    }
    holds("x.dicx", "DicTerm,care,harm\nwidget,0.75,1.0\ngadget,-1,2\n", expected, "hold weights");
}

#[test]
fn what_is_passed_over_is_said() {
    holds("x.dicx", "DicTerm, care ,harm\n,X,\nwidget , X ,\ngadget,,X\n", TWO, "1 rows without a word");
    holds("x.csv", "word,category\nwidget,care\nspr*,care\ngadget,harm\n", TWO, "1 terms that end in *");
    holds("x.txt", "widget\nwid*get\nspr*\n*\n", &[("widget", ""), ("*", "")], "1 terms have a * elsewhere than at their end");
    holds("opinion.txt", ";;;;;\n; \n; Opinion Lexicon\n;\n\nwidget\nnaive\n", &[("widget", ""), ("naive", "")], "first 5 lines");
    holds("signs.txt", ";\n;;\n#\nx\n", &[(";", ""), (";;", ""), ("#", ""), ("x", "")], "");
}

#[test]
fn irregular_liwc_dictionaries_are_read_as_they_are() {
    let head = "%\n1\tcare virtue\n2\tharm\n125\taffect\n%\n";
    let dic = |terms: &str| format!("{head}{terms}");
    holds("x.dic", &dic("widget\t01\t125\ngadget\t02\n"), &[("widget", "care virtue+affect"), ("gadget", "harm")], "");
    holds("x.txt", &dic("widget\t1\n"), &[("widget", "care virtue")], "");
    holds(
        "x.dic",
        &dic("widget\t<of>131/125\ngadget\t(02 134)125/464\t2\n"),
        &[("widget", ""), ("gadget", "harm")],
        "2 categories",
    );
    holds(
        "x.dic",
        &dic("widget 1\nblue moon 1 2\ncatch 22 2\n"),
        &[("widget", "care virtue"), ("blue moon", "care virtue+harm"), ("catch 22", "harm")],
        "",
    );
    holds("x.dic", &dic("\t1\nwidget\t\t1\n"), &[("widget", "care virtue")], "1 rows without a word");
    for (text, naming) in [
        ("%\n1\tcare\n1\tharm\n%\nwidget\t1\n", "line 3: the number 1 is given to 'care' and to 'harm'"),
        ("%\n1 care\n%\nlove 7\n", "line 4: no category has the number '7'"),
    ] {
        assert!(file("x.dic", text).unwrap_err().contains(naming), "{naming}");
    }
}

#[test]
fn dictionaries_of_other_programs_are_read_or_refused_by_name() {
    let lists = "{\"care\": [\"widget\"], \"harm\": {\"things\": [\"gadget\", \"widget\"], \"acts\": \"to cog\"}}";
    let expected = &[("widget", "care+harm.things"), ("gadget", "harm.things"), ("to cog", "harm.acts")][..];
    holds("x.json", lists, expected, "");
    holds("x.txt", lists, expected, "");
    holds("x.json", "[\"widget\", \" gadget\"]", &[("widget", ""), (" gadget", "")], "");
    holds(
        "x.lc3",
        "+A category\nwidget\nblue moon\n+harm\ngadget*\ncog\n",
        &[("widget", "A category"), ("blue moon", "A category"), ("cog", "harm")],
        "1 terms that end in *",
    );
    let cat = "HARM\n   \tTHINGS\n   \t\tCape Town (1)\n   \t\tgadget* (1)\n\tcog (1)\nCARE\n\twidget (1)\n";
    holds("x.cat", cat, &[("Cape Town", "HARM.THINGS"), ("cog", "HARM"), ("widget", "CARE")], "1 terms that end in *");
    for (name, text, naming) in [
        ("x.yml", "care:\n- widget\n", "YAML"),
        ("x.txt", "care:\n  - widget\nharm:\n  - gadget\n", "YAML"),
        ("x.txt", "A CATEGORY: [more, lamb]\n", "YAML"),
        ("x.json", "{\"widget\": \"care\", \"gadget\": \"harm\"}", "cannot be known"),
        ("x.json", "{\"widget\": 3.5}", "give it with ratings"),
        ("x.json", "[{\"word\": \"widget\"}]", "list of records (word)"),
        ("x.json", "{\"word\": \"a\"}\n{\"word\": \"b\"}\n", "JSON lines"),
        ("x.json", "{\"care\": [1]}", "1 under 'care' is no word"),
        ("x.lc3", "widget\n", "before any category"),
        ("x.cat", "CARE\n\twidget\n", "WordStat"),
        ("x.ykd", "<?xml version=\"1.0\"?>\n<dictionary/>", "XML"),
        ("x.txt", "<!DOCTYPE html>\n<html>404</html>\n", "web page"),
    ] {
        let message = file(name, text).unwrap_err();
        assert!(message.contains(naming), "'{naming}' is not in: {message}");
    }
}

#[test]
fn a_line_that_is_no_word_is_refused_and_as_words_file_said() {
    let sentence = "this is a sentence of many words and no word at all\n";
    for (name, text) in [
        ("x.txt", sentence.to_owned()),
        ("x.txt", format!("{}\n", "loremipsum".repeat(7))),
        ("x.csv", "word\nwidget\tjoy\t1\n".to_owned()),
        ("x.txt", "widget   care\ngadget   harm\n".to_owned()),
        ("x.csv", "word,category\nwidget,\"care\ngadget,harm\n".to_owned()),
    ] {
        let message = file(name, &text).unwrap_err();
        assert!(message.contains("no word") || message.contains("line 2: the quote"), "{message}");
    }
    let vocabulary = format!("{}\n\t\tx\n{}\n", "=".repeat(80), " ".repeat(70));
    assert_eq!(file("x.txt", &vocabulary).unwrap().0.len(), 3, "signs and spaces are tokens");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.txt");
    std::fs::write(&path, sentence).unwrap();
    let corpus = read_words_file(&path).unwrap();
    assert_eq!((corpus.words.len(), corpus.notes.len()), (1, 1));
    assert!(corpus.notes[0].contains("'this is a sentence"), "{:?}", corpus.notes);
}

proptest! {
    /// From the pieces that the formats are made of, as arbitrary bytes are hardly ever a file that is read past its start.
    #[test]
    fn no_text_makes_a_reader_panic(
        pieces in proptest::collection::vec(
            prop_oneof![
                proptest::sample::select(vec![
                    "word", "category", "DicTerm", "X", "%", "1", "love*", "+", "{", "[", ":", ";", "|", "(1)", ",", ",", "\"", "\t", " ", "\r", "\n", "\n", "\r\n", "\u{feff}", "é",
                ]).prop_map(|piece| piece.as_bytes().to_vec()),
                proptest::collection::vec(any::<u8>(), 0..4),
            ],
            0..60,
        )
    ) {
        let bytes = pieces.concat();
        let lossy = String::from_utf8_lossy(&bytes).into_owned();
        for text in [utf8(Path::new("x"), bytes).ok(), Some(lossy)].into_iter().flatten() {
            for ending in ["json", "lc3", "cat", "txt"] {
                let _ = outline::read(Path::new("x"), ending, &text);
            }
            let _ = after_comments(&text);
            for header in ["", "word\tcategory\n", "a\tb\n", "word,category\n", "DicTerm,a,b\r\n", "%\n1\ta\n%\n"] {
                for parse in [parse_csv, parse_dicx, parse_dic, parse_plain] {
                    let _ = parse(Path::new("x"), &format!("{header}{text}"));
                }
            }
        }
    }

    #[test]
    fn any_word_survives_csv(list in proptest::collection::hash_set("[\\PC--\\*]{1,12}", 1..20)) {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(["word", "category"]).unwrap();
        for word in &list {
            writer.write_record([word.as_str(), "c"]).unwrap();
        }
        let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
        let read: std::collections::HashSet<String> = words(parse_csv, &text).into_iter().map(|(word, _)| word).collect();
        prop_assert_eq!(read, list);
    }
}
