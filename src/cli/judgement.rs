//! The options that `compare` and `history` share.

use clap::Args;

use crate::analyse::comparison::{Metric, Rules};

/// Which times of jobs are compared, and what is made of them.
#[derive(Debug, Args)]
pub struct Judgement {
    /// Which of the jobs' times.
    #[arg(long, value_enum, default_value_t)]
    pub metric: Metric,
    /// Times that differ by no more than this count as the same.
    #[arg(long, value_name = "SHARE", default_value = "1%", value_parser = share)]
    pub same_within: f64,
    /// Exit with 1 where a job became slower by more than this.
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub fail_above: Option<f64>,
    /// Compare jobs of unlike adapters or machines with each other.
    #[arg(long)]
    pub across_machines: bool,
    /// Take times whose output was not verified.
    #[arg(long)]
    pub unverified: bool,
}

impl Judgement {
    /// What they allow and demand, which is nothing else.
    #[must_use]
    pub fn rules(&self) -> Rules {
        Rules {
            metric: self.metric,
            same_within: self.same_within,
            across_machines: self.across_machines,
            unverified: self.unverified,
            different_shaders: false,
        }
    }
}

/// `5%` as 0.05.
fn share(text: &str) -> Result<f64, String> {
    let wrong = || format!("expected a share like 5%, found {text:?}");
    let percent: f64 = text.strip_suffix('%').and_then(|number| number.trim().parse().ok()).ok_or_else(wrong)?;
    if percent.is_finite() && percent >= 0.0 { Ok(percent / 100.0) } else { Err(wrong()) }
}
