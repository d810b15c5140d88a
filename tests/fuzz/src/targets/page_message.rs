//! What a page says over its WebSocket, as it is read, and what is made of its words in rows, terminals and messages.

use std::path::Path;
use std::sync::LazyLock;

use gpujobs::manifest::Manifest;
use gpujobs::plan::Plan;
use gpujobs::protocol::adapter::AdapterFacts;
use gpujobs::protocol::event::{self, ClockFacts, PageEvent, RawFault, RawPrepared};
use gpujobs::record::cell::Cell;
use gpujobs::record::csv::{harmless, original};
use gpujobs::render::Templates;
use gpujobs::render::page::{Content, Page, PageRequest};
use gpujobs::render::source_map::SourceMap;
use gpujobs::terminal;

/// Of a shader, which a fault speaks of.
static MAP: LazyLock<SourceMap> = LazyLock::new(|| {
    let text = "[matrix]\nbrowser = 'chrome'\nmodel = 'axpy'\n".to_owned();
    let manifest = Manifest::parse(Path::new("manifest.toml"), text, &[]).expect("a manifest without faults");
    let (plan, templates) = (Plan::of(manifest), Templates::new(None, None).expect("the built-in templates"));
    let page = Page::render(&templates, &PageRequest::new(&plan.manifest, &plan.jobs[0])).expect("a page");
    let Content::Stages(stages) = &page.content else { panic!("a model of stages") };
    let shader = &stages.rendered.shaders[0];
    SourceMap::of(&templates, &shader.origin, &shader.code).expect("its shader has a map")
});

/// Reads the input as the program does, and panics where what must hold does not.
pub fn check(text: &str) {
    let Ok((_, event)) = event::read(text) else { return };
    let _ = format!("{event:?}");
    match event {
        PageEvent::Hello { facts } => {
            let check = facts.webnn_check.unwrap_or_default();
            let _ = check.is_right();
            [facts.user_agent, facts.webnn_refusal, check.failure, check.layout].iter().for_each(|words| shown(words));
            check.devices.iter().chain(&check.data_types).for_each(|words| shown(words));
        }
        PageEvent::Probed { adapter, largest_buffer } => {
            adapter.iter().for_each(of_adapter);
            measured(largest_buffer);
        }
        PageEvent::Prepared(prepared) => of_prepared(&prepared),
        PageEvent::Sample { sample } => assert!(sample.iterations > 0),
        PageEvent::Piloted { iterations, inference } => {
            assert!(iterations > 0);
            cell(&Cell::millis(inference));
        }
        PageEvent::Measured {} => {}
        PageEvent::Profiled { kernels } => {
            for kernel in kernels {
                [&kernel.name, &kernel.op].into_iter().for_each(|words| shown(words));
                measured([kernel.dispatches]);
                cell(&Cell::millis(kernel.gpu_ms));
            }
        }
        PageEvent::Failed { message, faults } => {
            shown(&message);
            faults.iter().for_each(of_fault);
        }
        PageEvent::Log { level, text } => [level, text].iter().for_each(|words| shown(words)),
        PageEvent::Weighed { heap_bytes } => {
            heap_bytes.into_iter().for_each(|bytes| cell(&Cell::whole(bytes)));
        }
        PageEvent::Unsupported { message } | PageEvent::Incorrect { message } | PageEvent::Lost { message } => {
            shown(&message);
        }
    }
}

fn of_prepared(prepared: &RawPrepared) {
    let RawPrepared { adapter, ran, phases, parts, first, clocks } = prepared;
    adapter.iter().for_each(of_adapter);
    [&ran.runtime, &ran.context, &ran.work_on_cpu()].into_iter().for_each(|words| shown(words));
    let _ = ran.cpu_nodes();
    for time in [phases.device_ready_ms, phases.model_load_ms, phases.time_to_first_result_ms, first.wall_ms] {
        cell(&Cell::millis(time));
    }
    for part in parts {
        shown(&part.name);
        cell(&Cell::millis(part.fetch_ms));
    }
    // Only a drift has two directions.
    let ClockFacts { clock_step_us, timestamp_step_ns, timestamp_drift_percent, empty_submit_ms, empty_submit_raw_ms } =
        *clocks;
    assert!(timestamp_drift_percent.is_none_or(f64::is_finite));
    measured([Some(clock_step_us), timestamp_step_ns, empty_submit_ms, empty_submit_raw_ms].into_iter().flatten());
}

fn of_adapter(adapter: &AdapterFacts) {
    let AdapterFacts { vendor, architecture, device, description, backend, .. } = adapter;
    [vendor, architecture, device, description, backend].into_iter().for_each(|words| shown(words));
}

fn of_fault(fault: &RawFault) {
    shown(&fault.shader);
    shown(&fault.message);
    if let Some(place) = MAP.place(fault.line, fault.column) {
        assert!(place.line > 0 && place.template.starts_with("shaders/"));
    }
}

/// Numbers of a page are finite and not negative.
fn measured(numbers: impl IntoIterator<Item = f64>) {
    for number in numbers {
        assert!(number.is_finite() && number >= 0.0, "{number}");
        cell(&Cell::Float(number));
    }
}

/// Words of a page, wherever they are shown.
fn shown(words: &str) {
    assert!(!terminal::line(words).contains(char::is_control));
    cell(&Cell::text(words));
    let plain: String = words.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    assert_eq!(original(&harmless(words)), plain);
}

fn cell(cell: &Cell) {
    let text = cell.csv();
    assert!(!text.contains(char::is_control) && !text.trim_start().starts_with(['=', '+', '-', '@']), "{text:?}");
    let _ = cell.json().to_string();
}
