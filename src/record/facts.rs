//! The facts of a job: what its report says, and what follows from it, for the cells of its row.
//!
//! Made once a row; `columns` says which fact stands in which column.

use std::collections::HashSet;

use indexmap::IndexMap;

use super::host::Host;
use super::warnings;
use crate::harness::executor::{Check, Opened};
use crate::manifest::hardware::Hardware;
use crate::measure::memory::MemoryUse;
use crate::measure::{Measurement, Phases, Summary, TokenUse};
use crate::plan::Plan;
use crate::protocol::adapter::AdapterFacts;
use crate::protocol::event::{ClockFacts, ExecutionInfo};
use crate::run::{GpuState, JobReport, Status};
use crate::webdriver::RemoteFacts;

/// What all rows of a run share.
#[derive(Debug, Clone)]
pub struct RowContext {
    /// The run folder's name.
    pub run_id: String,
    pub(super) manifest: String,
    pub(super) machine: String,
    /// Names of the user's custom axes.
    pub(super) custom_axes: Vec<String>,
    models: IndexMap<String, ModelColumns>,
    os: String,
    cpu: String,
    /// Browsers that run elsewhere.
    remote: HashSet<String>,
    /// What the manifest asks of the interval, 0 to 1.
    precision: Option<f64>,
    /// Whether it asks for single inferences.
    latency: bool,
    /// What it says that the machine can do at most.
    hardware: Hardware,
}

/// What rows say of a model.
#[derive(Debug, Clone)]
pub(super) struct ModelColumns {
    pub(super) family: &'static str,
    pub(super) engine: &'static str,
    pub(super) task: String,
}

impl RowContext {
    /// Of a plan on this machine.
    #[must_use]
    pub fn of(run_id: String, plan: &Plan) -> Self {
        let manifest = &plan.manifest;
        let models = manifest.models.iter().map(|(name, model)| {
            let task = model.task.clone().unwrap_or_default();
            (name.clone(), ModelColumns { family: model.family.into(), engine: model.engine().into(), task })
        });
        let host = Host::of_this_machine();
        let remote = manifest.browsers.iter().filter(|(_, browser)| browser.webdriver.is_some());
        Self {
            run_id,
            manifest: manifest.name.clone(),
            machine: manifest.machine.clone(),
            custom_axes: manifest.axes.iter().filter(|axis| axis.custom).map(|axis| axis.name.clone()).collect(),
            models: models.collect(),
            os: host.os,
            cpu: host.cpu,
            remote: remote.map(|(name, _)| name.clone()).collect(),
            precision: manifest.measure.samples.precision,
            latency: manifest.measure.latency,
            hardware: manifest.hardware.clone(),
        }
    }
}

/// What is known of a job at its end.
#[derive(Debug)]
pub struct Facts<'row> {
    pub(super) context: &'row RowContext,
    pub(super) report: &'row JobReport,
    pub(super) model: Option<&'row ModelColumns>,
    pub(super) session: Option<&'row Opened>,
    pub(super) measurement: Option<&'row Measurement>,
    pub(super) adapter: Option<&'row AdapterFacts>,
    pub(super) ran: Option<&'row ExecutionInfo>,
    pub(super) check: Option<&'row Check>,
    pub(super) phases: Option<Phases>,
    pub(super) clocks: Option<ClockFacts>,
    /// What it held on the GPU.
    pub(super) memory: MemoryUse,
    /// What generating texts cost.
    pub(super) tokens: TokenUse,
    /// Wall time of an inference in the steady state, in ms.
    pub(super) wall: Option<Summary>,
    /// GPU time of one.
    pub(super) gpu: Option<Summary>,
    /// Wall time of one that was submitted by itself, where that was asked for.
    pub(super) latency: Option<Summary>,
    pub(super) latency_raw: Option<Summary>,
}

impl<'row> Facts<'row> {
    /// Of a job.
    #[must_use]
    pub fn of(context: &'row RowContext, report: &'row JobReport) -> Self {
        let measurement = report.measurement.as_ref();
        let summary = |times: fn(&Measurement) -> Vec<f64>| measurement.and_then(|it| Summary::of(&times(it)));
        Self {
            context,
            report,
            model: context.models.get(&report.job.axes.model),
            session: report.session.as_ref(),
            measurement,
            adapter: measurement.and_then(|measurement| measurement.adapter.as_ref()),
            ran: measurement.map(|measurement| &measurement.ran),
            check: measurement.map(|measurement| &measurement.check).or(report.wrong.as_ref()),
            phases: measurement.map(|measurement| measurement.phases),
            clocks: measurement.map(|measurement| measurement.clocks),
            memory: measurement.map(|measurement| MemoryUse::of(&measurement.samples)).unwrap_or_default(),
            tokens: measurement.map(TokenUse::of).unwrap_or_default(),
            wall: measurement.and_then(|it| it.summary(false)),
            gpu: measurement.and_then(|it| it.summary(true)),
            latency: if context.latency { summary(Measurement::latency_ms) } else { None },
            latency_raw: summary(Measurement::latency_raw_ms),
        }
    }

    /// The machine's name.
    pub(super) fn machine(&self) -> String {
        let own = &self.context.machine;
        let node = self.remote().map(|remote| match &remote.node {
            Some(node) => host_of(node),
            None => host_of(&remote.endpoint),
        });
        match node.unwrap_or_default() {
            "" => own.clone(),
            node if own.is_empty() => node.to_owned(),
            node => format!("{own}/{node}"),
        }
    }

    /// The system of the machine that the browser ran on; empty where that is not known.
    pub(super) fn os(&self) -> &str {
        if self.runs_here() { &self.context.os } else { self.remote().map_or("", |remote| &*remote.os) }
    }

    /// The processor of that machine; a remote one does not say.
    pub(super) fn cpu(&self) -> &str {
        if self.runs_here() { &self.context.cpu } else { "" }
    }

    fn runs_here(&self) -> bool {
        !self.context.remote.contains(&self.report.job.axes.browser)
    }

    /// The machine behind an endpoint, where the browser ran on one.
    fn remote(&self) -> Option<&'row RemoteFacts> {
        self.session?.remote.as_ref()
    }

    /// The GPU's state while it ran there.
    pub(super) fn gpu_state(&self) -> Option<GpuState> {
        self.report.circumstances.gpu.filter(|_| self.adapter.is_some())
    }

    /// What an inference took of energy, in joules.
    pub(super) fn gpu_joules(&self) -> Option<f64> {
        let time = self.gpu.or(self.wall)?.median;
        Some(self.gpu_state()?.power_w? * time / 1e3)
    }

    /// Whether the output was checked and right.
    pub(super) fn verified(&self) -> Option<bool> {
        match self.report.status {
            Status::Incorrect => Some(false),
            _ => self.measurement.and_then(|measurement| measurement.check.verdict.verified),
        }
    }

    /// The check of a job of which all was compared.
    pub(super) fn compared(&self) -> Option<&'row Check> {
        self.check.filter(|_| self.verified().is_some())
    }

    /// `none` only where a page was asked and had no WebGPU; empty where nothing was asked.
    pub(super) fn adapter_kind(&self) -> Option<&'static str> {
        if self.measurement.is_some() {
            return self.adapter.map(|adapter| adapter.kind.into());
        }
        (!self.session?.page.as_ref()?.webgpu).then_some("none")
    }

    /// What computed; `webgpu+cpu` where a part of the model's work was left to the CPU.
    pub(super) fn backend_used(&self) -> Option<String> {
        let name = self.report.backend_used?;
        let mixed = self.ran.is_some_and(|ran| !ran.work_on_cpu().is_empty());
        Some(if mixed { format!("{name}+cpu") } else { name.to_string() })
    }

    /// An inference by the GPU's time where there is one, in ms.
    fn deciding_ms(&self) -> Option<f64> {
        Some(self.gpu.or(self.wall)?.median)
    }

    /// Billions of floating-point operations a second.
    pub(super) fn gflops(&self) -> Option<f64> {
        Some(self.report.page.as_ref()?.flops?.0 as f64 / self.deciding_ms()? / 1e6)
    }

    /// Billions of bytes a second, of the least traffic.
    pub(super) fn gbytes_per_s(&self) -> Option<f64> {
        Some(self.report.page.as_ref()?.bytes?.0 as f64 / self.deciding_ms()? / 1e6)
    }

    /// Percent of what the manifest says that the hardware can compute.
    pub(super) fn of_peak_gflops(&self) -> Option<f64> {
        Some(100.0 * self.gflops()? / self.context.hardware.peak_gflops.of(&self.report.job.axes.dtype)?)
    }

    /// Percent of what the manifest says that its memory can move.
    pub(super) fn of_peak_gbytes(&self) -> Option<f64> {
        Some(100.0 * self.gbytes_per_s()? / self.context.hardware.peak_gbytes_per_s.of(&self.report.job.axes.dtype)?)
    }

    /// Inputs a second.
    pub(super) fn throughput_per_s(&self) -> Option<f64> {
        Some(f64::from(self.report.job.axes.batch) * 1e3 / self.wall?.median)
    }

    /// Time that an inference takes for a second of the sound that it is given.
    pub(super) fn real_time_factor(&self) -> Option<f64> {
        Some(self.wall?.median / 1e3 / self.report.page.as_ref()?.sound_seconds?)
    }

    /// What a reader has to know to trust the figures.
    pub(super) fn warnings(&self) -> String {
        let all = |measurement| warnings::of(&self.report.circumstances, measurement, self.context.precision);
        self.measurement.map(all).unwrap_or_default().join("; ")
    }
}

/// Host and port of an address.
fn host_of(address: &str) -> &str {
    let after = address.split_once("://").map_or(address, |(_, after)| after);
    after.split('/').next().unwrap_or_default()
}
