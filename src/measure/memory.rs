//! What a job holds on its GPU, and whether it grows from one inference to the next.
//!
//! Each instance of a job has a device of its own, so that what it holds is followed within an instance. Buffer pools fill up
//! in the first inferences and then stay, so that only the later half of an instance's samples counts; what the garbage
//! collector takes comes in steps that go up and down again, so that growth is a slope between all pairs of samples, and a
//! leak is what goes up from each part of that half to the next.
//!
//! Computed from the samples; `record` has the columns and the warning.

use super::Sample;
use super::stats::median;
use crate::protocol::event::SampleKind;

/// Samples of an instance, of all kinds, below which nothing is said of growth: half of them have to say it.
const FEWEST: usize = 8;
/// Pairs grow with the square of the samples; so many, evenly chosen, say the same.
const MOST: usize = 256;
/// Parts of the later half of an instance's samples, each of which has to hold more than the one before.
const PARTS: usize = 4;

/// What a job held.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct MemoryUse {
    /// Bytes after the first inference; `None` where they are not known.
    pub live: Option<u64>,
    /// The most at any moment.
    pub peak: Option<u64>,
    /// Bytes by which it grows in an inference; `None` where that is not known.
    pub growth: Option<f64>,
    /// Whether it grows without end, as far as was seen.
    pub leaks: bool,
    /// Buffers and textures made in an inference of the steady state.
    pub made: Option<f64>,
}

/// Inferences that an instance had had, and the bytes that it held then.
type Point = (f64, f64);

impl MemoryUse {
    /// Of a job with these samples, in the order in which they were taken.
    #[must_use]
    pub fn of(samples: &[Sample]) -> Self {
        let Some(first) = samples.first().and_then(|sample| sample.gpu_memory) else { return Self::default() };
        // What is not known of one sample is not known of all.
        let Some(all) = samples.iter().map(|sample| sample.gpu_memory).collect::<Option<Vec<_>>>() else {
            return Self::default();
        };
        let steady = || samples.iter().zip(&all).filter(|(sample, _)| sample.kind == SampleKind::Steady);
        let inferences: u64 = steady().map(|(_, memory)| memory.inferences).sum();
        let made: u64 = steady().map(|(_, memory)| memory.made).sum();
        let later: Vec<Vec<Point>> = instances(samples).into_iter().filter_map(later_half).collect();
        let slopes: Vec<f64> = later.iter().flat_map(|points| slopes(points)).collect();
        let growth = median(&slopes);
        let rising = later.iter().filter(|points| rises(points)).count();
        Self {
            live: Some(first.bytes),
            peak: all.iter().map(|memory| memory.peak_bytes).max(),
            growth,
            leaks: growth.is_some_and(|growth| growth > 0.0) && 2 * rising > later.len(),
            made: (inferences > 0).then(|| made as f64 / inferences as f64),
        }
    }
}

/// What each instance held, sample by sample.
fn instances(samples: &[Sample]) -> Vec<Vec<Point>> {
    let mut all: Vec<Vec<Point>> = Vec::new();
    for sample in samples {
        let Some(memory) = sample.gpu_memory else { continue };
        if sample.kind == SampleKind::First || all.is_empty() {
            all.push(Vec::new());
        }
        let Some(points) = all.last_mut() else { continue };
        let before = points.last().map_or(0.0, |(inferences, _)| *inferences);
        points.push((before + memory.inferences as f64, memory.bytes as f64));
    }
    all
}

/// The later half of an instance's points; `None` where there are too few.
fn later_half(mut points: Vec<Point>) -> Option<Vec<Point>> {
    (points.len() >= FEWEST).then(|| points.split_off(points.len() / 2))
}

/// The slopes between all pairs of points, whose median is the estimate of Theil and Sen (Sen, Journal of the American
/// Statistical Association 63, 1968): neither a step nor a few odd points move it.
fn slopes(points: &[Point]) -> Vec<f64> {
    let chosen: Vec<Point> = points.iter().step_by(points.len().div_ceil(MOST)).copied().collect();
    let pairs = chosen.iter().enumerate().flat_map(|(at, from)| chosen[at + 1..].iter().map(move |to| (from, to)));
    pairs.filter(|(from, to)| to.0 > from.0).map(|(from, to)| (to.1 - from.1) / (to.0 - from.0)).collect()
}

/// Whether the least that each part holds is more than the least of the part before.
fn rises(points: &[Point]) -> bool {
    let bounds: Vec<usize> = (0..=PARTS).map(|part| part * points.len() / PARTS).collect();
    let least: Vec<f64> = bounds
        .windows(2)
        .map(|part| points[part[0]..part[1]].iter().map(|(_, bytes)| *bytes).fold(f64::INFINITY, f64::min))
        .collect();
    least.windows(2).all(|pair| pair[1] > pair[0])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::memory::GpuMemory;
    use crate::units::Nanos;

    /// Samples of one instance that hold so many bytes, ten inferences and 20 new buffers in each.
    fn held(bytes: impl IntoIterator<Item = u64>) -> Vec<Sample> {
        let mut samples: Vec<Sample> = bytes.into_iter().map(sample).collect();
        samples[0].kind = SampleKind::First;
        samples
    }

    fn sample(bytes: u64) -> Sample {
        Sample {
            round: 0,
            kind: SampleKind::Steady,
            wall: Nanos(1),
            gpu: None,
            at: Nanos(0),
            iterations: 10,
            hidden: false,
            wasm_bytes: None,
            tokens: None,
            gpu_memory: Some(GpuMemory { bytes, peak_bytes: bytes + 5, made: 20, inferences: 10 }),
            time_to_first_result: None,
        }
    }

    #[test]
    fn what_each_inference_keeps_is_a_leak_of_its_size() {
        let memory = MemoryUse::of(&held((0..12).map(|at| 1000 + at * 640)));
        let expected = MemoryUse {
            live: Some(1000),
            peak: Some(1000 + 11 * 640 + 5),
            growth: Some(64.0),
            leaks: true,
            made: Some(2.0),
        };
        assert_eq!(memory, expected);
        // One that keeps something now and then, in each of two instances.
        let rarely = || held((0..40_u64).map(|at| at / 3 * 100));
        let memory = MemoryUse::of(&[rarely(), rarely()].concat());
        assert!(memory.leaks && (memory.growth.unwrap() - 10.0 / 3.0).abs() < 0.4, "{memory:?}");
    }

    #[test]
    fn a_pool_that_fills_up_and_what_is_collected_are_none() {
        let pool = held([100, 300, 500, 600, 600, 700, 700, 700, 700, 700, 700, 700]);
        let late = held([100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 900]);
        let collected = held((0..60).map(|at| 1000 + at % 7 * 100));
        for samples in [pool, late, collected] {
            let memory = MemoryUse::of(&samples);
            assert!(!memory.leaks, "{memory:?}");
            assert!(memory.growth.unwrap().abs() < 1.0, "{memory:?}");
        }
        // Each instance has its own device.
        let instances: Vec<Sample> = (0..4).flat_map(|at| held([at * 100; 8])).collect();
        assert_eq!((MemoryUse::of(&instances).growth, MemoryUse::of(&instances).leaks), (Some(0.0), false));
    }

    #[test]
    fn what_is_not_known_is_not_said() {
        let few = MemoryUse::of(&held((0..7).map(|at| at * 64)));
        assert_eq!((few.growth, few.leaks, few.live), (None, false, Some(0)));
        let mut unknown = held([1; 10]);
        unknown[4].gpu_memory = None;
        assert_eq!(MemoryUse::of(&unknown), MemoryUse::default());
        assert_eq!(MemoryUse::of(&[]), MemoryUse::default());
    }
}
