//! What a page says of `WebNN` in its browser, beside any job.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What came of a small computation in a `WebNN` context, `y = relu(w x + b)` of random whole numbers, and what it supports.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct WebNnCheck {
    /// The devices for which there is a context, of `cpu`, `gpu` and `npu`.
    pub devices: Vec<String>,
    /// `context.accelerated`; `None` where the browser does not say.
    pub accelerated: Option<bool>,
    /// `opSupportLimits().preferredInputLayout`; empty where it does not say.
    pub layout: String,
    /// `opSupportLimits().maxTensorByteLength`.
    pub max_tensor_bytes: Option<u64>,
    /// The data types of inputs, from `opSupportLimits()`.
    pub data_types: Vec<String>,
    /// What was given.
    pub x: Vec<i32>,
    /// See `x`.
    pub w: Vec<i32>,
    /// See `x`.
    pub b: Vec<i32>,
    /// What came out, without fractions; empty where it failed.
    pub y: Vec<i32>,
    /// Why it failed, in the browser's words.
    pub failure: String,
}

impl WebNnCheck {
    /// Whether what came out is right.
    #[must_use]
    pub fn is_right(&self) -> bool {
        let right = |((x, w), b): ((&i32, &i32), &i32)| w.saturating_mul(*x).saturating_add(*b).max(0);
        let expected: Vec<i32> = self.x.iter().zip(&self.w).zip(&self.b).map(right).collect();
        !expected.is_empty() && self.y == expected
    }
}
