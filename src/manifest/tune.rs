//! What `gpujobs tune` searches and how long: `[tune]` of a manifest.
//!
//! Read with the manifest; `render` makes the space of a kernel from it, `tune` searches that.

use std::borrow::Cow;
use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::AxisValue;
use super::values::{At, Value, Written};

/// The share of a space that is tried where the manifest says nothing, in percent.
const SHARE_PERCENT: usize = 15;
/// At least and at most so many configurations are tried then: fewer tell nothing, and more rarely find a better one.
const EVALUATIONS: RangeInclusive<usize> = 12..=60;

/// What is searched, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Tune {
    /// The only kernel that is searched; `None` stands for each that a model has.
    pub kernel: Option<String>,
    /// Parameters that are searched with their values, all that are declared where the list is empty; the others keep
    /// their defaults. `None` searches all.
    pub parameters: Option<IndexMap<String, Vec<AxisValue>>>,
    /// Workgroups that are searched; empty stands for those that the kernel declares.
    pub workgroups: Vec<[u32; 3]>,
    /// The time that one kernel of one size may take in one browser, the finals not counted; `None` sets no limit.
    pub budget: Option<Duration>,
    /// How many configurations may be tried of it; `None` leaves it to [`limit`](Self::limit).
    pub evaluations: Option<u32>,
    /// Of the random choices.
    pub seed: u64,
}

impl Default for Tune {
    fn default() -> Self {
        let workgroups = Vec::new();
        Self { kernel: None, parameters: None, workgroups, budget: None, evaluations: None, seed: 0 }
    }
}

impl Tune {
    /// How many configurations of a space of `size` may be tried: what the manifest says, or 15 % of it, but 12 to 60.
    #[must_use]
    pub fn limit(&self, size: usize) -> usize {
        let usual = || (size * SHARE_PERCENT / 100).clamp(*EVALUATIONS.start(), *EVALUATIONS.end());
        self.evaluations.map_or_else(usual, |evaluations| evaluations as usize).min(size)
    }
}

/// What `gpujobs tune` searches, in each browser and for each model of the matrix.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TuneFile {
    /// The kernel, a key of `shaders/kernels.toml` such as "product"; by default each kernel that a model has.
    pub kernel: Option<At<String>>,
    /// The parameters that are searched: their names, or their values, as { tm = [4, 8], form = "tiled" }; by default all.
    pub parameters: Option<At<ParametersFile>>,
    /// The workgroups [x, y, z] that are searched; by default those that the kernel declares.
    #[schemars(schema_with = "shapes")]
    pub workgroups: Option<At<Value>>,
    /// The time that the search of one kernel and size may take in one browser, such as "5m"; by default unlimited.
    pub budget: Option<At<Written<Duration>>>,
    /// How many configurations of one kernel and size may be tried in one browser; default 15 % of them, but 12 to 60.
    #[schemars(with = "std::num::NonZeroU32")]
    pub evaluations: Option<At<u32>>,
    /// Of the random choices; default 0.
    pub seed: Option<u32>,
}

fn shapes(_: &mut SchemaGenerator) -> Schema {
    let extent = json_schema!({ "type": "integer", "minimum": 1, "maximum": 65_535 });
    let shape = json_schema!({ "type": "array", "minItems": 3, "maxItems": 3, "items": extent });
    json_schema!({ "anyOf": [shape, { "type": "array", "minItems": 1, "uniqueItems": true, "items": shape }] })
}

/// Parameters as written: names, or names with their values.
#[derive(Debug, Clone, PartialEq)]
pub enum ParametersFile {
    /// With all their values.
    Names(Vec<At<String>>),
    /// With some of them.
    Values(IndexMap<At<String>, At<Value>>),
}

impl<'de> Deserialize<'de> for ParametersFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ParametersVisitor)
    }
}

struct ParametersVisitor;

impl<'de> Visitor<'de> for ParametersVisitor {
    type Value = ParametersFile;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of names, or values by name, as { tm = [4, 8] }")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, names: A) -> Result<ParametersFile, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(names)).map(ParametersFile::Names)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ParametersFile, A::Error> {
        IndexMap::deserialize(MapAccessDeserializer::new(map)).map(ParametersFile::Values)
    }
}

impl JsonSchema for ParametersFile {
    fn schema_name() -> Cow<'static, str> {
        "Parameters".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let value = json_schema!({ "type": ["boolean", "number", "string"] });
        let values =
            json_schema!({ "anyOf": [value, { "type": "array", "minItems": 1, "uniqueItems": true, "items": value }] });
        json_schema!({ "anyOf": [
            { "type": "array", "minItems": 1, "uniqueItems": true, "items": { "type": "string" } },
            { "type": "object", "minProperties": 1, "additionalProperties": values },
        ] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_default_at_most_15_percent_of_a_space_is_tried_unless_it_is_small() {
        let usual = Tune::default();
        assert_eq!([9, 50, 129, 5000].map(|size| usual.limit(size)), [9, 12, 19, 60]);
        let asked = Tune { evaluations: Some(30), ..usual };
        assert_eq!([9, 50, 129].map(|size| asked.limit(size)), [9, 30, 30]);
    }
}
