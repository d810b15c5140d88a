//! The texts of a job's shaders, by which what a browser's compiler says of them is shown at the lines that the user wrote.

use std::sync::Arc;

use super::context::RunContext;
use crate::protocol::event::RawFault;
use crate::render::page::{Content, Page};
use crate::render::source_map::SourceMap;
use crate::render::wgsl::Shader;

/// Faults of a shader that are shown.
const MOST_SHOWN: usize = 10;

/// Those of one job.
#[derive(Debug)]
pub(super) struct ShaderTexts {
    context: Arc<RunContext>,
    shaders: Vec<Shader>,
}

impl ShaderTexts {
    /// Of a page's job; `None` for one that runs no stages.
    pub(super) fn of(context: &Arc<RunContext>, page: &Page) -> Option<Self> {
        let Content::Stages(stages) = &page.content else { return None };
        Some(Self { context: context.clone(), shaders: stages.rendered.shaders.clone() })
    }

    /// The faults, each with its place in a template and the rendered line beside it; `None` where there are none, or one is
    /// of no place that there is.
    pub(super) fn explain(&self, faults: &[RawFault]) -> Option<String> {
        // A page is hostile until read, and more of them at once nobody reads.
        let faults = faults.get(..MOST_SHOWN).unwrap_or(faults);
        let name = &faults.first()?.shader;
        let shader = self.shaders.iter().find(|shader| shader.name == *name)?;
        let map = SourceMap::of(&self.context.templates, &shader.origin, &shader.code)?;
        let said = faults.iter().map(|fault| one(shader, &map, fault)).collect::<Option<Vec<_>>>()?;
        Some(said.join("; "))
    }
}

/// A fault of a shader; `None` if it is another one's, or of no place in it.
fn one(shader: &Shader, map: &SourceMap, fault: &RawFault) -> Option<String> {
    let RawFault { shader: name, line, column, message } = fault;
    let place = map.place(*line, *column).filter(|_| shader.name == *name)?;
    // naga draws the place of the rendered text beneath its words.
    let words = message.split('┌').next().unwrap_or(message).trim();
    let rendered = shader.code.lines().nth(line.checked_sub(1)?)?.trim();
    Some(format!("{}:{}: {words} in `{rendered}` (line {line} of {name} as rendered)", place.template, place.line))
}
