//! The options of a report, and the callback by which it reports progress.

/// How much of what costs time is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportOptions {
    /// Of the permutation tests; 0 leaves them out.
    pub replicates: usize,
    /// Of the bootstrap intervals; 0 leaves them out.
    pub bootstrap: usize,
    /// Of the random numbers: the same seed gives the same report.
    pub seed: u64,
}

impl Default for ReportOptions {
    fn default() -> Self {
        ReportOptions { replicates: 9_999, bootstrap: 1_000, seed: 1 }
    }
}

impl ReportOptions {
    /// Without what draws random numbers: quick enough to be done again whenever scores arrive.
    pub fn quick() -> Self {
        ReportOptions { replicates: 0, bootstrap: 0, ..ReportOptions::default() }
    }
}

/// Told what is being done, how much of it is done, and of how much.
pub type Progress<'a> = &'a (dyn Fn(&'static str, usize, usize) + Sync);
