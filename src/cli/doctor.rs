//! `rewardscope doctor`: what this machine, cache and terminal offer, and what to do where something is off.
//!
//! Gathers the findings and prints them; what each is about stands in `findings`.

mod findings;

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _};

use super::args::{DoctorArgs, ListFormat};
use super::output;
use crate::base::text::visible;
use crate::model::hub::{self, HubSettings};
use crate::session::failure::Failure;
use crate::session::settings::Folders;
use findings as find;

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mark {
    Ok,
    Warn,
}

/// One thing looked at.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    pub what: &'static str,
    pub mark: Mark,
    pub found: String,
    /// What to do, where there is something to do.
    pub next: Option<String>,
}

impl Finding {
    fn ok(what: &'static str, found: impl Into<String>) -> Self {
        Finding { what, mark: Mark::Ok, found: found.into(), next: None }
    }

    fn warn(what: &'static str, found: impl Into<String>, next: impl Into<String>) -> Self {
        Finding { what, mark: Mark::Warn, found: found.into(), next: Some(next.into()) }
    }

    /// A hint that does not mean that something is off.
    fn hint(self, next: impl Into<String>) -> Self {
        Finding { next: Some(next.into()), ..self }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct DoctorReport {
    pub findings: Vec<Finding>,
}

/// Prints the report on this machine.
pub(super) fn run(args: &DoctorArgs) -> Result<(), Failure> {
    let report = gather();
    output::print(&match args.format {
        ListFormat::Table => table(&report),
        ListFormat::Json => output::json(&report)?,
    })
}

/// Asks the system. Walks the cache folder, so it takes as long as that is large.
fn gather() -> DoctorReport {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let settings = HubSettings::from_env();
    let cache = &settings.cache_dir;
    let is_terminal = io::stdout().is_terminal();
    let size = is_terminal.then(|| crossterm::terminal::size().ok()).flatten();
    let models = hub::cached_models_in(cache);
    let mut findings = vec![
        find::version(),
        find::cpu(),
        find::memory(),
        find::device(),
        find::cache(cache, hub::size_on_disk(cache), hub::free_space(cache)),
        find::cached(&models),
        find::endpoint(&settings.endpoint),
        find::offline(settings.offline),
        find::token(&settings),
    ];
    findings.extend(find::damaged(&models, cache));
    findings.extend(find::folders(Folders::find()));
    findings.extend([find::terminal(is_terminal, size), find::colours(&variable), find::locale(&variable)]);
    DoctorReport { findings }
}

/// One line a finding, with the next step below it.
fn table(report: &DoctorReport) -> String {
    let mut out = String::new();
    let width = report.findings.iter().map(|finding| finding.what.len()).max().unwrap_or(0);
    for finding in &report.findings {
        let mark = match finding.mark {
            Mark::Ok => "ok  ",
            Mark::Warn => "warn",
        };
        let mut label = format!("{mark}  {:width$}", finding.what);
        for line in finding.found.lines().chain(finding.next.as_deref()) {
            let _ = writeln!(out, "{label}  {}", visible(line));
            label = " ".repeat(label.len());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_from_outside_cannot_steer_the_terminal() {
        let report = DoctorReport { findings: vec![find::endpoint("http://\u{1b}[2J\u{9b}evil")] };
        let table = table(&report);
        assert!(!table.contains('\u{1b}') && table.contains("\\u{1b}[2J"), "{table:?}");
        let json = output::json(&report).expect("JSON");
        assert!(!json.replace('\n', "").contains(crate::base::text::is_unsafe), "{json:?}");
        let parsed: serde_json::Value = serde_json::from_str(&json).expect("still JSON");
        assert_eq!(parsed["findings"][0]["found"], "http://\u{1b}[2J\u{9b}evil (HF_ENDPOINT)");
    }

    #[test]
    fn the_whole_report_is_made_on_any_machine() {
        let report = gather();
        for what in ["rewardscope", "CPU", "memory", "device", "model cache", "hub", "token", "terminal", "colours", "characters"]
        {
            assert!(report.findings.iter().any(|finding| finding.what == what), "{what}");
        }
    }
}
