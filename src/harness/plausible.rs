//! What a page says that it measured is held to what it was asked and to the runner's own clock: a page is not trusted.
//!
//! Used by `live` on each answer.

use std::time::{Duration, Instant};

use crate::protocol::command::Ask;
use crate::protocol::event::{RawSample, SampleKind};
use crate::protocol::generation::RawGeneration;
use crate::units::Nanos;

/// What the steps of two clocks may make of a span: a browser that resists fingerprinting rounds to 100 ms.
const SLACK: Duration = Duration::from_millis(250);

/// A step of a job that a page was told to do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step(Instant);

impl Step {
    /// One that begins now.
    pub(super) fn begin() -> Self {
        Self(Instant::now())
    }

    /// Whether the samples are those that were asked for, and took no longer than the step. The error says which is not so.
    pub(super) fn samples(self, asks: &[Ask], taken: &[RawSample]) -> Result<(), String> {
        let wanted = asks.iter().flat_map(|ask| std::iter::repeat_n(ask, ask.count as usize));
        let count = asks.iter().map(|ask| ask.count as usize).sum::<usize>();
        if taken.len() != count {
            return Err(format!("the page took {} samples, and was asked for {count}", taken.len()));
        }
        for (ask, sample) in wanted.zip(taken) {
            if (sample.kind, sample.iterations) != (ask.kind, ask.iterations) {
                return Err(format!(
                    "the page took a sample ({}) of {} inferences, and was asked for one ({}) of {}",
                    sample.kind, sample.iterations, ask.kind, ask.iterations
                ));
            }
        }
        self.times(taken)
    }

    /// Whether samples took some time, and together no longer than the step.
    pub(super) fn times(self, taken: &[RawSample]) -> Result<(), String> {
        let counts = |kind| !matches!(kind, SampleKind::First | SampleKind::Warmup);
        if let Some(sample) = taken.iter().find(|sample| counts(sample.kind) && sample.wall_ms.0 == 0) {
            return Err(format!(
                "a sample of {} inferences took no time by the page's clock: raise `iterations` under [measure], or leave \
                 it out",
                sample.iterations
            ));
        }
        if let Some(sample) = taken.iter().find(|sample| !agrees_with_its_tokens(sample)) {
            let count = sample.generations.len();
            return Err(format!(
                "a sample of {} inferences says when the tokens of {count} were there, or times beyond its own",
                sample.iterations
            ));
        }
        let all = taken.iter().map(|sample| u128::from(sample.wall_ms.0) * u128::from(sample.iterations)).sum();
        self.holds("samples", all)
    }

    /// Whether a span lies within the step.
    pub(super) fn span(self, what: &str, span: Nanos) -> Result<(), String> {
        self.holds(what, u128::from(span.0))
    }

    fn holds(self, what: &str, nanos: u128) -> Result<(), String> {
        let elapsed = self.0.elapsed() + SLACK;
        if nanos <= elapsed.as_nanos() {
            return Ok(());
        }
        let claimed = nanos as f64 / 1e9;
        Err(format!(
            "the page says that {what} took {claimed:.3} s, and the step had begun {:.3} s ago",
            elapsed.as_secs_f64()
        ))
    }
}

/// Whether the tokens of a sample, where it tells of any, were there in its own time.
fn agrees_with_its_tokens(sample: &RawSample) -> bool {
    let told = sample.generations.iter().map(RawGeneration::total).sum::<u128>();
    let lasted = u128::from(sample.wall_ms.0) * u128::from(sample.iterations);
    sample.generations.is_empty()
        || (sample.generations.len() == sample.iterations as usize && told <= lasted + SLACK.as_nanos())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(kind: SampleKind, wall: u64, iterations: u32) -> RawSample {
        RawSample {
            kind,
            wall_ms: Nanos(wall),
            gpu_ms: None,
            at_ms: Nanos(1),
            iterations,
            hidden: false,
            gpu_memory: None,
            wasm_bytes: None,
            generations: Vec::new(),
        }
    }

    #[test]
    fn samples_are_those_that_were_asked_for_and_fit_into_the_time() {
        let ask = |kind, count, iterations| Ask { kind, count, iterations };
        let asks = [ask(SampleKind::Warmup, 1, 1), ask(SampleKind::Steady, 2, 8)];
        let good = [
            sample(SampleKind::Warmup, 0, 1),
            sample(SampleKind::Steady, 1000, 8),
            sample(SampleKind::Steady, 1_000_000, 8),
        ];
        let said = |taken: &[RawSample]| Step::begin().samples(&asks, taken).unwrap_err();
        assert_eq!(Step::begin().samples(&asks, &good), Ok(()));
        assert!(said(&good[..2]).contains("took 2 samples, and was asked for 3"));
        let mut other = good.clone();
        other[1].iterations = 9;
        assert!(said(&other).contains("a sample (steady) of 9 inferences, and was asked for one (steady) of 8"));
        other = good.clone();
        other[2].wall_ms = Nanos(0);
        assert!(said(&other).contains("took no time by the page's clock"));
        other[2].wall_ms = Nanos(u64::MAX);
        assert!(said(&other).contains("the step had begun 0.25"), "{}", said(&other));
        let generation = |first, steps: &[u64]| RawGeneration {
            texts: 1,
            prompt: 4,
            first_ms: Nanos(first),
            steps_ms: steps.iter().copied().map(Nanos).collect(),
        };
        let mut told = sample(SampleKind::Steady, 1_000_000, 2);
        told.generations = vec![generation(400_000, &[300_000, 300_000]), generation(1_000_000, &[])];
        assert_eq!(Step::begin().times(&[told.clone()]), Ok(()));
        told.generations[1].steps_ms.push(Nanos(600_000_000));
        assert!(Step::begin().times(&[told.clone()]).unwrap_err().contains("times beyond its own"));
        told.generations.truncate(1);
        assert!(
            Step::begin().times(&[told]).unwrap_err().contains("2 inferences says when the tokens of 1 were there")
        );
    }
}
