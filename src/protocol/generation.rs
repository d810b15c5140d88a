//! What a page says of a text that it generated: when each of its tokens was there.

use serde::Deserialize;

use super::numbers::{all_millis, millis, tokens};
use crate::units::Nanos;

/// One inference that generated a text, or as many as the job's batch at once.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
#[cfg_attr(test, ts(rename = "Generation"))]
pub struct RawGeneration {
    /// Texts at once, at least 1.
    #[serde(deserialize_with = "tokens")]
    pub texts: u32,
    /// Tokens of each prompt, padding included, at least 1.
    #[serde(deserialize_with = "tokens")]
    pub prompt: u32,
    /// From the call to the first token, whose logits the page can then read.
    #[serde(deserialize_with = "millis")]
    #[cfg_attr(test, ts(type = "number"))]
    pub first_ms: Nanos,
    /// From each token to the next.
    #[serde(deserialize_with = "all_millis")]
    #[cfg_attr(test, ts(type = "number[]"))]
    pub steps_ms: Vec<Nanos>,
}

impl RawGeneration {
    /// From the call to the last token.
    #[must_use]
    pub fn total(&self) -> u128 {
        u128::from(self.first_ms.0) + self.steps_ms.iter().map(|step| u128::from(step.0)).sum::<u128>()
    }
}
