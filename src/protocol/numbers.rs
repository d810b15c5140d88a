//! The numbers of a page's words: finite, not negative but where they go both ways, or the message is refused.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::units::Nanos;

pub(super) fn millis<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Nanos, D::Error> {
    nanos(f64::deserialize(deserializer)?)
}

pub(super) fn optional_millis<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Nanos>, D::Error> {
    Option::<f64>::deserialize(deserializer)?.map(nanos).transpose()
}

pub(super) fn all_millis<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Nanos>, D::Error> {
    Vec::<f64>::deserialize(deserializer)?.into_iter().map(nanos).collect()
}

pub(super) fn iterations<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    match u32::deserialize(deserializer)? {
        0 => Err(D::Error::custom("a sample holds at least one inference")),
        iterations => Ok(iterations),
    }
}

pub(super) fn tokens<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    match u32::deserialize(deserializer)? {
        0 => Err(D::Error::custom("a text that was generated has a prompt of at least one token")),
        tokens => Ok(tokens),
    }
}

pub(super) fn figure<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    checked(f64::deserialize(deserializer)?, |number| number >= 0.0, "finite and not negative")
}

pub(super) fn optional_figure<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    let number = Option::<f64>::deserialize(deserializer)?;
    number.map(|number| checked(number, |number| number >= 0.0, "finite and not negative")).transpose()
}

/// The step of a clock.
pub(super) fn step<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    checked(f64::deserialize(deserializer)?, |number| number > 0.0, "finite and above zero")
}

/// A drift, which goes both ways.
pub(super) fn finite<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    Option::<f64>::deserialize(deserializer)?.map(|number| checked(number, |_| true, "finite")).transpose()
}

fn checked<E: serde::de::Error>(number: f64, can_be: fn(f64) -> bool, what: &str) -> Result<f64, E> {
    if number.is_finite() && can_be(number) {
        // A zero has no sign: a cell `-0` would look like a formula.
        Ok(number + 0.0)
    } else {
        Err(E::custom(format!("a figure must be {what}, this one is {number}")))
    }
}

fn nanos<E: serde::de::Error>(millis: f64) -> Result<Nanos, E> {
    if millis.is_finite() && millis >= 0.0 {
        Ok(Nanos::from_millis_f64(millis + 0.0))
    } else {
        Err(E::custom(format!("a time must be finite and not negative, this one is {millis} ms")))
    }
}

#[cfg(test)]
mod tests {
    use crate::protocol::event::read;

    #[test]
    fn a_time_that_is_no_time_is_refused() {
        let sample = |wall: &str| {
            format!(
                r#"{{"kind":"sample","sample":{{"kind":"steady","wallMs":{wall},"gpuMs":null,"atMs":1,"iterations":1,"hidden":false}}}}"#
            )
        };
        assert!(read(&sample("1.5")).is_ok());
        for wall in ["-1", "1e400", "null", "\"1\""] {
            assert!(read(&sample(wall)).is_err(), "{wall} was taken for a time");
        }
    }

    #[test]
    fn a_figure_below_zero_is_refused() {
        let profiled = |dispatches: &str| {
            read(&format!(
                r#"{{"kind":"profiled","kernels":[{{"name":"a","op":"","dispatches":{dispatches},"gpuMs":1}}]}}"#
            ))
        };
        let probed = |most: &str| read(&format!(r#"{{"kind":"probed","adapter":null,"largestBuffer":{most}}}"#));
        assert!(profiled("1.5").is_ok() && probed("1e9").is_ok() && probed("null").is_ok());
        assert!(profiled("-1").is_err() && probed("-1").is_err());
        let sample = r#"{"kind":"first","wallMs":1,"gpuMs":null,"atMs":1,"iterations":1,"hidden":false}"#;
        let phases =
            r#"{"deviceReadyMs":1,"modelLoadMs":1,"shaderCompileMs":1,"firstInferenceMs":1,"timeToFirstResultMs":1}"#;
        let ran = r#"{"runtime":"","threads":null,"dispatches":1,"context":"","nodes":null,"onCpu":[]}"#;
        let prepared = |drift: &str, empty: &str| {
            let clocks = format!(
                r#"{{"clockStepUs":5,"timestampStepNs":1,"timestampDriftPercent":{drift},"emptySubmitMs":{empty},"emptySubmitRawMs":1}}"#
            );
            read(&format!(
                r#"{{"kind":"prepared","adapter":null,"ran":{ran},"phases":{phases},"parts":[],"first":{sample},"clocks":{clocks}}}"#
            ))
        };
        assert!(prepared("-3", "0.5").is_ok());
        assert!(prepared("-3", "-0.5").is_err());
    }
}
