//! Warnings are what a reader of a row has to know to trust its figures as far as they go; the README names the remedies.

use crate::measure::{Measurement, Summary, clock, modes};
use crate::protocol::event::AdapterKind;
use crate::run::Circumstances;
use crate::units::significant;

/// How much slower the end may be than the beginning before the row says so.
const DROOP: f64 = 1.05;
/// Processors that others may keep busy before the row says so.
const OTHERS: f64 = 0.25;

/// All that there are, in a fixed order.
pub(super) fn of(circumstances: &Circumstances, measurement: &Measurement, precision: Option<f64>) -> Vec<String> {
    let mut warnings = of_clocks(measurement);
    warnings.extend(of_the_model(measurement));
    warnings.extend(of_the_machine(circumstances, measurement));
    warnings.extend(of_the_times(measurement, precision));
    if circumstances.cut_short {
        let taken = measurement.wall_ms().len();
        warnings.push(format!("`timeout` ended the sampling after {taken} samples: raise it, or lower `samples`"));
    }
    if circumstances.uneven {
        warnings.push("samples of this group's jobs hold different numbers of inferences".to_owned());
    }
    warnings
}

/// What computed, and by which clock.
fn of_clocks(measurement: &Measurement) -> Vec<String> {
    let mut warnings = Vec::new();
    match measurement.adapter.as_ref().map(|adapter| adapter.kind) {
        Some(AdapterKind::Software) => warnings.push("software adapter: times are those of a CPU".to_owned()),
        Some(AdapterKind::Unknown) => warnings
            .push("the browser does not say whether its adapter is a GPU: times may be those of a CPU".to_owned()),
        Some(AdapterKind::Hardware) | None => {}
    }
    match clock::demotion(measurement) {
        Some(demotion) => warnings.push(demotion),
        None if measurement.adapter.is_some() && measurement.gpu_ms().is_empty() => {
            warnings.push("no GPU timestamps: wall time only".to_owned());
        }
        None => {}
    }
    warnings.extend(clock::coarseness(measurement));
    warnings
}

/// What is not known of the model's output and work.
fn of_the_model(measurement: &Measurement) -> Vec<String> {
    let mut warnings = Vec::new();
    if measurement.check.verdict.verified.is_none() {
        let why = &measurement.check.unverified;
        let why = if why.is_empty() { "nothing to compare it with" } else { why };
        warnings.push(format!("output not verified: {why}"));
    }
    let spread = measurement.check.spread;
    if spread > 0.0 {
        warnings.push(format!(
            "outputs differ from one inference to the next, by up to {spread:.1e} of the largest element"
        ));
    }
    match (measurement.check.verdict.not_finite, measurement.check.verdict.verified) {
        (0, _) => {}
        (count, Some(_)) => {
            warnings.push(format!("{count} elements of the output are NaN or infinite, as the reference's are"));
        }
        (count, None) => warnings.push(format!("{count} elements of the output are NaN or infinite")),
    }
    let work = measurement.ran.work_on_cpu();
    if !work.is_empty() {
        warnings.push(format!("part of the model ran on the CPU: {work}"));
    }
    if let Err(reason) = &measurement.kernels {
        warnings.push(format!("no profile: {reason}"));
    }
    warnings
}

/// What disturbed the samples.
fn of_the_machine(circumstances: &Circumstances, measurement: &Measurement) -> Vec<String> {
    let mut warnings = Vec::new();
    if measurement.samples.iter().any(|sample| sample.hidden) {
        warnings.push("the page was hidden for some samples".to_owned());
    }
    if let Some(others) = circumstances.others.filter(|others| *others > OTHERS) {
        warnings.push(format!("background load: other programs kept {others:.1} processors busy"));
    }
    if measurement.settled == Some(false) {
        warnings.push(format!("not steady after {} warm-ups", measurement.warmups()));
    }
    if let Some(trend) = circumstances.drift.and_then(|drift| drift.trend).filter(|trend| *trend > DROOP) {
        let percent = (trend - 1.0) * 100.0;
        warnings.push(format!("the last samples took {percent:.0} % longer than the first: clock droop, heat or load"));
    }
    if let Some(drift) = circumstances.drift.filter(|drift| drift.slow > 0) {
        let (slow, moments, worst) = (drift.slow, drift.moments, significant(drift.worst, 2));
        warnings.push(format!("{slow} of {moments} samples were slow, up to {worst} times the median"));
    }
    warnings
}

/// How the times scatter.
fn of_the_times(measurement: &Measurement, precision: Option<f64>) -> Vec<String> {
    let mut warnings = Vec::new();
    let times = measurement.deciding_ms();
    if let Some(modes) = modes::two(&times) {
        warnings.push(format!(
            "two modes: {} ms and {} ms, {:.0} % of the samples in the second",
            significant(modes.low, 3),
            significant(modes.high, 3),
            modes.share_high * 100.0
        ));
    }
    let width = Summary::of(&times).and_then(|summary| summary.relative_half_width());
    if let (Some(width), Some(goal)) = (width, precision)
        && width > goal
    {
        warnings.push(format!("precision not reached: ±{:.1} % of ±{:.1} %", width * 100.0, goal * 100.0));
    }
    warnings
}
