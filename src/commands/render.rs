//! `gpujobs render`: each job as files that a browser opens by hand.

use std::fs;
use std::io::Write;
use std::path::Path;

use rayon::prelude::*;

use super::run::{load_plans, templates_of};
use crate::cli::RenderArgs;
use crate::error::{Error, Exit};
use crate::plan::{Job, Plan};
use crate::record::RecordError;
use crate::render::Templates;
use crate::render::page::{Content, Page, PageError, inlined, standalone_html};

/// Writes a folder for each job: `index.html`, which holds all it needs, and beside it, to be read, the job's module
/// and the WGSL of each shader.
pub fn run(args: &RenderArgs, out: &mut dyn Write) -> Result<Exit, Error> {
    for plan in load_plans(&args.selection)? {
        let templates = templates_of(&plan.manifest, &args.folders)?;
        // What speaks to a runner has no place in a page without one.
        let spoken = ["channel.js", "runner.js", "types.js"];
        let modules = templates.harness()?;
        let needed = modules.iter().map(|(name, text)| (name.as_str(), text.as_str()));
        let harness = inlined(needed.filter(|(name, _)| !spoken.contains(name)));
        let jobs: Vec<(usize, &Job)> =
            plan.jobs.iter().enumerate().filter(|(_, job)| job.impossible.is_none()).collect();
        jobs.par_iter().try_for_each(|(index, job)| write(&plan, &templates, &harness, job, *index, &args.out))?;
        writeln!(out, "{} jobs of {} in {}", jobs.len(), plan.manifest.name, args.out.display())?;
    }
    Ok(Exit::Success)
}

fn write(plan: &Plan, templates: &Templates, harness: &str, job: &Job, index: usize, out: &Path) -> Result<(), Error> {
    let fail = |source: PageError| Error::Page { job: job.id.to_string(), source };
    let page = match Page::render(templates, &plan.manifest, job, index as u64, job.backend) {
        // A shape that a shader can't take has no page; `plan` and `run` say so.
        Err(PageError::Render(crate::render::RenderError::Unsupported { .. })) => return Ok(()),
        page => page.map_err(fail)?,
    };
    let folder = out.join(job.id.0.replace('/', "_"));
    fs::create_dir_all(folder.join("wgsl")).map_err(RecordError::io("create", &folder))?;
    let Content::Stages(stages) = &page.content else { return Ok(()) };
    let module = stages.standalone_module(templates).map_err(fail)?;
    let html = standalone_html(templates, &job.id.0, harness, &module)?;
    let put = |name: &Path, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).map_err(RecordError::io("write", &path)).map_err(Error::from)
    };
    put(Path::new("index.html"), &html)?;
    put(Path::new("job.js"), &module)?;
    for (index, shader) in stages.rendered.shaders.iter().enumerate() {
        let name = shader.name.replace(['/', '\\'], "_");
        put(&Path::new("wgsl").join(format!("{index:02}-{name}")), &shader.code)?;
    }
    Ok(())
}
