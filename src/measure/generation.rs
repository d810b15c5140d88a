//! How a text goes on: how long its first token takes, and each after it.
//!
//! Every inference of the steady state is one observation of the time to the first token and of both rates. The steps from token
//! to token of all of them together have a median and a 95th percentile, and no interval: those of one text are no independent
//! observations, since each reads a longer cache than the one before.
//!
//! Computed from what the page says of each sample; `record` has the columns.

use super::Measurement;
use super::stats::{Summary, median, quantile};
use crate::protocol::generation::RawGeneration;
use crate::units::Nanos;

/// The inferences of one steady sample that generated texts, with the round of the sample.
pub(super) type Generations = Vec<(u32, RawGeneration)>;

/// What generating texts cost.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct TokenUse {
    /// Tokens that an inference was given, of all its texts; padding among them.
    pub given: Option<f64>,
    /// Tokens that it made, of all its texts.
    pub made: Option<f64>,
    /// From the call to the first token, in ms.
    pub first_ms: Option<Summary>,
    /// Tokens of the prompts a second, until the first token was there.
    pub prefill_per_s: Option<f64>,
    /// Tokens a second from the first one on; `None` where only one was made.
    pub decode_per_s: Option<Summary>,
    /// From one token to the next, in ms.
    pub step_median_ms: Option<f64>,
    /// The 95th percentile of the same.
    pub step_p95_ms: Option<f64>,
}

/// The same of one sample, for comparisons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenTimes {
    /// From the call to the first token, the mean of the sample's inferences.
    pub first: Nanos,
    /// From a token to the next, the mean of all; `None` where only one was made.
    pub step: Option<Nanos>,
}

impl TokenUse {
    /// Of a measurement; nothing of a job that generates no text.
    #[must_use]
    pub fn of(measurement: &Measurement) -> Self {
        let all = &measurement.generations;
        let values = |figure: fn(&RawGeneration) -> Option<f64>| -> Vec<f64> {
            all.iter().filter_map(|(_, one)| figure(one)).collect()
        };
        let summary = |figure: fn(&RawGeneration) -> Option<f64>| {
            measurement.of_instances(all.iter().filter_map(|(round, one)| Some((*round, figure(one)?))))
        };
        let mut steps: Vec<f64> = all.iter().flat_map(|(_, one)| &one.steps_ms).map(|step| step.millis()).collect();
        steps.sort_by(f64::total_cmp);
        Self {
            given: median(&values(|one| Some(given(one)))),
            made: median(&values(|one| Some(f64::from(one.texts) * (1 + one.steps_ms.len()) as f64))),
            first_ms: summary(|one| Some(one.first_ms.millis())),
            prefill_per_s: median(&values(|one| per_second(given(one), one.first_ms))),
            decode_per_s: summary(|one| {
                let made = f64::from(one.texts) * one.steps_ms.len() as f64;
                per_second(made, Nanos(one.steps_ms.iter().map(|step| step.0).sum()))
            }),
            step_median_ms: quantile(&steps, 0.5),
            step_p95_ms: quantile(&steps, 0.95),
        }
    }
}

impl TokenTimes {
    /// Of a sample's inferences; `None` where they generate no text.
    #[must_use]
    pub fn of(generations: &[RawGeneration]) -> Option<Self> {
        let steps = || generations.iter().flat_map(|one| &one.steps_ms);
        Some(Self { first: mean(generations.iter().map(|one| one.first_ms))?, step: mean(steps().copied()) })
    }
}

fn given(one: &RawGeneration) -> f64 {
    f64::from(one.texts) * f64::from(one.prompt)
}

/// `None` for no tokens, and for a time that the page's clock did not see.
fn per_second(tokens: f64, time: Nanos) -> Option<f64> {
    (tokens > 0.0 && time.0 > 0).then(|| tokens * 1e3 / time.millis())
}

/// The mean of times; `None` of none.
fn mean(times: impl Iterator<Item = Nanos>) -> Option<Nanos> {
    let (count, sum) = times.fold((0_u64, 0_u64), |(count, sum), time| (count + 1, sum.saturating_add(time.0)));
    Some(Nanos(sum.checked_div(count)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generation(first: f64, steps: &[f64]) -> RawGeneration {
        let nanos = Nanos::from_millis_f64;
        let steps_ms = steps.iter().copied().map(nanos).collect();
        RawGeneration { texts: 2, prompt: 10, first_ms: nanos(first), steps_ms }
    }

    fn used(all: Vec<RawGeneration>) -> TokenUse {
        let mut measurement = Measurement::begin(crate::harness::fake::prepared());
        measurement.generations = all.into_iter().map(|one| (0, one)).collect();
        TokenUse::of(&measurement)
    }

    #[test]
    fn rates_are_of_all_texts_and_of_the_time_that_they_took() {
        let used = used(vec![generation(4.0, &[1.0, 3.0]), generation(5.0, &[2.0, 2.0]), generation(8.0, &[2.0, 6.0])]);
        assert_eq!((used.given, used.made), (Some(20.0), Some(6.0)));
        assert_eq!(used.first_ms.map(|times| times.median), Some(5.0));
        assert_eq!(used.prefill_per_s, Some(4000.0), "20 tokens in 5 ms");
        // Two texts, two steps: 4 tokens in 4, 4 and 8 ms.
        assert_eq!(used.decode_per_s.map(|rates| rates.median), Some(1000.0));
        assert_eq!(used.step_median_ms, Some(2.0));
        assert!((used.step_p95_ms.unwrap() - 5.25).abs() < 1e-9, "{used:?}");
    }

    #[test]
    fn a_single_token_has_no_rate_of_decoding_and_no_text_has_no_figures() {
        let one = used(vec![generation(4.0, &[])]);
        assert_eq!((one.made, one.decode_per_s, one.step_median_ms), (Some(2.0), None, None));
        assert!(one.first_ms.is_some() && one.prefill_per_s == Some(5000.0));
        assert_eq!(used(Vec::new()), TokenUse::default());
        // A clock that did not see it says nothing, and not that it took no time.
        let unseen = used(vec![generation(0.0, &[0.0, 0.0])]);
        assert_eq!((unseen.prefill_per_s, unseen.decode_per_s), (None, None));
    }

    #[test]
    fn a_sample_has_the_mean_of_its_inferences() {
        let times = TokenTimes::of(&[generation(4.0, &[1.0, 2.0]), generation(6.0, &[3.0, 6.0])]).unwrap();
        assert_eq!((times.first.millis(), times.step.unwrap().millis()), (5.0, 3.0));
        assert_eq!(TokenTimes::of(&[generation(4.0, &[])]).unwrap().step, None);
        assert_eq!(TokenTimes::of(&[]), None);
    }
}
