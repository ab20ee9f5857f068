//! Choices about a run that change its scores: on which day the template is rendered, whether attention scores are
//! soft-capped, in which dtype a reward was published.
//!
//! The policy on the beginning-of-sequence token stands in [`super::BosPolicy`].

use std::fmt;
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use candle_core::{DType, Device, Tensor};
use jiff::SignedDuration;
use jiff::civil::Date;
use jiff::fmt::strtime;
use rewardscope_base::suggestions::named;

use super::ModelError;

/// The day that a chat template is told it is. The default is the date that the templates of Llama 3 fall back on, so that
/// scores do not drift from one day to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct TemplateDate(Date);

impl Default for TemplateDate {
    fn default() -> Self {
        TemplateDate(Date::constant(2024, 7, 26))
    }
}

impl TemplateDate {
    /// None where the year has not four digits.
    fn of(date: Date) -> Option<Self> {
        (1000..=9999).contains(&date.year()).then_some(TemplateDate(date))
    }

    /// The day it is, in UTC.
    pub fn today() -> Self {
        Self::after_epoch(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64))
    }

    /// The day of a time, in seconds after the beginning of 1970, UTC; the first and the last that there is for times before
    /// and after them.
    pub fn after_epoch(seconds: i64) -> Self {
        let days = SignedDuration::from_secs(seconds.max(0));
        TemplateDate(Date::constant(1970, 1, 1).saturating_add(days))
    }

    /// Python's `strftime` at midnight of this day, in the C locale.
    ///
    /// # Errors
    /// The first code that is not known.
    pub fn strftime(self, format: &str) -> Result<String, char> {
        let midnight = self.0.at(0, 0, 0, 0);
        let mut out = String::new();
        let mut chars = format.chars();
        while let Some(c) = chars.next() {
            if c != '%' {
                out.push(c);
                continue;
            }
            let Some(mut code) = chars.next() else { break };
            // `%-d` leaves the leading zeros out.
            let flag = if code == '-' { "-" } else { "" };
            if !flag.is_empty() {
                code = chars.next().unwrap_or('%');
            }
            let directive = match code {
                '%' => "%%".to_owned(),
                // Of a time that has no zone.
                'Z' | 'z' => String::new(),
                'c' => "%a %b %e %H:%M:%S %Y".to_owned(),
                'x' => "%D".to_owned(),
                'X' => "%T".to_owned(),
                'f' => "000000".to_owned(),
                code if "aAbBdDeFGhHIjmMpRSTuUVwWyY".contains(code) => format!("%{flag}{code}"),
                other => return Err(other),
            };
            out.push_str(&strtime::format(&directive, midnight).map_err(|_| code)?);
        }
        Ok(out)
    }
}

/// `26 Jul 2024`, as templates write it.
impl fmt::Display for TemplateDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.strftime("%d %b %Y").fmt(f)
    }
}

/// Takes `2026-11-23`, `23 Nov 2026` (the month also in full) and `today`.
impl FromStr for TemplateDate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.eq_ignore_ascii_case("today") {
            return Ok(Self::today());
        }
        let read = |form: &&str| Date::strptime(form, text).ok().and_then(Self::of);
        let date = ["%Y-%m-%d", "%d %b %Y", "%d %B %Y"].iter().find_map(read);
        date.ok_or_else(|| format!("'{text}' is no date: write 2024-07-26, '26 Jul 2024' or today"))
    }
}

/// Gemma 2's soft-cap on attention scores. transformers 4.43 dropped it under scaled dot product attention, so published
/// scores may lack it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SoftCap {
    /// As the checkpoint asks for.
    #[default]
    On,
    /// Left out, as in transformers 4.43.
    Off,
}

impl SoftCap {
    /// What options, settings and files call it.
    pub fn name(self) -> &'static str {
        match self {
            SoftCap::On => "on",
            SoftCap::Off => "off",
        }
    }
}

impl fmt::Display for SoftCap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for SoftCap {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        named(&[SoftCap::On, SoftCap::Off], text)
    }
}

/// The token of a conversation at which a reward is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReadToken {
    /// The last one, as OpenRLHF and the heads of their own kind read.
    Last,
    /// The last one that is not the model's `pad_token_id`, as transformers' `…ForSequenceClassification` reads
    /// (`modeling_layers.py`, `GenericForSequenceClassification`): another one where conversations end with that token.
    BeforePad,
}

impl ReadToken {
    /// What options and files call it.
    pub fn name(self) -> &'static str {
        match self {
            ReadToken::Last => "last",
            ReadToken::BeforePad => "before-pad",
        }
    }
}

impl fmt::Display for ReadToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The dtype in which a published run wrote its rewards down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PublishedDtype {
    /// What the study's scripts load models in; taken where nothing is known.
    #[default]
    Bf16,
    /// Half precision of IEEE 754.
    F16,
    /// Single precision: rewards as they are computed.
    F32,
}

impl PublishedDtype {
    /// Each reward rounded to the nearest value of the dtype, ties to even.
    pub fn round(self, rewards: Vec<f32>) -> Result<Vec<f32>, ModelError> {
        let dtype = match self {
            PublishedDtype::Bf16 => DType::BF16,
            PublishedDtype::F16 => DType::F16,
            PublishedDtype::F32 => return Ok(rewards),
        };
        let count = rewards.len();
        Ok(Tensor::from_vec(rewards, count, &Device::Cpu)?.to_dtype(dtype)?.to_dtype(DType::F32)?.to_vec1()?)
    }
}

impl fmt::Display for PublishedDtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PublishedDtype::Bf16 => "bf16",
            PublishedDtype::F16 => "f16",
            PublishedDtype::F32 => "f32",
        })
    }
}

/// What of these held in a run, for the provenance beside its scores.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Policies {
    /// None for a model that has no attention soft-cap.
    pub attention_softcap: Option<SoftCap>,
    /// None where rewards are given as computed.
    pub rewards_rounded_to: Option<PublishedDtype>,
    /// `mean 0.75 and standard deviation 2.5 (normalize_reward is true)`; none where rewards are as the head gives them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normalized: Option<String>,
    /// Which token is read; none where conversations do not end with the pad token, so that there is no choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<ReadToken>,
    /// What there is to say of how the model was read: signs that its files show, what was switched off or not read, options
    /// that were given and had nothing to act on.
    pub notes: Vec<String>,
}

impl Policies {
    /// `soft-cap on`, `rounded to bf16`: what there is to say, in the order of importance.
    pub fn facts(&self) -> Vec<String> {
        let rounded = self.rewards_rounded_to.map(|dtype| format!("rounded to {dtype}"));
        let softcap = self.attention_softcap.map(|cap| format!("soft-cap {cap}"));
        let normalized = self.normalized.as_ref().map(|by| format!("normalized by {by}"));
        let read = self.read.map(|read| match read {
            ReadToken::Last => "read at the last token".to_owned(),
            ReadToken::BeforePad => "read before the pad token".to_owned(),
        });
        softcap.into_iter().chain(normalized).chain(rounded).chain(read).collect()
    }

    /// Those that differ from what is usual.
    pub fn unusual(&self) -> Vec<String> {
        let usual = Policies { attention_softcap: self.attention_softcap.map(|_| SoftCap::On), ..Policies::default() }.facts();
        self.facts().into_iter().filter(|fact| !usual.contains(fact)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_in_two_ways_and_nonsense_is_refused() {
        for (text, shown) in [
            ("2026-11-23", "23 Nov 2026"),
            ("26 Jul 2024", "26 Jul 2024"),
            ("1 january 2000", "01 Jan 2000"),
            ("2024-02-29", "29 Feb 2024"),
        ] {
            assert_eq!(text.parse::<TemplateDate>().unwrap().to_string(), shown);
        }
        for text in ["2023-02-29", "26 Jux 2024", "2024-13-01", "2024-00-01", "yesterday", "26/07/2024", "24-07-26", ""] {
            let error = text.parse::<TemplateDate>().unwrap_err();
            assert!(error.contains("2024-07-26") && error.contains("today"), "{error}");
        }
        assert_eq!(TemplateDate::default().to_string(), "26 Jul 2024");
    }

    #[test]
    fn days_are_counted_as_calendars_count_them() {
        for (days, shown) in
            [(0, "01 Jan 1970"), (58, "28 Feb 1970"), (789, "29 Feb 1972"), (19_930, "26 Jul 2024"), (20_780, "23 Nov 2026")]
        {
            assert_eq!(TemplateDate::after_epoch(days * 86_400).to_string(), shown);
        }
        assert!(TemplateDate::today() > TemplateDate::default());
    }

    #[test]
    fn strftime_writes_what_python_writes() {
        let format = |date: &str, format: &str| date.parse::<TemplateDate>().unwrap().strftime(format);
        for (date, codes, expected) in [
            ("2024-07-26", "%d %b %Y|%A, %B %-d|%j", "26 Jul 2024|Friday, July 26|208"),
            ("2026-11-23", "%a %u %w %F %D %y", "Mon 1 1 2026-11-23 11/23/26 26"),
            ("2023-01-01", "%A %w %-m/%-d %e|%c", "Sunday 0 1/1  1|Sun Jan  1 00:00:00 2023"),
            ("2024-12-31", "%j %H:%M:%S %p%%", "366 00:00:00 AM%"),
        ] {
            assert_eq!(format(date, codes).unwrap(), expected);
        }
        assert_eq!(format("2024-07-26", "%Q"), Err('Q'));
    }

    #[test]
    fn rewards_are_rounded_to_the_nearest_value_of_the_dtype() {
        let rewards = vec![-13.757_9, 0.050_06, 2.431_640_6];
        let round = |dtype: PublishedDtype| dtype.round(rewards.clone()).unwrap();
        assert_eq!(round(PublishedDtype::Bf16), [-13.75, 0.050_048_828, 2.4375]);
        assert_eq!(round(PublishedDtype::F16), [-13.757_812_5, 0.050_048_828, 2.431_640_6]);
        assert_eq!(round(PublishedDtype::F32), rewards);
    }

    #[test]
    fn what_is_usual_is_not_pointed_out() {
        let usual = Policies { attention_softcap: Some(SoftCap::On), ..Policies::default() };
        assert_eq!((usual.facts(), usual.unusual()), (vec!["soft-cap on".to_owned()], Vec::new()));
        let other = Policies {
            attention_softcap: Some(SoftCap::Off),
            rewards_rounded_to: Some(PublishedDtype::F16),
            ..Policies::default()
        };
        assert_eq!(other.unusual(), ["soft-cap off", "rounded to f16"]);
    }
}
