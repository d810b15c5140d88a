//! The types of the page's side: `WRITE_DOCUMENTATION=1 cargo test --lib protocol` rewrites them.

use std::path::Path;

use ts_rs::{Config, TS};

use super::{adapter, command, event, generation, job, memory, module, ports, session, webnn};

/// A type as TypeScript declares it, with its documentation.
fn declared<T: TS>(config: &Config) -> String {
    format!("{}export {}\n", T::docs().unwrap_or_default(), T::decl(config))
}

/// Every type that stands in the protocol by its name.
fn all() -> String {
    let config = Config::new().with_large_int("number");
    let declarations: Vec<String> = [
        declared::<job::Common>,
        declared::<job::StagesJob>,
        declared::<job::TensorSpec>,
        declared::<job::TextureSpec>,
        declared::<job::SamplerSpec>,
        declared::<job::PartSpec>,
        declared::<job::TensorSource>,
        declared::<job::ShaderSpec>,
        declared::<job::DispatchSpec>,
        declared::<job::OnnxPart>,
        declared::<job::ServedFile>,
        declared::<session::SessionSpec>,
        declared::<job::PipelineSpec>,
        declared::<job::GenerationSpec>,
        declared::<ports::OnnxModelSpec>,
        declared::<ports::PortSpec>,
        declared::<job::TaskPart>,
        declared::<job::PartWeights>,
        declared::<job::ArgumentSpec>,
        declared::<job::PictureSpec>,
        declared::<job::FileSpec>,
        declared::<job::OnnxInputSpec>,
        declared::<module::ModuleJob>,
        declared::<command::PageCommand>,
        declared::<command::Ask>,
        declared::<event::PageEvent>,
        declared::<event::RawFault>,
        declared::<event::RawPrepared>,
        declared::<event::PageFacts>,
        declared::<webnn::WebNnCheck>,
        declared::<adapter::AdapterKind>,
        declared::<adapter::AdapterFacts>,
        declared::<event::ClockFacts>,
        declared::<event::ExecutionInfo>,
        declared::<event::OnCpu>,
        declared::<session::OptionEffect>,
        declared::<session::Effect>,
        declared::<event::RawPart>,
        declared::<event::RawKernel>,
        declared::<event::RawPhases>,
        declared::<event::RawSample>,
        declared::<event::SampleKind>,
        declared::<memory::GpuMemory>,
        declared::<generation::RawGeneration>,
    ]
    .iter()
    .map(|declared| declared(&config))
    .collect();
    format!("// Written from `src/protocol/` by its test.\n\n{}", declarations.join("\n"))
}

#[test]
fn the_types_of_the_page_are_those_of_the_protocol() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/harness/protocol.d.ts");
    if std::env::var_os("WRITE_DOCUMENTATION").is_some() {
        std::fs::write(&path, all()).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == all(), "they differ: WRITE_DOCUMENTATION=1 cargo test --lib protocol");
}
