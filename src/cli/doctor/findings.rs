//! The findings of the doctor, one function each: from facts to what is found and what to do about it.
//!
//! `version`, `cpu`, `memory` and `device` ask the system themselves; the others judge what they are given. A token's value
//! never leaves the settings.

use std::path::Path;

use super::Finding;
use crate::base::machine;
use crate::base::machine::Memory;
use crate::base::text::bytes;
use crate::model::hub::{self, CachedModel, HubSettings};
use crate::session::settings::{ConfigError, Folders, Settings};

pub fn version() -> Finding {
    let features = [("cuda", cfg!(feature = "cuda")), ("metal", cfg!(feature = "metal"))];
    let built: Vec<&str> = features.iter().filter(|(_, on)| *on).map(|(name, _)| *name).collect();
    let built = if built.is_empty() { "CPU only".to_owned() } else { built.join(", ") };
    let debug = if cfg!(debug_assertions) { ", debug build" } else { "" };
    Finding::ok("rewardscope", format!("{} ({built}{debug})", env!("CARGO_PKG_VERSION")))
}

pub fn cpu() -> Finding {
    let mut system = sysinfo::System::new();
    system.refresh_cpu_list(sysinfo::CpuRefreshKind::nothing());
    let brand = system.cpus().first().map(|cpu| cpu.brand().trim().to_owned()).unwrap_or_default();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let sets = instruction_sets();
    let found =
        format!("{threads} threads, {brand}, {}", if sets.is_empty() { "no vector sets".to_owned() } else { sets.join(" ") });
    if cfg!(target_arch = "x86_64") && !sets.contains(&"avx2") {
        return Finding::warn("CPU", found, "Without AVX2 scoring is slow; use the demonstration models or recorded scores here");
    }
    Finding::ok("CPU", found)
}

/// The vector instruction sets that make matrix products fast, of those this CPU has.
fn instruction_sets() -> Vec<&'static str> {
    #[cfg(target_arch = "x86_64")]
    let sets = [
        ("avx2", is_x86_feature_detected!("avx2")),
        ("fma", is_x86_feature_detected!("fma")),
        ("avx512f", is_x86_feature_detected!("avx512f")),
        ("avx512vnni", is_x86_feature_detected!("avx512vnni")),
        ("avx512bf16", is_x86_feature_detected!("avx512bf16")),
    ];
    #[cfg(target_arch = "aarch64")]
    let sets = [
        ("neon", std::arch::is_aarch64_feature_detected!("neon")),
        ("dotprod", std::arch::is_aarch64_feature_detected!("dotprod")),
        ("i8mm", std::arch::is_aarch64_feature_detected!("i8mm")),
        ("bf16", std::arch::is_aarch64_feature_detected!("bf16")),
    ];
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let sets: [(&'static str, bool); 0] = [];
    sets.iter().filter(|(_, has)| *has).map(|(name, _)| *name).collect()
}

/// A container may allow less than the machine has, so the smaller of both is what counts.
pub fn memory() -> Finding {
    let Memory { total, available } = machine::memory();
    memory_of(total, available)
}

fn memory_of(total: u64, available: u64) -> Finding {
    /// Weights of a 3B model in bf16; smaller reward models are rare.
    const SMALL_MODEL: u64 = 7_000_000_000;
    let found = format!("{} available of {}", bytes(available), bytes(total));
    if available < SMALL_MODEL {
        let next =
            "A 3B model in bf16 takes about 7 GB, an 8B model 16 GB; the demonstration models and recorded scores fit anywhere";
        return Finding::warn("memory", found, next);
    }
    Finding::ok("memory", found)
}

pub fn device() -> Finding {
    if cfg!(feature = "cuda") {
        return match candle_core::Device::new_cuda(0) {
            Ok(_) => Finding::ok("device", "CUDA device 0"),
            Err(error) => Finding::warn(
                "device",
                format!("CPU: CUDA device 0 can't be opened ({error})"),
                "Check that nvidia-smi sees the GPU and that its driver is as new as the CUDA this was built with",
            ),
        };
    }
    if cfg!(feature = "metal") {
        return match candle_core::Device::new_metal(0) {
            Ok(_) => Finding::ok("device", "Metal device 0"),
            Err(error) => {
                Finding::warn("device", format!("CPU: no Metal device ({error})"), "Use a machine with an Apple GPU, or the CPU")
            }
        };
    }
    let device = Finding::ok("device", "CPU");
    if Path::new("/proc/driver/nvidia/version").exists() {
        return device
            .hint("There is an NVIDIA driver: 'cargo build --release --features cuda' makes a program that uses the GPU");
    }
    if cfg!(target_os = "macos") {
        return device.hint("'cargo build --release --features metal' makes a program that uses the GPU");
    }
    device
}

pub fn cache(folder: &Path, size: u64, free: Option<u64>) -> Finding {
    let free = free.map(|free| format!(", {} free on its disk", bytes(free))).unwrap_or_default();
    if !folder.exists() {
        return Finding::ok("model cache", format!("{} (made by the first download{free})", folder.display()));
    }
    if !folder.is_dir() {
        let next = "Remove the file, or set HF_HOME to a folder";
        return Finding::warn("model cache", format!("{} is not a folder", folder.display()), next);
    }
    Finding::ok("model cache", format!("{} ({}{free})", folder.display(), bytes(size)))
}

pub fn cached(models: &[CachedModel]) -> Finding {
    if models.is_empty() {
        return Finding::ok("cached models", "none complete");
    }
    let list: Vec<String> = models
        .iter()
        .map(|model| {
            let name = model.references.first().map_or(model.revision.get(..8).unwrap_or(&model.revision), String::as_str);
            format!("{}@{name} ({})", model.repository, bytes(model.bytes))
        })
        .collect();
    Finding::ok("cached models", list.join(", "))
}

/// One for each cached model with a file that cannot be used.
pub fn damaged(models: &[CachedModel], cache: &Path) -> Vec<Finding> {
    let of = |model: &CachedModel| {
        let files = hub::damaged_in(cache, model);
        let next =
            format!("Open it with a network at hand, or: rewardscope check {}. It is then downloaded anew", model.repository);
        (!files.is_empty()).then(|| Finding::warn("damaged model", format!("{}: {}", model.repository, files.join("; ")), next))
    };
    models.iter().filter_map(of).collect()
}

pub fn endpoint(address: &str) -> Finding {
    if !address.starts_with("https://") && !address.starts_with("http://") {
        return Finding::warn(
            "hub",
            address,
            "HF_ENDPOINT is not an address: write https://host or http://host:port, or unset it",
        );
    }
    if address == hub::DEFAULT_ENDPOINT {
        Finding::ok("hub", address)
    } else {
        Finding::ok("hub", format!("{address} (HF_ENDPOINT)"))
    }
}

pub fn offline(offline: bool) -> Finding {
    if offline {
        return Finding::ok("offline", "yes (HF_HUB_OFFLINE)")
            .hint("Only models in the cache open; unset HF_HUB_OFFLINE to download");
    }
    Finding::ok("offline", "no")
}

pub fn token(settings: &HubSettings) -> Finding {
    match &settings.token {
        Some(token) => Finding::ok("token", format!("found in {}", token.origin)),
        None => Finding::ok("token", "none").hint(
            "Only gated and private models need one: accept the licence on the model's page and set HF_TOKEN to a token from \
             https://huggingface.co/settings/tokens",
        ),
    }
}

/// The program's own folders, and whether the settings in them can be used.
pub fn folders(folders: Result<Folders, ConfigError>) -> Vec<Finding> {
    match folders {
        Ok(folders) => {
            let config = match Settings::load(folders.config.as_deref()) {
                Ok(_) => folder("config folder", folders.config.as_deref()),
                Err(error) => {
                    Finding::warn("config folder", error.to_string(), "Mend or remove it; without one the defaults are used")
                }
            };
            vec![config, folder("data folder", folders.data.as_deref())]
        }
        Err(error) => vec![Finding::warn("config folder", error.to_string(), "Only this report works until then")],
    }
}

fn folder(what: &'static str, path: Option<&Path>) -> Finding {
    match path {
        Some(path) if path.is_dir() => Finding::ok(what, path.display().to_string()),
        Some(path) if path.exists() => Finding::warn(what, format!("{} is not a folder", path.display()), "Move that file away"),
        Some(path) => Finding::ok(what, format!("{} (not there: defaults are used)", path.display())),
        None => Finding::warn(what, "unknown", "Set HOME, so that your own corpora and settings can be found"),
    }
}

pub fn terminal(is_terminal: bool, size: Option<(u16, u16)>) -> Finding {
    match size {
        _ if !is_terminal => Finding::warn(
            "terminal",
            "standard output is not a terminal",
            "The explorer needs one; 'rewardscope score' and the lists work without",
        ),
        None => Finding::warn(
            "terminal",
            "it does not tell its size",
            "Try another terminal, or run 'resize' or 'stty cols 80 rows 24'",
        ),
        Some((columns, rows)) if columns < 80 || rows < 24 => {
            Finding::warn("terminal", format!("{columns}x{rows}"), "Make it at least 80 columns by 24 rows")
        }
        Some((columns, rows)) => Finding::ok("terminal", format!("{columns}x{rows}")),
    }
}

pub fn colours(variable: &dyn Fn(&str) -> Option<String>) -> Finding {
    let named = |name: &str| format!("{name} {}", variable(name).unwrap_or_else(|| "unset".to_owned()));
    let context = format!("{}, {}, {}", named("TERM"), named("COLORTERM"), named("NO_COLOR"));
    let term = variable("TERM").unwrap_or_default();
    if variable("NO_COLOR").is_some() {
        return Finding::ok("colours", format!("none ({context})"));
    }
    if term == "dumb" || (term.is_empty() && !cfg!(windows)) {
        return Finding::warn(
            "colours",
            format!("none ({context})"),
            "Set TERM to your terminal's type, for example xterm-256color",
        );
    }
    let depth = match variable("COLORTERM").as_deref() {
        Some("truecolor" | "24bit") => "24 bit",
        _ if term.contains("256color") => "256",
        _ => "16",
    };
    let colours = Finding::ok("colours", format!("{depth} ({context})"));
    if depth != "24 bit" && variable("SSH_CONNECTION").is_some() {
        return colours
            .hint("Over SSH the depth is not passed on; if your terminal knows 24-bit colours, set COLORTERM=truecolor");
    }
    colours
}

pub fn locale(variable: &dyn Fn(&str) -> Option<String>) -> Finding {
    let set = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(|name| Some((name, variable(name)?)));
    let utf8 = |value: &str| ["utf-8", "utf8"].iter().any(|name| value.to_lowercase().contains(name));
    let next = "Set LANG=C.UTF-8 if the terminal shows UTF-8, or start with --ascii";
    match set {
        Some((name, value)) if utf8(&value) => Finding::ok("characters", format!("UTF-8 ({name}={value})")),
        None if cfg!(any(windows, target_os = "macos")) => Finding::ok("characters", "UTF-8"),
        Some((name, value)) => Finding::warn("characters", format!("not UTF-8 ({name}={value})"), next),
        None => Finding::warn("characters", "no locale is set", next),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::Mark;
    use crate::model::hub::{Token, TokenOrigin};

    fn variables<'a>(set: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + 'a {
        |name| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    }

    /// What is said of a config folder that holds these settings.
    fn settings_with(text: &str) -> Finding {
        let config = tempfile::tempdir().expect("a folder");
        std::fs::write(config.path().join("config.toml"), text).expect("written");
        let found = folders(Ok(Folders { config: Some(config.path().to_owned()), ..Folders::default() }));
        found.into_iter().next().expect("the config folder is told of")
    }

    #[test]
    fn settings_that_can_be_read_are_no_news() {
        assert_eq!(settings_with("theme = 'dark'").mark, Mark::Ok);
        assert!(settings_with("thme = 'dark'").found.contains("config.toml"));
    }

    #[test]
    fn colour_depth_follows_the_variables() {
        for (set, depth, mark) in [
            (&[("TERM", "xterm-256color"), ("COLORTERM", "truecolor")][..], "24 bit", Mark::Ok),
            (&[("TERM", "xterm-256color")], "256", Mark::Ok),
            (&[("TERM", "linux")], "16", Mark::Ok),
            (&[("TERM", "xterm-256color"), ("NO_COLOR", "1")], "none", Mark::Ok),
            (&[("TERM", "dumb")], "none", Mark::Warn),
        ] {
            let finding = colours(&variables(set));
            assert!(finding.found.starts_with(depth), "{set:?}: {}", finding.found);
            assert_eq!(finding.mark, mark, "{set:?}");
        }
    }

    #[test]
    fn the_strongest_locale_variable_decides() {
        assert_eq!(locale(&variables(&[("LANG", "en_GB.UTF-8")])).mark, Mark::Ok);
        assert_eq!(locale(&variables(&[("LC_CTYPE", "C.utf8"), ("LANG", "C")])).mark, Mark::Ok);
        assert_eq!(locale(&variables(&[("LC_ALL", "C"), ("LANG", "en_GB.UTF-8")])).mark, Mark::Warn);
    }

    #[test]
    fn what_is_off_comes_with_a_next_step() {
        for finding in [
            terminal(false, None),
            terminal(true, None),
            terminal(true, Some((79, 24))),
            memory_of(8_000_000_000, 1_000_000_000),
            endpoint("huggingface.co"),
            folder("config folder", None),
            settings_with("thme = 'dark'"),
        ] {
            assert_eq!(finding.mark, Mark::Warn, "{finding:?}");
            assert!(finding.next.is_some(), "{finding:?}");
        }
        assert_eq!(terminal(true, Some((80, 24))), Finding::ok("terminal", "80x24"));
        assert_eq!(memory_of(32_000_000_000, 20_000_000_000).found, "20.0 GB available of 32.0 GB");
    }

    #[test]
    fn a_token_is_placed_and_never_shown() {
        let settings = HubSettings {
            endpoint: hub::DEFAULT_ENDPOINT.into(),
            cache_dir: "/cache".into(),
            token: Token::new("hf_secret", TokenOrigin::Variable),
            offline: false,
            patience: std::time::Duration::from_secs(30),
        };
        assert_eq!(token(&settings).found, "found in HF_TOKEN");
        assert!(token(&HubSettings { token: None, ..settings }).next.is_some_and(|next| next.contains("HF_TOKEN")));
    }
}
