//! Warnings are what a reader of a row has to know to trust its figures as far as they go. `warning` holds what each says and
//! what helps; here it is found out which a job has.

mod warning;

use crate::measure::memory::MemoryUse;
use crate::measure::{Measurement, Summary, clock, modes};
use crate::protocol::adapter::AdapterKind;
use crate::protocol::session::Effect;
use crate::run::Circumstances;
use crate::units::significant;
use warning::Warning;

/// How much slower the end may be than the beginning before the row says so.
const DROOP: f64 = 1.05;
/// Processors that others may keep busy before the row says so.
const OTHERS: f64 = 0.25;

/// Each warning as it reads, and what helps: for the reference.
#[must_use]
pub fn reference() -> Vec<(String, &'static str)> {
    warning::all()
}

/// All that there are, in a fixed order.
pub(super) fn of(circumstances: &Circumstances, measurement: &Measurement, precision: Option<f64>) -> Vec<String> {
    of_all(circumstances, measurement, precision).iter().map(ToString::to_string).collect()
}

fn of_all(circumstances: &Circumstances, measurement: &Measurement, precision: Option<f64>) -> Vec<Warning> {
    let mut warnings = of_clocks(measurement);
    warnings.extend(of_the_model(measurement));
    warnings.extend(of_the_machine(circumstances, measurement));
    warnings.extend(of_the_times(measurement, precision));
    if circumstances.cut_short {
        warnings.push(Warning::CutShort(measurement.wall_ms().len().to_string()));
    }
    if circumstances.uneven {
        warnings.push(Warning::Uneven);
    }
    warnings
}

/// What computed, and by which clock.
fn of_clocks(measurement: &Measurement) -> Vec<Warning> {
    let mut warnings = Vec::new();
    match measurement.adapter.as_ref().map(|adapter| adapter.kind) {
        Some(AdapterKind::Software) => warnings.push(Warning::SoftwareAdapter),
        Some(AdapterKind::Unknown) => warnings.push(Warning::UnknownAdapter),
        Some(AdapterKind::Hardware) | None => {}
    }
    match clock::demotion(measurement) {
        Some(demotion) => warnings.push(Warning::ClockDemoted(demotion)),
        None if measurement.adapter.is_some() && measurement.gpu_ms().is_empty() => {
            warnings.push(Warning::NoTimestamps);
        }
        None => {}
    }
    warnings.extend(clock::coarseness(measurement).map(Warning::CoarseClock));
    warnings
}

/// What is not known of the model's output and work.
fn of_the_model(measurement: &Measurement) -> Vec<Warning> {
    let mut warnings = Vec::new();
    if measurement.check.verdict.verified.is_none() {
        let why = &measurement.check.unverified;
        let why = if why.is_empty() { "nothing to compare it with" } else { why };
        warnings.push(Warning::NotVerified(why.to_owned()));
    }
    let share = measurement.check.spread.share;
    if share > 0.0 {
        warnings.push(Warning::Differs(format!("{share:.1e}")));
    }
    let verdict = &measurement.check.verdict;
    if verdict.not_finite > 0 {
        warnings.push(Warning::NotFinite(verdict.not_finite.to_string(), verdict.verified.is_some()));
    }
    let work = measurement.ran.work_on_cpu();
    if !work.is_empty() {
        warnings.push(Warning::WorkOnCpu(work));
    }
    let memory = MemoryUse::of(&measurement.samples);
    if let Some(growth) = memory.growth.filter(|_| memory.leaks) {
        warnings.push(Warning::Leak(significant(growth, 3)));
    }
    for option in &measurement.ran.session {
        let said = (format!("`{}` = {}", option.option, option.value), option.why.clone());
        match option.effect {
            Effect::Taken => {}
            Effect::Ignored => warnings.push(Warning::OptionIgnored(said.0, said.1)),
            Effect::Unknown => warnings.push(Warning::OptionUnseen(said.0, said.1)),
        }
    }
    if let Err(reason) = &measurement.kernels {
        warnings.push(Warning::NoProfile(reason.clone()));
    }
    warnings
}

/// What disturbed the samples.
fn of_the_machine(circumstances: &Circumstances, measurement: &Measurement) -> Vec<Warning> {
    let mut warnings = Vec::new();
    if measurement.samples.iter().any(|sample| sample.hidden) {
        warnings.push(Warning::Hidden);
    }
    if let Some(others) = circumstances.others.filter(|others| *others > OTHERS) {
        warnings.push(Warning::BackgroundLoad(format!("{others:.1}")));
    }
    if measurement.settled == Some(false) {
        warnings.push(Warning::NotSteady(measurement.warmups().to_string()));
    }
    if let Some(trend) = circumstances.drift.and_then(|drift| drift.trend).filter(|trend| *trend > DROOP) {
        warnings.push(Warning::Droop(format!("{:.0}", (trend - 1.0) * 100.0)));
    }
    if let Some(drift) = circumstances.drift.filter(|drift| drift.slow > 0) {
        warnings.push(Warning::SlowSamples {
            slow: drift.slow.to_string(),
            all: drift.moments.to_string(),
            worst: significant(drift.worst, 2),
        });
    }
    warnings
}

/// How the times scatter.
fn of_the_times(measurement: &Measurement, precision: Option<f64>) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let times = measurement.deciding_ms();
    if let Some(modes) = modes::two(&times) {
        warnings.push(Warning::TwoModes {
            low: significant(modes.low, 3),
            high: significant(modes.high, 3),
            share: format!("{:.0}", modes.share_high * 100.0),
        });
    }
    let width = Summary::of(&times).and_then(|summary| summary.relative_half_width());
    if let (Some(width), Some(goal)) = (width, precision)
        && width > goal
    {
        let percent = |share: f64| format!("{:.1}", share * 100.0);
        warnings.push(Warning::Precision { reached: percent(width), asked: percent(goal) });
    }
    warnings
}
