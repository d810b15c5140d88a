//! The hardware is what a machine can do at most, as the manifest's author says: rows show their share of it.
//!
//! Read from `[hardware]`; used by `record` and `report`.

use std::borrow::Cow;
use std::fmt;

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::axes::DTYPES;
use super::values::At;

/// What the machine can do at most.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Hardware {
    /// What it is called; empty where the manifest does not say.
    pub name: String,
    /// Billions of floating-point operations a second.
    pub peak_gflops: Peak,
    /// Billions of bytes a second to and from memory.
    pub peak_gbytes_per_s: Peak,
}

/// A limit, for all dtypes or for some.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Peak {
    /// Of every dtype that is not named.
    pub any: Option<f64>,
    /// By dtype.
    pub by_dtype: IndexMap<String, f64>,
}

impl Peak {
    /// The limit of a dtype; `None` where the manifest gives none.
    #[must_use]
    pub fn of(&self, dtype: &str) -> Option<f64> {
        self.by_dtype.get(dtype).copied().or(self.any)
    }

    /// Whether there is any.
    #[must_use]
    pub fn is_given(&self) -> bool {
        self.any.is_some() || !self.by_dtype.is_empty()
    }
}

/// What the hardware can do at most; rows then say what share of it a job reached.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HardwareFile {
    /// What it is called.
    pub name: Option<String>,
    /// Billions of floating-point operations a second: a number, or one a dtype, as { fp32 = 51400, fp16 = 700000 }.
    pub peak_gflops: Option<At<PeakFile>>,
    /// Billions of bytes a second to and from memory: a number, or one a dtype.
    pub peak_gbytes_per_s: Option<At<PeakFile>>,
}

/// A limit as written: a number, or one a dtype.
#[derive(Debug, Clone, PartialEq)]
pub enum PeakFile {
    /// For all dtypes.
    All(f64),
    /// By dtype.
    ByDtype(IndexMap<At<String>, At<f64>>),
}

impl<'de> Deserialize<'de> for PeakFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PeakVisitor)
    }
}

struct PeakVisitor;

impl<'de> Visitor<'de> for PeakVisitor {
    type Value = PeakFile;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, or one a dtype, as { fp32 = 51400, fp16 = 700000 }")
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<PeakFile, E> {
        Ok(PeakFile::All(value as f64))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<PeakFile, E> {
        Ok(PeakFile::All(value))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<PeakFile, A::Error> {
        IndexMap::deserialize(MapAccessDeserializer::new(map)).map(PeakFile::ByDtype)
    }
}

impl JsonSchema for PeakFile {
    fn schema_name() -> Cow<'static, str> {
        "Peak".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let number = json_schema!({ "type": "number", "exclusiveMinimum": 0 });
        let names = json_schema!({ "enum": DTYPES });
        json_schema!({ "anyOf": [number, { "type": "object", "propertyNames": names, "additionalProperties": number }] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dtype_has_its_own_limit_or_that_of_all() {
        let peak = Peak { any: Some(10.0), by_dtype: [("fp16".to_owned(), 20.0)].into_iter().collect() };
        assert_eq!((peak.of("fp16"), peak.of("fp32")), (Some(20.0), Some(10.0)));
        assert!(peak.is_given() && !Peak::default().is_given());
        assert_eq!(Peak { any: None, ..peak }.of("fp32"), None);
    }
}
