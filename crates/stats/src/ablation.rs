//! Series over training: the median rank of each category at each checkpoint, first against last, and which words moved.
//!
//! Knows checkpoints, words and numbers; `recorded::trainings` reads them from files.

use serde::Serialize;

use super::{median, ranks};

/// What was trained, on what, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Training {
    /// The file that it was read from.
    pub file: String,
    /// The name of the trained model.
    pub model: String,
    /// The family of its base model, such as `Gemma`.
    pub family: Option<String>,
    /// Thousands of preference pairs.
    pub data_size_k: Option<f64>,
    /// The set of preference pairs, such as `uf`.
    pub data_source: Option<String>,
    /// `BT`, `GRM`.
    pub method: Option<String>,
    /// The prompt under which the scores were taken, where it is one of several.
    pub prompt: Option<String>,
}

impl Training {
    /// Whether both were trained on the same data in the same way, and asked the same.
    pub fn is_on_the_data_of(&self, other: &Training) -> bool {
        let data = |t: &Training| (t.data_size_k.map(f64::to_bits), t.data_source.clone(), t.method.clone(), t.prompt.clone());
        data(self) == data(other)
    }

    /// `27k pairs, uf, BT`: what is known of it beside its model; empty where nothing is.
    pub fn data(&self) -> String {
        let size = self.data_size_k.map(|size| format!("{size}k pairs"));
        let parts = [size, self.data_source.clone(), self.method.clone(), self.prompt.clone()];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

/// A category's median rank at a checkpoint; 1 is the best.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Point {
    /// Training steps.
    pub checkpoint: u64,
    /// Over the words ranked at this checkpoint.
    pub median_rank: f64,
}

/// One category over training, checkpoints ascending.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Series {
    /// The category's name.
    pub category: String,
    /// At least one.
    pub points: Vec<Point>,
    /// Last less first: below zero where the category rose.
    pub change: f64,
}

impl Series {
    /// Points in any order, each checkpoint once; none without a point.
    pub fn new(category: impl Into<String>, mut points: Vec<Point>) -> Option<Series> {
        points.sort_by_key(|point| point.checkpoint);
        let change = points.last()?.median_rank - points.first()?.median_rank;
        Some(Series { category: category.into(), points, change })
    }

    /// The point of the last checkpoint.
    pub fn last(&self) -> Option<Point> {
        self.points.last().copied()
    }
}

/// A word's rank at the first and at the last checkpoint.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Moved {
    /// The word.
    pub word: String,
    /// Its categories, by name.
    pub categories: Vec<String>,
    /// Its rank at the first checkpoint; 1 is the best.
    pub first_rank: f64,
    /// Its rank at the last checkpoint.
    pub last_rank: f64,
    /// Below zero for a word that rose.
    pub change: f64,
}

/// One run of training.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Run {
    /// What was trained, on what.
    #[serde(flatten)]
    pub training: Training,
    /// Words ranked, where the scores are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub words: Option<usize>,
    /// By category.
    pub series: Vec<Series>,
    /// The farthest first; empty where only medians are known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub moved: Vec<Moved>,
}

/// A category's median rank at the last checkpoint of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Final {
    /// What was trained, on what.
    #[serde(flatten)]
    pub training: Training,
    /// The category's name.
    pub category: String,
    /// Training steps of the last checkpoint.
    pub checkpoint: u64,
    /// Over the words ranked there.
    pub median_rank: f64,
}

/// Several trainings, side by side.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Ablation {
    /// In the order of the files.
    pub runs: Vec<Run>,
    /// By data source, data size and family.
    pub r#final: Vec<Final>,
    /// What a reader should know, in sentences.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl Ablation {
    /// Sets runs side by side, and notes where they cannot be compared: other steps, other words, the same numbers twice.
    pub fn new(runs: Vec<Run>, mut notes: Vec<String>) -> Ablation {
        let last = |run: &Run| run.series.iter().filter_map(|series| Some(series.last()?.checkpoint)).max();
        let mut twice: Vec<((&String, &String), usize)> = Vec::new();
        for (i, run) in runs.iter().enumerate() {
            let same = runs[..i].iter().find(|other| {
                (&other.training.model, &other.series) == (&run.training.model, &run.series)
                    && (&other.training.prompt, &other.training.file) != (&run.training.prompt, &run.training.file)
            });
            if let Some(same) = same {
                let files = (&run.training.file, &same.training.file);
                match twice.iter_mut().find(|(known, _)| *known == files) {
                    Some((_, n)) => *n += 1,
                    None => twice.push((files, 1)),
                }
            }
            let others = runs.iter().filter(|other| other.training.is_on_the_data_of(&run.training));
            if let (Some(ends), Some(end)) = (last(run), others.filter_map(last).max())
                && ends < end
            {
                notes.push(format!("{}: ends at step {ends}, others on the same data at {end}", run.training.model));
            }
        }
        for ((file, other), n) in twice {
            let trainings = if n == 1 { "one training".to_owned() } else { format!("{n} trainings") };
            notes.push(format!("{file} and {other} hold the same numbers of {trainings}: they are one run each"));
        }
        let mut ranked: Vec<(usize, &str)> =
            runs.iter().filter_map(|run| Some((run.words?, run.training.model.as_str()))).collect();
        ranked.sort_unstable();
        if let ([(fewest, of), ..], [.., (most, other)]) = (&ranked[..], &ranked[..])
            && fewest < most
        {
            notes.push(format!(
                "trainings were scored on other words, {of} on {fewest} and {other} on {most}: a median rank of one cannot be set \
                 beside another's"
            ));
        }
        let mut finals: Vec<Final> = Vec::new();
        for run in &runs {
            finals.extend(run.series.iter().filter_map(|series| {
                let Point { checkpoint, median_rank } = series.last()?;
                Some(Final { training: run.training.clone(), category: series.category.clone(), checkpoint, median_rank })
            }));
        }
        finals.sort_by(|x, y| {
            let size = |f: &Final| f.training.data_size_k.unwrap_or(f64::INFINITY);
            let names = |f: &Final| {
                let Training { data_source, file, family, model, .. } = f.training.clone();
                (data_source.is_none(), data_source, file, family, model, f.category.clone())
            };
            size(x).total_cmp(&size(y)).then_with(|| names(x).cmp(&names(y)))
        });
        Ablation { runs, r#final: finals, notes }
    }
}

/// A word with the categories it belongs to.
pub struct CheckpointWord<'a> {
    /// The word itself.
    pub text: &'a str,
    /// Names of its categories.
    pub categories: Vec<&'a str>,
}

impl Run {
    /// A run with series and moved words from scores: `scores` has for each checkpoint one score a word, NaN where there is none.
    /// Ranks are over the words that have a score, within checkpoint, ties averaged: to compare checkpoints, give words that have
    /// a score at all of them.
    pub fn from_scores(training: Training, words: &[CheckpointWord<'_>], scores: &[(u64, Vec<f64>)]) -> Run {
        let mut by_step: Vec<(u64, Vec<f64>)> = scores.iter().map(|(step, scores)| (*step, ranks(scores))).collect();
        by_step.sort_by_key(|(step, _)| *step);
        let mut categories: Vec<&str> = words.iter().flat_map(|word| word.categories.iter().copied()).collect();
        categories.sort_unstable();
        categories.dedup();
        let point = |category: &str, (step, ranks): &(u64, Vec<f64>)| {
            let own = words.iter().zip(ranks).filter(|(word, _)| word.categories.contains(&category)).map(|(_, rank)| *rank);
            Some(Point { checkpoint: *step, median_rank: median(own)? })
        };
        let series = |category: &&str| Series::new(*category, by_step.iter().filter_map(|step| point(category, step)).collect());
        let series = categories.iter().filter_map(series).collect();
        let mut moved = Vec::new();
        if let (Some((_, first)), Some((_, last)), true) = (by_step.first(), by_step.last(), by_step.len() > 1) {
            for ((word, &first_rank), &last_rank) in words.iter().zip(first).zip(last) {
                let change = last_rank - first_rank;
                if !change.is_nan() {
                    let categories = word.categories.iter().map(|name| (*name).to_owned()).collect();
                    moved.push(Moved { word: word.text.to_owned(), categories, first_rank, last_rank, change });
                }
            }
        }
        moved.sort_by(|x, y| y.change.abs().total_cmp(&x.change.abs()));
        Run { training, words: Some(words.len()), series, moved }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(of: &[(u64, f64)]) -> Vec<Point> {
        of.iter().map(|&(checkpoint, median_rank)| Point { checkpoint, median_rank }).collect()
    }

    #[test]
    fn scores_become_series_and_the_words_that_moved_farthest_come_first() {
        let word = |text, categories: &[&'static str]| CheckpointWord { text, categories: categories.to_vec() };
        let words = [word("a", &["x"]), word("b", &["x"]), word("c", &["y"]), word("d", &[])];
        // Steps out of order; at the first one d has no score.
        let Run { series, moved, .. } =
            Run::from_scores(Training::default(), &words, &[(20, vec![1.0, 2.0, 3.0, 4.0]), (10, vec![3.0, 2.0, 1.0, f64::NAN])]);
        assert_eq!(series.len(), 2);
        assert_eq!(series[0].points, points(&[(10, 1.5), (20, 3.5)]));
        assert_eq!((series[0].change, series[1].change), (2.0, -1.0));
        let moved: Vec<(&str, f64, f64)> = moved.iter().map(|m| (m.word.as_str(), m.first_rank, m.last_rank)).collect();
        assert_eq!(moved, [("a", 1.0, 4.0), ("b", 2.0, 3.0), ("c", 3.0, 2.0)]);
    }

    #[test]
    fn finals_are_in_order_and_a_run_under_two_names_is_said() {
        let run = |file: &str, size: Option<f64>, model: &str, last: u64| Run {
            training: Training { file: file.into(), model: model.into(), data_size_k: size, ..Training::default() },
            words: None,
            series: vec![Series::new("x", points(&[(last, 5.0), (1, 7.0)])).unwrap()],
            moved: Vec::new(),
        };
        let runs = vec![
            run("b", Some(27.0), "m", 100),
            run("a", Some(13.0), "m", 100),
            run("c", None, "m", 90),
            run("b", Some(27.0), "n", 50),
        ];
        let found = Ablation::new(runs, Vec::new());
        let finals: Vec<(&str, u64)> = found.r#final.iter().map(|f| (f.training.file.as_str(), f.checkpoint)).collect();
        assert_eq!(finals, [("a", 100), ("b", 100), ("b", 50), ("c", 90)]);
        assert_eq!(found.runs[0].series[0].change, -2.0);
        assert!(found.notes[1].contains("a and b hold the same numbers of one training"), "{:?}", found.notes);
        assert!(found.notes[0].contains("n: ends at step 50, others on the same data at 100"), "{:?}", found.notes);
        assert_eq!(found.notes.len(), 2);
    }
}
