//! A number as a model's manifest writes it: a whole one is kept as such, since f64 has no room for all that an int64 input
//! may be given.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Visitor};

use crate::arrays::Numbers;

/// A number as written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// Without a point.
    Whole(i64),
    /// With one, or `inf` or `nan`.
    Float(f64),
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberVisitor;
        impl Visitor<'_> for NumberVisitor {
            type Value = Number;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a number")
            }

            fn visit_i64<E>(self, value: i64) -> Result<Number, E> {
                Ok(Number::Whole(value))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Number, E> {
                Ok(Number::Float(value))
            }
        }
        deserializer.deserialize_any(NumberVisitor)
    }
}

/// Several of them: as whole numbers where all are.
#[must_use]
pub fn numbers(written: &[Number]) -> Numbers {
    let whole = written.iter().map(|number| match number {
        Number::Whole(value) => Some(*value),
        Number::Float(_) => None,
    });
    let float = |number: &Number| match number {
        Number::Whole(value) => *value as f64,
        Number::Float(value) => *value,
    };
    whole.collect::<Option<_>>().map_or_else(|| Numbers::Floats(written.iter().map(float).collect()), Numbers::Whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Numbers, String> {
        let table: std::collections::HashMap<String, Vec<Number>> =
            toml::from_str(&format!("values = {text}")).map_err(|error| error.message().to_owned())?;
        Ok(numbers(&table["values"]))
    }

    #[test]
    fn whole_numbers_are_kept_as_they_are_written() {
        let large = [i64::MAX, i64::MIN, (1 << 53) + 1];
        assert_eq!(read(&format!("{large:?}")), Ok(Numbers::Whole(large.to_vec())));
        assert_eq!(read("[1, 2.5, -inf]"), Ok(Numbers::Floats(vec![1.0, 2.5, f64::NEG_INFINITY])));
        assert_eq!(read("[]"), Ok(Numbers::Whole(Vec::new())));
        assert!(read("['1']").unwrap_err().contains("expected a number"));
    }
}
