//! `[matrix]` as it is written: a key for each axis of the table of [`axes`](super::axes), `exclude` and `include`.

use std::borrow::Cow;
use std::fmt;

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::axes::{AXES, Kind, TUNED};
use super::values::{At, Value, one_or_many};

/// The axes of the product, and what is taken out of it or added to it.
#[derive(Debug, Default)]
pub struct MatrixFile {
    /// The axes, in the order of the file.
    pub axes: Vec<(&'static str, At<Value>)>,
    /// Drops the jobs of the product that match all keys of an entry.
    pub exclude: Vec<At<Entry>>,
    /// Adds jobs outside the product.
    pub include: Vec<At<Entry>>,
}

/// One `[[matrix.exclude]]` or `[[matrix.include]]`: an axis and a value a line.
pub type Entry = IndexMap<At<String>, At<Value>>;

const EXCLUDE: &str = "exclude";
const INCLUDE: &str = "include";

/// The keys of the table.
static KEYS: [&str; AXES.len() + 2] = {
    let mut keys = [EXCLUDE; AXES.len() + 2];
    let mut place = 0;
    while place < AXES.len() {
        keys[place] = AXES[place].name;
        place += 1;
    }
    keys[place + 1] = INCLUDE;
    keys
};

impl<'de> Deserialize<'de> for MatrixFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MatrixVisitor)
    }
}

struct MatrixVisitor;

impl<'de> Visitor<'de> for MatrixVisitor {
    type Value = MatrixFile;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<MatrixFile, A::Error> {
        let mut file = MatrixFile::default();
        while let Some(Key(key)) = map.next_key()? {
            match key {
                EXCLUDE => file.exclude = map.next_value()?,
                INCLUDE => file.include = map.next_value()?,
                axis => file.axes.push((axis, map.next_value()?)),
            }
        }
        Ok(file)
    }
}

/// One of [`KEYS`]; another one is an error at its own place.
struct Key(&'static str);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let found = Cow::<'_, str>::deserialize(deserializer)?;
        let known = KEYS.into_iter().find(|known| *known == found);
        known.map(Self).ok_or_else(|| D::Error::unknown_field(&found, &KEYS))
    }
}

impl JsonSchema for MatrixFile {
    fn schema_name() -> Cow<'static, str> {
        "MatrixFile".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let mut properties = serde_json::Map::new();
        let mut add = |name: &str, mut schema: Schema, doc: &str| {
            schema.insert("description".to_owned(), doc.into());
            properties.insert(name.to_owned(), schema.into());
        };
        for axis in AXES {
            add(axis.name, one_or_many(&value(axis.kind)), axis.doc);
        }
        add(EXCLUDE, entries(), "Drops the jobs of the product that match all keys of an entry.");
        add(
            INCLUDE,
            entries(),
            "Adds jobs outside the product; an axis that is not named has its default, a custom one its first value.",
        );
        json_schema!({
            "description": "The axes of the product, and what is taken out of it or added to it.",
            "type": "object",
            "additionalProperties": false,
            "properties": properties,
        })
    }
}

/// One value of an axis.
fn value(kind: Kind) -> Schema {
    match kind {
        Kind::Name | Kind::Table => json_schema!({ "type": "string" }),
        Kind::Word(words) => json_schema!({ "enum": words }),
        Kind::Count => json_schema!({ "type": "integer", "minimum": 1 }),
        Kind::Switch => json_schema!({ "type": "boolean" }),
        Kind::Shape => json_schema!({ "anyOf": [shape(), { "const": TUNED }] }),
        Kind::Custom => json_schema!({ "type": ["boolean", "number", "string"] }),
    }
}

fn shape() -> Schema {
    let extent = json_schema!({ "type": "integer", "minimum": 1, "maximum": 65_535 });
    json_schema!({ "type": "array", "minItems": 3, "maxItems": 3, "items": extent })
}

fn entries() -> Schema {
    let value = json_schema!({ "anyOf": [value(Kind::Custom), shape()] });
    json_schema!({ "type": "array", "items": { "type": "object", "minProperties": 1, "additionalProperties": value } })
}
