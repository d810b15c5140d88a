//! The numbers of a page's words: finite, not negative, or the message is refused.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::units::Nanos;

pub(super) fn millis<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Nanos, D::Error> {
    nanos(f64::deserialize(deserializer)?)
}

pub(super) fn optional_millis<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Nanos>, D::Error> {
    Option::<f64>::deserialize(deserializer)?.map(nanos).transpose()
}

pub(super) fn iterations<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    match u32::deserialize(deserializer)? {
        0 => Err(D::Error::custom("a sample holds at least one inference")),
        iterations => Ok(iterations),
    }
}

fn nanos<E: serde::de::Error>(millis: f64) -> Result<Nanos, E> {
    if millis.is_finite() && millis >= 0.0 {
        Ok(Nanos::from_millis_f64(millis))
    } else {
        Err(E::custom(format!("a time must be finite and not negative, this one is {millis} ms")))
    }
}
