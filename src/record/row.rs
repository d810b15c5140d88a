//! A row is one job as a spreadsheet shows it: named columns with their units, empty where nothing was measured.

use super::csv::harmless;
use super::read::CUSTOM_AXIS;
use crate::harness::wire::AdapterFacts;
use crate::manifest::AxisValue;
use crate::manifest::axes::{AXES, Kind};
use crate::manifest::hardware::Hardware;
use crate::measure::{Measurement, Sample, Summary};
use crate::plan::Plan;
use crate::run::{JobReport, Status};
use crate::units::Nanos;

/// What all rows of a run share.
#[derive(Debug, Clone)]
pub struct Context {
    /// The run folder's name.
    pub run_id: String,
    manifest: String,
    /// Names of the user's custom axes.
    custom_axes: Vec<String>,
    models: indexmap::IndexMap<String, ModelColumns>,
    os: String,
    cpu: String,
    /// What the manifest asks of the interval, 0 to 1.
    precision: Option<f64>,
    /// Whether it asks for single inferences.
    latency: bool,
    /// What it says that the machine can do at most.
    hardware: Hardware,
}

#[derive(Debug, Clone)]
struct ModelColumns {
    family: &'static str,
    engine: &'static str,
    task: String,
}

impl Context {
    /// Of a plan on this machine.
    #[must_use]
    pub fn of(run_id: String, plan: &Plan) -> Self {
        let manifest = &plan.manifest;
        let models = manifest.models.iter().map(|(name, model)| {
            let task = model.task.clone().unwrap_or_default();
            (name.clone(), ModelColumns { family: model.family.name(), engine: model.engine().name(), task })
        });
        let host = Host::of_this_machine();
        Self {
            run_id,
            manifest: manifest.name.clone(),
            custom_axes: manifest.axes.iter().filter(|axis| axis.custom).map(|axis| axis.name.clone()).collect(),
            models: models.collect(),
            os: host.os,
            cpu: host.cpu,
            precision: manifest.measure.samples.precision,
            latency: manifest.measure.latency,
            hardware: manifest.hardware.clone(),
        }
    }
}

/// The machine that drives the browsers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// Name and version, for instance `Debian GNU/Linux 12`.
    pub os: String,
    /// Processor and cores, for instance `Intel(R) Xeon(R) (2 cores)`.
    pub cpu: String,
}

impl Host {
    /// This machine.
    #[must_use]
    pub fn of_this_machine() -> Self {
        let system = sysinfo::System::new_with_specifics(
            sysinfo::RefreshKind::nothing().with_cpu(sysinfo::CpuRefreshKind::nothing()),
        );
        let cpus = system.as_ref().map(sysinfo::System::cpus).unwrap_or_default();
        let brand = cpus.first().map(|cpu| cpu.brand().trim().to_owned()).unwrap_or_default();
        Self {
            os: sysinfo::System::long_os_version()
                .unwrap_or_else(|_| std::env::consts::OS.to_owned())
                .trim()
                .to_owned(),
            cpu: format!("{brand} ({} cores)", cpus.len()),
        }
    }
}

/// One row of `jobs.csv`.
#[derive(Debug, Clone)]
pub struct Row {
    cells: Vec<(String, String)>,
    text: Vec<String>,
    /// How the job ended.
    pub status: Status,
    /// Its position among the columns is fixed by [`Row::header`]; kept for the closing table.
    pub report: RowFigures,
}

/// What the closing table shows of a row.
#[derive(Debug, Clone, Default)]
pub struct RowFigures {
    /// Wall time of one inference, ms.
    pub wall: Option<Summary>,
    /// GPU time of one inference, ms.
    pub gpu: Option<Summary>,
    /// See `time_to_first_result_ms`.
    pub time_to_first_result: Option<Nanos>,
    /// Whether the output was checked and right.
    pub verified: Option<bool>,
    /// What computed.
    pub adapter: Option<AdapterFacts>,
    /// Billions of floating-point operations a second.
    pub gflops: Option<f64>,
    /// Percent of what the manifest says that the hardware can compute.
    pub of_peak_gflops: Option<f64>,
    /// Percent of what the manifest says that its memory can move.
    pub of_peak_gbytes: Option<f64>,
    /// Why it did not end well.
    pub reason: String,
}

impl Row {
    /// The names of the columns.
    #[must_use]
    pub fn header(context: &Context) -> Vec<String> {
        columns(context, None).into_iter().map(|(name, _)| name).collect()
    }

    /// What a job brought.
    #[must_use]
    pub fn of(context: &Context, report: &JobReport) -> Self {
        let cells = columns(context, Some(report));
        let text = cells.iter().map(|(_, text)| text.clone()).collect();
        let measurement = report.measurement.as_ref();
        let figures = RowFigures {
            wall: measurement.and_then(|measurement| Summary::of(&measurement.wall_ms())),
            gpu: measurement.and_then(|measurement| Summary::of(&measurement.gpu_ms())),
            time_to_first_result: measurement.map(|measurement| measurement.phases.time_to_first_result),
            verified: verified(report),
            adapter: measurement.and_then(|measurement| measurement.adapter.clone()),
            gflops: measurement.and_then(|measurement| gflops(report, measurement)),
            of_peak_gflops: measurement.and_then(|measurement| of_peak_gflops(context, report, measurement)),
            of_peak_gbytes: measurement.and_then(|measurement| of_peak_gbytes(context, report, measurement)),
            reason: report.reason.clone(),
        };
        Self { cells, text, status: report.status, report: figures }
    }

    /// The cells in the order of the header.
    #[must_use]
    pub fn cells(&self) -> &[String] {
        &self.text
    }

    /// Names and cells.
    #[must_use]
    pub fn columns(&self) -> &[(String, String)] {
        &self.cells
    }
}

/// Names and cells together, so that neither can slip; without a report the cells are empty.
fn columns(context: &Context, report: Option<&JobReport>) -> Vec<(String, String)> {
    let mut columns = Columns(Vec::with_capacity(72));
    identity(&mut columns, context, report);
    axes(&mut columns, context, report);
    what_ran(&mut columns, context, report);
    correctness(&mut columns, report);
    figures(&mut columns, context, report);
    columns.0
}

struct Columns(Vec<(String, String)>);

impl Columns {
    /// Text, which may come from anywhere.
    fn text(&mut self, name: &str, text: Option<&str>) {
        self.0.push((name.to_owned(), text.map(harmless).unwrap_or_default()));
    }

    /// A word or a count of ours.
    fn word(&mut self, name: &str, word: Option<impl ToString>) {
        self.0.push((name.to_owned(), word.map(|word| word.to_string()).unwrap_or_default()));
    }

    /// A figure, in as few digits as keep six significant ones.
    fn number(&mut self, name: &str, number: Option<f64>) {
        self.word(name, number.map(decimal));
    }

    fn millis(&mut self, name: &str, time: Option<Nanos>) {
        self.number(name, time.map(Nanos::millis));
    }

    fn summary(&mut self, prefix: &str, summary: Option<Summary>) {
        self.number(&format!("{prefix}_median_ms"), summary.map(|summary| summary.median));
        let interval = summary.and_then(|summary| summary.interval);
        self.number(&format!("{prefix}_low_ms"), interval.map(|(low, _)| low));
        self.number(&format!("{prefix}_high_ms"), interval.map(|(_, high)| high));
        self.number(&format!("{prefix}_p95_ms"), summary.map(|summary| summary.p95));
    }
}

fn identity(columns: &mut Columns, context: &Context, report: Option<&JobReport>) {
    columns.text("run_id", Some(&context.run_id));
    columns.text("job_id", report.map(|report| report.job.id.0.as_str()));
    columns.text("manifest", Some(&context.manifest));
    columns.word("status", report.map(|report| report.status.name()));
    columns.text("reason", report.map(|report| report.reason.as_str()));
    columns.word("attempts", report.map(|report| report.attempts));
    columns.word("group", report.and_then(|report| report.circumstances.group));
    columns.word("started_at", report.map(|report| report.started_at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ")));
}

fn axes(columns: &mut Columns, context: &Context, report: Option<&JobReport>) {
    let job = report.map(|report| &report.job);
    let model = job.and_then(|job| context.models.get(&job.axes.model));
    for axis in &AXES {
        let value = job.and_then(|job| (axis.get)(&job.axes));
        match (axis.kind, value) {
            (Kind::Shape, value) => {
                let shape = if let Some(AxisValue::Shape(shape)) = value { Some(shape) } else { None };
                axis.columns
                    .iter()
                    .enumerate()
                    .for_each(|(place, name)| columns.word(name, shape.map(|shape| shape[place])));
            }
            (_, value) => columns.text(axis.columns[0], value.map(|value| value.to_string()).as_deref()),
        }
        if axis.name == "model" {
            columns.word("family", model.map(|model| model.family));
            columns.word("engine", model.map(|model| model.engine));
            columns.text("task", model.map(|model| model.task.as_str()));
        }
    }
    for axis in &context.custom_axes {
        let value = job.and_then(|job| job.axes.custom.get(axis)).map(ToString::to_string);
        columns.text(&format!("{CUSTOM_AXIS}{axis}"), value.as_deref());
    }
}

fn what_ran(columns: &mut Columns, context: &Context, report: Option<&JobReport>) {
    let session = report.and_then(|report| report.session.as_ref());
    let measurement = report.and_then(|report| report.measurement.as_ref());
    let adapter = measurement.and_then(|measurement| measurement.adapter.as_ref());
    let ran = measurement.map(|measurement| &measurement.ran);
    columns.word("backend_used", report.and_then(backend_used));
    columns.text("fallback_reason", report.map(|report| report.fallback_reason.as_str()));
    columns.text("browser_version", session.map(|session| session.browser_version.as_str()));
    columns.text("driver_version", session.map(|session| session.driver_version.as_str()));
    columns.word("headless", session.map(|session| session.headless));
    columns.text("os", Some(&context.os));
    columns.text("cpu", Some(&context.cpu));
    columns.text("adapter_vendor", adapter.map(|adapter| adapter.vendor.as_str()));
    columns.text("adapter_architecture", adapter.map(|adapter| adapter.architecture.as_str()));
    columns.text("adapter_device", adapter.map(|adapter| adapter.device.as_str()));
    columns.text("adapter_description", adapter.map(|adapter| adapter.description.as_str()));
    columns.word("adapter_kind", adapter_kind(report));
    columns.word("threads", ran.and_then(|ran| ran.threads));
    columns.text("runtime", ran.map(|ran| ran.runtime.as_str()));
    columns.text("webnn_context", ran.map(|ran| ran.context.as_str()));
    columns.word("dispatches", ran.and_then(|ran| ran.dispatches));
    columns.word("nodes", ran.and_then(|ran| ran.nodes));
    columns.word("cpu_nodes", ran.filter(|ran| ran.nodes.is_some()).map(crate::harness::wire::Ran::cpu_nodes));
    columns.word("gpu_memory_bytes", ran.and_then(|ran| ran.gpu_memory_bytes));
}

/// `none` only where a page was asked and had no WebGPU; empty where nothing was asked.
fn adapter_kind(report: Option<&JobReport>) -> Option<&'static str> {
    let report = report?;
    if let Some(measurement) = &report.measurement {
        return measurement.adapter.as_ref().map(|adapter| adapter.kind.name());
    }
    let page = report.session.as_ref()?.page.as_ref()?;
    (!page.webgpu).then_some("none")
}

/// What computed; `webgpu+cpu` where a part of the model's work was left to the CPU.
fn backend_used(report: &JobReport) -> Option<String> {
    let name = report.backend_used?.name();
    let mixed = report.measurement.as_ref().is_some_and(|measurement| !measurement.ran.work_on_cpu().is_empty());
    Some(if mixed { format!("{name}+cpu") } else { name.to_owned() })
}

fn correctness(columns: &mut Columns, report: Option<&JobReport>) {
    let check = report
        .and_then(|report| report.measurement.as_ref().map(|measurement| &measurement.check).or(report.wrong.as_ref()));
    columns.word("verified", report.and_then(verified));
    columns.text("reference", check.map(|check| check.reference.as_str()));
    columns.number("max_abs_error", check.map(|check| check.verdict.max_abs_error));
    columns.number("max_rel_error", check.map(|check| check.verdict.max_rel_error));
    columns.word("output_digest", check.map(|check| check.output_digest.as_str()));
    let page = report.and_then(|report| report.page.as_ref());
    columns.text("tuning", page.map(|page| page.tuning.as_str()));
    columns.word("shader_digest", page.map(|page| page.shader_digest.as_str()));
}

fn verified(report: &JobReport) -> Option<bool> {
    match report.status {
        Status::Incorrect => Some(false),
        _ => report.measurement.as_ref().and_then(|measurement| measurement.check.verdict.verified),
    }
}

fn figures(columns: &mut Columns, context: &Context, report: Option<&JobReport>) {
    let session = report.and_then(|report| report.session.as_ref());
    let measurement = report.and_then(|report| report.measurement.as_ref());
    let phases = measurement.map(|measurement| measurement.phases);
    columns.millis("session_start_ms", session.map(|session| session.session_start.into()));
    columns.millis("page_ready_ms", session.map(|session| session.page_ready.into()));
    columns.millis("device_ready_ms", phases.map(|phases| phases.device_ready));
    columns.millis("model_load_ms", phases.map(|phases| phases.model_load));
    columns.millis("shader_compile_ms", phases.map(|phases| phases.shader_compile));
    columns.millis("first_inference_ms", phases.map(|phases| phases.first_inference));
    columns.millis("time_to_first_result_ms", phases.map(|phases| phases.time_to_first_result));
    let wall = measurement.and_then(|measurement| Summary::of(&measurement.wall_ms()));
    let gpu = measurement.and_then(|measurement| Summary::of(&measurement.gpu_ms()));
    let latency = measurement.filter(|_| context.latency);
    columns.word("samples", wall.map(|wall| wall.count));
    columns.word("warmup", measurement.map(Measurement::warmups));
    columns.word("iterations", measurement.and_then(Measurement::iterations));
    columns.summary("wall", wall);
    columns.summary("gpu", gpu);
    columns.summary("latency", latency.and_then(|measurement| Summary::of(&measurement.latency_ms())));
    let batch = report.map_or(1, |report| report.job.axes.batch);
    columns.number("throughput_per_s", wall.map(|wall| f64::from(batch) * 1e3 / wall.median));
    let both = report.zip(measurement);
    columns.number("gflops", both.and_then(|(report, measurement)| gflops(report, measurement)));
    columns.number("gbytes_per_s", both.and_then(|(report, measurement)| gbytes_per_s(report, measurement)));
    let of_peak = both.and_then(|(report, measurement)| of_peak_gflops(context, report, measurement));
    columns.number("of_peak_gflops_percent", of_peak);
    let of_peak = both.and_then(|(report, measurement)| of_peak_gbytes(context, report, measurement));
    columns.number("of_peak_gbytes_percent", of_peak);
    let clocks = measurement.map(|measurement| measurement.clocks);
    columns.number("clock_step_us", clocks.map(|clocks| clocks.clock_step_us));
    columns.number("timestamp_step_ns", clocks.and_then(|clocks| clocks.timestamp_step_ns));
    columns.number("timestamp_drift_percent", clocks.and_then(|clocks| clocks.timestamp_drift_percent));
    columns.number("empty_submit_ms", clocks.and_then(|clocks| clocks.empty_submit_ms));
    columns.number("empty_submit_raw_ms", clocks.and_then(|clocks| clocks.empty_submit_raw_ms));
    let warnings = report.zip(measurement).map(|(report, measurement)| {
        super::warnings::of(&report.circumstances, measurement, context.precision).join("; ")
    });
    columns.text("warnings", warnings.as_deref());
}

fn gflops(report: &JobReport, measurement: &Measurement) -> Option<f64> {
    Some(report.page.as_ref()?.flops?.0 as f64 / deciding_ms(measurement)? / 1e6)
}

fn gbytes_per_s(report: &JobReport, measurement: &Measurement) -> Option<f64> {
    Some(report.page.as_ref()?.bytes?.0 as f64 / deciding_ms(measurement)? / 1e6)
}

/// An inference by the GPU's time where there is one.
fn deciding_ms(measurement: &Measurement) -> Option<f64> {
    let time = Summary::of(&measurement.gpu_ms()).or_else(|| Summary::of(&measurement.wall_ms()))?;
    Some(time.median)
}

fn of_peak_gflops(context: &Context, report: &JobReport, measurement: &Measurement) -> Option<f64> {
    Some(100.0 * gflops(report, measurement)? / context.hardware.peak_gflops.of(&report.job.axes.dtype)?)
}

fn of_peak_gbytes(context: &Context, report: &JobReport, measurement: &Measurement) -> Option<f64> {
    Some(100.0 * gbytes_per_s(report, measurement)? / context.hardware.peak_gbytes_per_s.of(&report.job.axes.dtype)?)
}

/// Six significant digits without trailing zeros.
fn decimal(number: f64) -> String {
    if number != 0.0 && number.abs() < 1e-4 {
        return format!("{number:.3e}");
    }
    let text = crate::units::significant(number, 6);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// A row of a file beside `jobs.csv`: the run and the job come first.
fn of_job(context: &Context, report: &JobReport, cells: impl IntoIterator<Item = String>) -> Vec<String> {
    [harmless(&context.run_id), harmless(&report.job.id.0)].into_iter().chain(cells).collect()
}

/// A time as a cell, empty where there is none.
fn ms(time: Option<Nanos>) -> String {
    time.map(|time| decimal(time.millis())).unwrap_or_default()
}

/// The names of the columns of `samples.csv`.
#[must_use]
pub fn samples_header() -> Vec<String> {
    [
        "run_id",
        "job_id",
        "round",
        "sample",
        "kind",
        "wall_ms",
        "gpu_ms",
        "at_ms",
        "iterations",
        "time_to_first_result_ms",
    ]
    .map(str::to_owned)
    .to_vec()
}

/// The names of the columns of `parts.csv`.
#[must_use]
pub fn parts_header() -> Vec<String> {
    ["run_id", "job_id", "part", "bytes", "fetch_began_ms", "fetch_ms", "create_ms", "compile_ms", "first_inference_ms"]
        .map(str::to_owned)
        .to_vec()
}

/// The parts of a job's model; none of one that did not end well.
#[must_use]
pub fn parts(context: &Context, report: &JobReport) -> Vec<Vec<String>> {
    let parts = report.measurement.as_ref().map_or(&[][..], |measurement| &measurement.parts);
    parts
        .iter()
        .map(|part| {
            let loaded = [part.fetch_began_ms, part.fetch_ms, part.create_ms].map(Some);
            let times = loaded.into_iter().chain([part.compile_ms, part.first_inference_ms]);
            let cells = [harmless(&part.name), part.bytes.to_string()].into_iter();
            of_job(context, report, cells.chain(times.map(ms)))
        })
        .collect()
}

/// The names of the columns of `kernels.csv`.
#[must_use]
pub fn kernels_header() -> Vec<String> {
    ["run_id", "job_id", "kernel", "op", "dispatches", "gpu_ms", "share_percent"].map(str::to_owned).to_vec()
}

/// The kernels of a job; none of one that was not profiled.
#[must_use]
pub fn kernels(context: &Context, report: &JobReport) -> Vec<Vec<String>> {
    let kernels = report.measurement.as_ref().and_then(|measurement| measurement.kernels.as_deref().ok());
    let kernels = kernels.unwrap_or_default();
    let total: f64 = kernels.iter().map(|kernel| kernel.gpu_ms.millis()).sum();
    kernels
        .iter()
        .map(|kernel| {
            let share = 100.0 * kernel.gpu_ms.millis() / total.max(f64::MIN_POSITIVE);
            let figures = [kernel.dispatches, kernel.gpu_ms.millis(), share];
            let cells = [harmless(&kernel.name), harmless(&kernel.op)].into_iter();
            of_job(context, report, cells.chain(figures.map(decimal)))
        })
        .collect()
}

/// The samples of a job; none of one that did not end well.
#[must_use]
pub fn samples(context: &Context, report: &JobReport) -> Vec<Vec<String>> {
    let samples = report.measurement.as_ref().map_or(&[][..], |measurement| &measurement.samples);
    let row = |(index, sample): (usize, &Sample)| {
        let cells = [
            sample.round.to_string(),
            index.to_string(),
            sample.kind.name().to_owned(),
            ms(Some(sample.wall)),
            ms(sample.gpu),
            ms(Some(sample.at)),
            sample.iterations.to_string(),
            ms(sample.time_to_first_result),
        ];
        of_job(context, report, cells)
    };
    samples.iter().enumerate().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::decimal;

    #[test]
    fn figures_are_plain_decimals() {
        assert_eq!(decimal(0.0), "0");
        assert_eq!(decimal(12.5), "12.5");
        assert_eq!(decimal(1_234_567.0), "1234567");
        assert_eq!(decimal(0.001_234_567), "0.00123457");
        assert_eq!(decimal(4.5e-7), "4.500e-7");
    }
}
