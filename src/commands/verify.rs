//! `gpujobs verify`: is this real or simulated? Each browser is opened, computes something that nobody could have
//! prepared, and the answer is checked here.

use std::io::Write;

use serde_json::{Value, json};
use strum::VariantNames;

use super::shared::prepare::Overrides;
use super::shared::session::{LiveSession, Logs, RunRequest, SessionOptions, warn};
use crate::cli::{PlanFormat, VerifyArgs};
use crate::error::{Error, Exit};
use crate::manifest::Manifest;
use crate::plan::Plan;
use crate::protocol::adapter::AdapterKind;
use crate::protocol::event::PageFacts;
use crate::render::Templates;
use crate::report::live::Live;
use crate::run::{JobReport, Outcome, Status};
use crate::terminal;
use crate::units::Bytes;
use crate::webdriver::BrowserKind;

/// What is computed: the manifest of the built-in check, with the browsers and random numbers put in.
const MANIFEST: &str = include_str!("verify.toml");

/// Opens each browser and says what it has. Fails where a browser that was named can't be opened or computes wrongly.
pub fn run(args: &VerifyArgs, out: &mut dyn Write) -> Result<Exit, Error> {
    let plan = plan(args)?;
    let runtime = tokio::runtime::Runtime::new()?;
    let (outcome, mut reports) = runtime.block_on(reports(&plan, args.verbose))?;
    if outcome.interrupted {
        return Ok(Exit::Interrupted);
    }
    if args.browsers.is_empty() {
        // Without names only what is installed is asked for an answer.
        reports.retain(|report| report.status != Status::Skipped);
    }
    match args.format {
        PlanFormat::Json => {
            let answers: Vec<Value> = reports.iter().map(answer_json).collect();
            writeln!(out, "{:#}", Value::Array(answers))?;
        }
        PlanFormat::Table => reports.iter().try_for_each(|report| write!(out, "{}", answer(report)))?,
    }
    exit_of(&reports)
}

/// The built-in check in each browser that is named, or in all, with numbers that nobody could have prepared.
fn plan(args: &VerifyArgs) -> Result<Plan, Error> {
    let all = || BrowserKind::VARIANTS.iter().map(|&name| name.to_owned()).collect();
    let browsers = if args.browsers.is_empty() { all() } else { args.browsers.clone() };
    let quoted: Vec<String> = browsers.iter().map(|browser| format!("{browser:?}")).collect();
    let (a, n) = (rand::random_range(-8.0..8.0_f32), rand::random_range(1_000..100_000));
    let sets = [
        format!("matrix.browser=[{}]", quoted.join(",")),
        format!("model.axpy.params.a={a:?}"),
        format!("model.axpy.params.n={n}"),
    ];
    let mut manifest = Manifest::parse("verify".as_ref(), MANIFEST.to_owned(), &sets)?;
    Overrides { headed: args.headed, ..Overrides::default() }.apply(&mut manifest)?;
    Ok(Plan::of(manifest))
}

/// Runs the check in each browser.
async fn reports(plan: &Plan, verbose: u8) -> Result<(Outcome, Vec<JobReport>), Error> {
    // There is no progress to show, but what is to be known first is said.
    warn(&plan.manifest, |line| anstream::eprintln!("{}", terminal::line(line)));
    let live = Live::new(plan.jobs.len(), true);
    let options = SessionOptions { live, logs: Logs::to_stderr(verbose), keep_outputs: false };
    LiveSession::with(&plan.manifest, Templates::new(None, None)?, options, async |session| {
        let mut reports = Vec::new();
        let ran = session.run(RunRequest::new(plan), |report| {
            reports.push(report);
            Ok(())
        });
        Ok((ran.await?, reports))
    })
    .await
}

/// How the check ended in the browsers that were asked for an answer; an error where there are none.
fn exit_of(reports: &[JobReport]) -> Result<Exit, Error> {
    if reports.is_empty() {
        return Err(Error::Environment {
            message: "no browser is installed that gpujobs can drive".to_owned(),
            help: "`gpujobs setup` installs them; `gpujobs doctor` lists what is missing".to_owned(),
        });
    }
    let not_started = |report: &JobReport| {
        report.status == Status::Skipped || (report.status == Status::Failed && report.session.is_none())
    };
    if reports.iter().any(not_started) {
        return Ok(Exit::Environment);
    }
    let miscomputes = |report: &JobReport| {
        let page = report.session.as_ref().and_then(|session| session.page.as_ref());
        page.and_then(|page| page.webnn_check.as_ref()).is_some_and(|check| !check.is_right())
    };
    let wrong = |report: &JobReport| !matches!(report.status, Status::Ok | Status::Unsupported) || miscomputes(report);
    Ok(if reports.iter().any(wrong) { Exit::Failure } else { Exit::Success })
}

/// Hardware, software, absent, or what went wrong, in one word.
fn verdict(report: &JobReport) -> &'static str {
    match (&report.measurement, report.status) {
        (Some(measurement), Status::Ok) => measurement.adapter.as_ref().map_or("none", |adapter| adapter.kind.into()),
        (_, Status::Unsupported) => "absent",
        (_, Status::Incorrect) => "wrong",
        (_, Status::Skipped) => "not started",
        _ => "failed",
    }
}

fn remedy(report: &JobReport) -> &'static str {
    let lacks = report.job.axes.browser.parse::<BrowserKind>().ok().and_then(|kind| kind.product().without_webgpu);
    match verdict(report) {
        "software" => {
            "times are those of a CPU: on a machine with a GPU check its Vulkan driver (vulkaninfo --summary) and that \
             /dev/dri or /dev/nvidia* can be opened; `--require-hardware` makes a run fail here"
        }
        "unknown" => {
            "the browser does not say whether its adapter is a GPU: compare its speed with another browser's, or update it; \
             `--require-hardware` makes a run fail here"
        }
        "absent" => lacks.unwrap_or("update the browser, or add the flags or preferences that your system needs (`args` and `prefs` of `[browser.NAME]`)"),
        "wrong" => "the driver or browser computes wrongly: update both and report it with this output",
        "not started" => "`gpujobs doctor` says what is missing",
        "failed" => "run again with -vv to see what browser and driver say",
        _ => "",
    }
}

/// Whether `WebNN` computes, on which devices there is a context, and what it takes.
fn webnn(page: &PageFacts) -> String {
    let Some(check) = &page.webnn_check else { return format!("absent: {}", page.webnn_refusal) };
    let devices = if check.devices.is_empty() { "no device by name".to_owned() } else { check.devices.join(", ") };
    let accelerated = match check.accelerated {
        Some(true) => ", accelerated",
        Some(false) => ", not accelerated",
        None => "",
    };
    let computed = match (check.is_right(), check.failure.as_str()) {
        (true, _) => "computed relu(w x + b) with random numbers: right".to_owned(),
        (false, "") => "computed relu(w x + b) with random numbers: wrong".to_owned(),
        (false, failure) => format!("a context that does not compute: {failure}"),
    };
    let takes =
        if check.data_types.is_empty() { String::new() } else { format!("; takes {}", check.data_types.join(", ")) };
    let layout = if check.layout.is_empty() { String::new() } else { format!("; prefers {}", check.layout) };
    let most = check.max_tensor_bytes.map_or(String::new(), |bytes| format!("; tensors of up to {}", Bytes(bytes)));
    format!("present: {computed}; contexts for {devices}{accelerated}{takes}{layout}{most}")
}

fn answer(report: &JobReport) -> String {
    let mut lines = vec![format!("{}: WebGPU {}", report.job.axes.browser, verdict(report))];
    if let Some(session) = &report.session {
        let driver = Some(session.driver_version.as_str()).filter(|version| !version.is_empty());
        lines.push(format!("version {}, driver {}", session.browser_version, driver.unwrap_or("does not say")));
        if let Some(page) = &session.page {
            let has = |there: bool| if there { "present" } else { "absent" };
            lines.push(format!("WebNN {}", webnn(page)));
            lines.push(format!("wasm threads {} ({} cores)", has(page.shared_memory), page.cores));
        }
    }
    if let Some((measurement, adapter)) =
        report.measurement.as_ref().and_then(|measurement| Some((measurement, measurement.adapter.as_ref()?)))
    {
        let names = [&adapter.vendor, &adapter.architecture, &adapter.device, &adapter.description];
        let names: Vec<&str> = names.into_iter().map(String::as_str).filter(|name| !name.is_empty()).collect();
        let names = if names.is_empty() { "the browser hides its names".to_owned() } else { names.join(", ") };
        let fallback = match adapter.kind {
            AdapterKind::Hardware => "false",
            AdapterKind::Software => "true",
            AdapterKind::Unknown => "undefined",
        };
        lines.push(format!("adapter: {names}; isFallbackAdapter is {fallback}"));
        let check = &measurement.check;
        lines.push(format!("computed a x + y with random a and length: right, digest {}", check.output_digest));
        let clocks = &measurement.clocks;
        let stamps = clocks.timestamp_step_ns.map_or("absent".to_owned(), |step| {
            let drift = clocks.timestamp_drift_percent.unwrap_or_default();
            format!("step {step} ns (drift {drift:.1} % against the clock)")
        });
        lines.push(format!(
            "clock step {} µs, GPU timestamps {stamps}, empty submission {:.2} ms ({:.2} ms where the page only waits)",
            crate::units::significant(clocks.clock_step_us, 3),
            clocks.empty_submit_ms.unwrap_or_default(),
            clocks.empty_submit_raw_ms.unwrap_or_default()
        ));
    } else {
        lines.push(format!("because {}", report.reason));
    }
    let remedy = remedy(report);
    if !remedy.is_empty() {
        lines.push(format!("remedy: {remedy}"));
    }
    let text = lines.join("\n  ");
    // Names come from outside: a terminal must not take orders from them.
    terminal::plain(&text) + "\n"
}

fn answer_json(report: &JobReport) -> Value {
    let session = report.session.as_ref();
    let measurement = report.measurement.as_ref();
    json!({
        "browser": report.job.axes.browser,
        "webgpu": verdict(report),
        "reason": report.reason,
        "remedy": remedy(report),
        "browser_version": session.map(|session| &session.browser_version),
        "driver_version": session.map(|session| &session.driver_version),
        "page": session.and_then(|session| session.page.as_ref()),
        "adapter": measurement.map(|measurement| &measurement.adapter),
        "clocks": measurement.map(|measurement| measurement.clocks),
        "verified": measurement.and_then(|measurement| measurement.check.verdict.verified),
    })
}
