//! How often the statistics raise a false alarm: families of models are drawn that do not differ by category, and every p-value
//! and every interval of the report is looked at. The table is the one of docs/statistics.md.
//!
//!     cargo run --release -p rewardscope-stats --example false_alarms            # 1,000 studies of each design, some minutes
//!     cargo run --release -p rewardscope-stats --example false_alarms -- 200     # fewer

mod measures;
mod simulate;

use std::collections::BTreeMap;
use std::num::ParseIntError;

use measures::alarms;
use rayon::prelude::*;
use rewardscope_stats::options::ReportOptions;
use rewardscope_stats::report::report;
use simulate::{Design, study};

const PLAIN: Design = Design { models: [4, 6], words: 20, prompts: 12, correlated: true, by_word: false };
const DESIGNS: [(&str, Design); 7] = [
    ("4 + 6", PLAIN),
    ("5 + 5", Design { models: [5, 5], ..PLAIN }),
    ("3 + 3", Design { models: [3, 3], ..PLAIN }),
    ("2 + 8", Design { models: [2, 8], ..PLAIN }),
    ("4 + 6, prompts independent", Design { correlated: false, ..PLAIN }),
    ("4 + 6, families by word", Design { by_word: true, ..PLAIN }),
    ("4 + 6, families by word, 6 words a category", Design { by_word: true, words: 6, ..PLAIN }),
];
/// Permutations, and draws of the bootstrap.
const REPLICATES: usize = 199;
const SEED: u64 = 1;

fn main() -> Result<(), ParseIntError> {
    let studies: u64 = std::env::args().nth(1).map_or(Ok(1_000), |text| text.parse())?;
    let mut order: Vec<String> = Vec::new();
    let mut shares: Vec<BTreeMap<String, f64>> = Vec::new();
    for (design_name, design) in &DESIGNS {
        let of_study = |at: u64| {
            let options = ReportOptions { replicates: REPLICATES, bootstrap: REPLICATES, seed: SEED + at };
            alarms(&report(&study(design, SEED + at), &options))
        };
        let found: Vec<Vec<(String, bool)>> = (0..studies).into_par_iter().map(of_study).collect();
        let mut counts: BTreeMap<String, (usize, usize)> = BTreeMap::new();
        for (name, alarm) in found.into_iter().flatten() {
            if !order.contains(&name) {
                order.push(name.clone());
            }
            let (alarms, all) = counts.entry(name).or_default();
            (*alarms, *all) = (*alarms + usize::from(alarm), *all + 1);
        }
        shares.push(counts.into_iter().map(|(name, (alarms, all))| (name, alarms as f64 / all as f64)).collect());
        eprintln!("{design_name}: done");
    }
    println!("{studies} studies of each design, seed {SEED}; false alarms in %, with a 95 % interval (Wilson).\n");
    println!("| measure | {} |", DESIGNS.map(|(name, _)| name).join(" | "));
    println!("| --- |{}", " ---: |".repeat(DESIGNS.len()));
    for name in order {
        let cell =
            |shares: &BTreeMap<String, f64>| shares.get(&name).map_or("–".to_owned(), |share| percent(*share, studies as f64));
        println!("| {name} | {} |", shares.iter().map(cell).collect::<Vec<_>>().join(" | "));
    }
    Ok(())
}

/// `4.8 (3.6–6.3)`. The contrasts of a study depend on one another, so its n is that of studies and not of contrasts.
fn percent(share: f64, n: f64) -> String {
    let z2 = 1.959_963_985_f64.powi(2);
    let middle = (share + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = (z2 * (share * (1.0 - share) / n + z2 / (4.0 * n * n))).sqrt() / (1.0 + z2 / n);
    format!("{:.1} ({:.1}–{:.1})", 100.0 * share, 100.0 * (middle - half).max(0.0), 100.0 * (middle + half))
}
