//! A comparison is what may be said of two jobs; the rules say what is compared and what is allowed.
//!
//! Made by `compare`, shown by `report`.

use super::ratio::Ratio;

/// The share within which times count as the same unless the user says otherwise.
pub const SAME_WITHIN: f64 = 0.01;

/// Which of a job's times are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum, strum::Display)]
#[strum(serialize_all = "kebab-case")]
pub enum Metric {
    /// Of one inference in the steady state: the GPU's where both have it, else the wall's.
    #[default]
    Time,
    /// From a job's start to its first result, each time that it was made ready.
    FirstResult,
    /// Of one inference in the steady state, by the wall's clock.
    Wall,
    /// Of one inference in the steady state, by the GPU's clock.
    Gpu,
    /// Of texts that are generated: from the call to the first token.
    Ttft,
    /// Of texts that are generated: from a token to the next.
    Decode,
}

impl Metric {
    /// Whether the wall's clock alone tells it.
    pub(super) fn by_wall(self) -> bool {
        !matches!(self, Self::Time | Self::Gpu)
    }
}

/// What a comparison allows and demands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rules {
    /// What is compared.
    pub metric: Metric,
    /// Times whose ratio lies within this share of 1 count as the same, 0 to 1.
    pub same_within: f64,
    /// Whether jobs of different adapters may be compared.
    pub across_machines: bool,
    /// Whether jobs whose output was not verified may be compared.
    pub unverified: bool,
    /// Whether jobs that ran different programs may be compared: other shaders, or another backend than was asked for.
    pub different_shaders: bool,
}

impl Default for Rules {
    /// Nothing is lifted.
    fn default() -> Self {
        Self {
            metric: Metric::default(),
            same_within: SAME_WITHIN,
            across_machines: false,
            unverified: false,
            different_shaders: false,
        }
    }
}

/// What may be said of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, strum::Display)]
#[strum(serialize_all = "lowercase")]
pub enum ComparisonVerdict {
    /// The new one takes less time.
    Faster,
    /// The new one takes more time.
    Slower,
    /// The interval lies within the margin.
    Same,
    /// The samples do not say.
    Undecided,
    /// They must not be compared.
    Refused,
}

/// A pair of jobs and what may be said of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// What the two have in common: their id, or its parts without the axis.
    pub job: String,
    /// What is compared: run ids, or values of the axis.
    pub base: String,
    /// See `base`.
    pub new: String,
    /// The `job_id` of the base, as its row has it.
    pub base_id: String,
    /// The `job_id` of the new one.
    pub new_id: String,
    /// The `run_id` of the base: runs that were merged have rows of several.
    pub base_run: String,
    /// The `run_id` of the new one.
    pub new_run: String,
    /// Which of the jobs' times.
    pub metric: Metric,
    /// Which clock timed them: `gpu` or `wall`.
    pub clock: &'static str,
    /// Median time of the base, ms.
    pub base_ms: Option<f64>,
    /// Median time of the new one, ms.
    pub new_ms: Option<f64>,
    /// New time by base time.
    pub ratio: Option<Ratio>,
    /// The p-value after Holm's correction for all comparisons of the table.
    pub p_adjusted: Option<f64>,
    /// What may be said.
    pub verdict: ComparisonVerdict,
    /// Why it is refused, or has no interval, and what helps.
    pub reason: String,
    /// How the circumstances of the two differed where that may be the difference; empty where they did not.
    pub circumstances: String,
}
