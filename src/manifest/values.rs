//! Values that TOML has no type for: `"60s"`, `"2%"`, `"20MB/s"`, a number of samples or a range, a value or a list.
//!
//! Made by serde while a manifest is read, so that each error carries its span; used by `schema` and `check`.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};
use toml::Spanned;

/// A value and the bytes of the file where it stands; to the JSON Schema it is the value.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(transparent)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
pub struct At<T>(Spanned<T>);

impl<T> At<T> {
    /// A value at a place.
    pub fn new(value: T, span: Range<usize>) -> Self {
        Self(Spanned::new(span, value))
    }

    /// Where it stands.
    pub fn span(&self) -> Range<usize> {
        self.0.span()
    }

    /// What stands there.
    pub fn get(&self) -> &T {
        self.0.get_ref()
    }
}

impl<T: JsonSchema> JsonSchema for At<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// Any value that an axis can take, or a list of them; `check` knows which axis takes which.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// A text.
    Text(String),
    /// A list, which is a workgroup shape or several values.
    List(Vec<At<Value>>),
}

impl fmt::Display for Value {
    /// As it is written in TOML, for messages.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Float(value) => write!(f, "{value:?}"),
            Self::Text(value) => write!(f, "{value:?}"),
            Self::List(values) => {
                let values: Vec<String> = values.iter().map(|value| value.get().to_string()).collect();
                write!(f, "[{}]", values.join(", "))
            }
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, a text, true, false, or a list of them")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Int(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = values.next_element()? {
            list.push(value);
        }
        Ok(Value::List(list))
    }
}

/// A text with a unit: how it is read and what to say when it can't be.
pub trait Quantity: Sized {
    /// What is expected, for messages.
    const EXPECTED: &'static str;
    /// A regular expression for editors.
    const PATTERN: &'static str;
    /// Reads the text; `None` when it is not one.
    fn parse(text: &str) -> Option<Self>;
}

/// A quantity as written in a manifest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Written<Q>(pub Q);

impl<'de, Q: Quantity> Deserialize<'de> for Written<Q> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(QuantityVisitor(PhantomData)).map(Self)
    }
}

struct QuantityVisitor<Q>(PhantomData<Q>);

impl<Q: Quantity> Visitor<'_> for QuantityVisitor<Q> {
    type Value = Q;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Q::EXPECTED)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Q, E> {
        Q::parse(text).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &Q::EXPECTED))
    }
}

impl<Q: Quantity> JsonSchema for Written<Q> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        Q::EXPECTED.into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": Q::PATTERN })
    }
}

impl Quantity for Duration {
    const EXPECTED: &'static str = "a duration with its unit, such as \"60s\", \"500ms\" or \"2min\"";
    const PATTERN: &'static str = "^\\s*\\d+\\s*[a-zµ]+(\\s*\\d+\\s*[a-zµ]+)*\\s*$";

    fn parse(text: &str) -> Option<Self> {
        // `humantime` takes a lone 0; a figure without a unit is what this type is there to refuse.
        humantime::parse_duration(text).ok().filter(|_| text.contains(char::is_alphabetic))
    }
}

/// A part of a whole, from `"2%"`: 0.02.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share(pub f64);

impl Quantity for Share {
    const EXPECTED: &'static str = "a share with its sign, such as \"2%\" or \"0.5%\"";
    const PATTERN: &'static str = "^\\d+(\\.\\d+)?\\s*%$";

    fn parse(text: &str) -> Option<Self> {
        let percent: f64 = text.strip_suffix('%')?.trim_end().parse().ok()?;
        percent.is_finite().then_some(Self(percent / 100.0))
    }
}

/// Bytes a second, from `"20MB/s"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bandwidth(pub u64);

impl Quantity for Bandwidth {
    const EXPECTED: &'static str = "bytes a second with their unit, such as \"20MB/s\" or \"512KiB/s\"";
    const PATTERN: &'static str = "^\\d+(\\.\\d+)?\\s*([kKMG]i?)?B/s$";

    fn parse(text: &str) -> Option<Self> {
        parse_bytes(text.strip_suffix("/s")?).map(Self)
    }
}

/// Bytes from `"64MiB"` or `"20MB"`: binary units with an `i`, decimal ones without.
fn parse_bytes(text: &str) -> Option<u64> {
    let unit = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at(unit);
    let scale = match unit.trim_start() {
        "B" => 1.0,
        "kB" | "KB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        "KiB" | "kiB" => 1024.0,
        "MiB" => 1_048_576.0,
        "GiB" => 1_073_741_824.0,
        _ => return None,
    };
    let bytes = number.parse::<f64>().ok()? * scale;
    if !(0.0..1e18).contains(&bytes) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the range tested above")]
    let whole = bytes.round() as u64;
    Some(whole)
}

/// A table: serde would also take a list for a struct, value by value.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Table<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Table<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(TableVisitor(PhantomData)).map(Self)
    }
}

struct TableVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for TableVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map))
    }
}

impl<T: JsonSchema> JsonSchema for Table<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// `samples` as written: a plain number, or when to stop.
#[derive(Debug, Clone, PartialEq)]
pub enum SamplesFile {
    /// Exactly this many.
    Exactly(i64),
    /// From `min` to `max`, fewer when `precision` is reached.
    Range(SamplesRange),
}

/// When to stop taking samples.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SamplesRange {
    /// At least this many; default 10.
    pub min: Option<At<u32>>,
    /// At most this many; default 100.
    pub max: Option<At<u32>>,
    /// Stop between `min` and `max` once the 95 % interval of the median is within this share of it; default "2%".
    pub precision: Option<At<Written<Share>>>,
}

impl<'de> Deserialize<'de> for SamplesFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SamplesVisitor)
    }
}

struct SamplesVisitor;

impl<'de> Visitor<'de> for SamplesVisitor {
    type Value = SamplesFile;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number, or { min = 10, max = 100, precision = \"2%\" }")
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<SamplesFile, E> {
        Ok(SamplesFile::Exactly(value))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<SamplesFile, A::Error> {
        SamplesRange::deserialize(MapAccessDeserializer::new(map)).map(SamplesFile::Range)
    }
}

impl JsonSchema for SamplesFile {
    fn schema_name() -> Cow<'static, str> {
        "Samples".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let range = generator.subschema_for::<SamplesRange>();
        json_schema!({ "anyOf": [{ "type": "integer", "minimum": 1 }, range] })
    }
}

/// One value or a list of distinct ones.
pub(super) fn one_or_many(item: &Schema) -> Schema {
    json_schema!({ "anyOf": [item, { "type": "array", "minItems": 1, "uniqueItems": true, "items": item }] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_need_their_unit() {
        assert_eq!(Duration::parse("1min 30s"), Some(Duration::from_secs(90)));
        assert_eq!(Duration::parse("0"), None);
        assert_eq!(Duration::parse("60"), None);
        assert_eq!(Share::parse("2%"), Some(Share(0.02)));
        assert_eq!(Share::parse("0.02"), None);
        assert_eq!(Bandwidth::parse("20MB/s"), Some(Bandwidth(20_000_000)));
        assert_eq!(Bandwidth::parse("1.5 KiB/s"), Some(Bandwidth(1536)));
        assert_eq!(Bandwidth::parse("20MB"), None);
        assert_eq!(Bandwidth::parse("20/s"), None);
    }
}
