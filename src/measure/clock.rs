//! Whether a GPU clock can be trusted. One that can't is demoted: the row keeps wall time only, and says why.

use super::Measurement;
use crate::units::significant;

/// A step of the clock may be at most this share of a sample.
const COARSEST: f64 = 0.05;
/// Samples shorter than this say nothing about the two clocks' agreement: what a submission costs drowns it. In ms.
const LONG_MS: f64 = 20.0;
/// Wall time holds what the CPU does as well, up to twelve times the GPU's for tiny kernels on a fast GPU. Safari's
/// clock has been seen to report 1 ms for 70.
const LEAST_SHARE: f64 = 1.0 / 30.0;
/// The GPU can't take longer than the wall clock that encloses it, but for the clocks' drift.
const MOST_SHARE: f64 = 1.05;
/// Two clocks that run at rates this much apart, in percent, are not both right: the difference itself is known to about
/// one, and honest clocks are parts per million apart.
const MOST_DRIFT_PERCENT: f64 = 5.0;

/// Why the GPU times of a measurement are not to be used; `None` where they are fine, or where there are none to judge.
#[must_use]
pub fn demotion(measurement: &Measurement) -> Option<String> {
    let clocks = &measurement.clocks;
    let step_ms = clocks.timestamp_step_ns.map(|step| step / 1e6);
    let mut stamped = false;
    let (mut wall_ms, mut gpu_ms, mut shortest_ms) = (0.0, 0.0, f64::INFINITY);
    for sample in measurement.steady() {
        let iterations = f64::from(sample.iterations);
        // A time of zero is none: nothing that ran took no time.
        let Some(gpu) = sample.gpu.filter(|gpu| gpu.0 > 0) else {
            if step_ms.is_some() || stamped || sample.gpu.is_some() {
                return Some("GPU timestamps that do not advance: wall time only".to_owned());
            }
            continue;
        };
        stamped = true;
        shortest_ms = f64::min(shortest_ms, gpu.millis() * iterations);
        wall_ms += sample.wall.millis() * iterations;
        gpu_ms += gpu.millis() * iterations;
    }
    if !stamped {
        return None;
    }
    if let Some(step) = step_ms.filter(|step| *step > COARSEST * shortest_ms) {
        return Some(format!(
            "GPU timestamps step by {} ms, a sample takes {} ms: wall time only",
            significant(step, 3),
            significant(shortest_ms, 3)
        ));
    }
    if let Some(drift) = clocks.timestamp_drift_percent.filter(|drift| drift.abs() > MOST_DRIFT_PERCENT) {
        let (drift, way) = (significant(drift.abs(), 2), if drift > 0.0 { "faster" } else { "slower" });
        return Some(format!("GPU timestamps advance {drift} % {way} than the wall clock: wall time only"));
    }
    let share = gpu_ms / wall_ms;
    let count = measurement.steady().count() as f64;
    let long = wall_ms / count >= LONG_MS;
    (share > MOST_SHARE || (long && share < LEAST_SHARE)).then(|| {
        format!(
            "GPU timestamps say {} ms where the wall clock says {} ms: wall time only",
            significant(gpu_ms / count, 3),
            significant(wall_ms / count, 3)
        )
    })
}

/// Why the wall times of a measurement are rough; `None` where they are fine.
#[must_use]
pub fn coarseness(measurement: &Measurement) -> Option<String> {
    let step_ms = measurement.clocks.clock_step_us / 1e3;
    let lasted = measurement.steady().map(|sample| sample.wall.millis() * f64::from(sample.iterations));
    let shortest_ms = lasted.fold(f64::INFINITY, f64::min);
    (step_ms > COARSEST * shortest_ms).then(|| {
        format!(
            "the wall clock steps by {} ms, a sample takes {} ms",
            significant(step_ms, 3),
            significant(shortest_ms, 3)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::Sample;
    use super::*;
    use crate::harness::fake::prepared;
    use crate::protocol::event::SampleKind;
    use crate::units::Nanos;

    /// Ten samples of several inferences that take this long in all, by each clock, in ms.
    fn measured(wall: f64, gpu: Option<f64>, iterations: u32, step_ns: f64) -> Option<String> {
        drifting(wall, gpu, iterations, step_ns, 0.2)
    }

    fn drifting(wall: f64, gpu: Option<f64>, iterations: u32, step_ns: f64, drift_percent: f64) -> Option<String> {
        let mut prepared = prepared();
        prepared.clocks.timestamp_step_ns = Some(step_ns);
        prepared.clocks.timestamp_drift_percent = Some(drift_percent);
        let mut measurement = Measurement::begin(prepared);
        let one = |ms: f64| Nanos::from_millis_f64(ms / f64::from(iterations));
        let sample = Sample {
            round: 0,
            kind: SampleKind::Steady,
            wall: one(wall),
            gpu: gpu.map(one),
            at: Nanos(0),
            iterations,
            hidden: false,
            gpu_memory: None,
            wasm_bytes: None,
            tokens: None,
            time_to_first_result: None,
        };
        measurement.samples.extend([sample; 10]);
        let demotion = demotion(&measurement);
        assert_eq!(measurement.gpu_ms().is_empty(), demotion.is_some() || gpu.is_none());
        assert_eq!(measurement.wall_ms().len(), 10);
        demotion
    }

    #[test]
    fn clocks_that_agree_are_believed() {
        assert_eq!(measured(25.0, Some(20.0), 4, 1.0), None);
        // A tiny kernel of 2 µs on a fast GPU: 26 µs of wall time each.
        assert_eq!(measured(13.0, Some(1.0), 500, 32.0), None);
    }

    #[test]
    fn clocks_that_lie_are_demoted() {
        let said = |demotion: Option<String>| demotion.unwrap_or_default();
        assert!(said(measured(70.0, Some(1.0), 1, 1.0)).contains("1.00 ms where the wall clock says 70.0 ms"));
        assert!(said(measured(10.0, Some(15.0), 1, 1.0)).contains("where the wall clock says"));
        assert!(said(measured(10.0, None, 1, 1.0)).contains("do not advance"));
        assert!(said(measured(0.2, Some(0.0), 1, 1.0)).contains("do not advance"));
        assert!(said(measured(1.2, Some(1.0), 1, 65_536.0)).contains("step by 0.0655 ms"));
        let drifted = |percent: f64| said(drifting(10.0, Some(9.0), 1, 1.0, percent));
        assert!(drifted(-98.6).contains("advance 99 % slower"), "{}", drifted(-98.6));
        assert!(drifted(20.0).contains("advance 20 % faster"));
    }
}
