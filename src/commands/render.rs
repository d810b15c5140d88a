//! `gpujobs render`: each job as files that a browser opens by hand.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use rayon::prelude::*;

use super::shared::models;
use super::shared::prepare::{Overrides, prepare};
use crate::cli::RenderArgs;
use crate::error::{Error, Exit};
use crate::manifest::axes::DEFAULT;
use crate::plan::{Job, Plan};
use crate::record::RecordError;
use crate::render::Templates;
use crate::render::page::{Content, Page, PageError, PageRequest, inlined, rendered_html, standalone_html};
use crate::render::settings::{self, Purpose};

/// What speaks to a runner has no place in a page without one.
const SPOKEN: [&str; 4] = ["channel.js", "frame.js", "runner.js", "types.js"];

/// Writes a folder for each job: `index.html` and beside it the job's module. A model written in WGSL is all in the one
/// file, which opens by itself; its shaders lie beside it to be read. One in onnxruntime-web has its files beside it, a module
/// its program and packages as well, and beside the folders of all jobs lie the harness and the libraries: such pages open over
/// http.
pub fn run(args: &RenderArgs, out: &mut dyn Write) -> Result<Exit, Error> {
    let all = prepare(&args.selection, &args.folders, Overrides::default())?;
    all.iter().try_for_each(|one| models::need_libraries(&one.plan))?;
    for prepared in &all {
        let plan = &prepared.plan;
        settings::check(&prepared.templates, &plan.manifest, Purpose::Run)?;
        let mut modules = prepared.templates.harness()?;
        modules.retain(|(name, _)| !SPOKEN.contains(&name.as_str()));
        let harness = inlined(modules.iter().map(|(name, text)| (name.as_str(), text.as_str())));
        let jobs: Vec<(usize, &Job)> =
            plan.jobs.iter().enumerate().filter(|(_, job)| job.unsupported_reason.is_none()).collect();
        let over_http = models::any_framed(plan);
        if over_http {
            share(&modules, plan, &args.out)?;
        }
        jobs.par_iter().try_for_each(|(index, job)| {
            let request = PageRequest { number: *index as u64, ..PageRequest::new(&plan.manifest, job) };
            write(&request, &prepared.templates, &harness, &args.out)
        })?;
        writeln!(out, "{} jobs of {} in {}", jobs.len(), plan.manifest.name, args.out.display())?;
        if over_http {
            let folder = &args.out;
            anstream::eprintln!(
                "models of ONNX and modules load over http only: python3 -m http.server 8000 --bind 127.0.0.1 --directory {folder:?}"
            );
        }
    }
    Ok(Exit::Success)
}

/// Writes a job's folder; `harness` holds the modules of all pages.
fn write(request: &PageRequest<'_>, templates: &Templates, harness: &str, out: &Path) -> Result<(), Error> {
    let fail = |source: PageError| Error::of_page(&request.job.id, source);
    let page = match Page::render(templates, request) {
        // A shape that a shader can't take has no page; `plan` and `run` say so.
        Err(error) if error.unsupported_reason().is_some() => return Ok(()),
        page => page.map_err(fail)?,
    };
    let id = &request.job.id.0;
    let folder = out.join(id.replace('/', "_"));
    match &page.content {
        Content::Stages(stages) => {
            let module = stages.standalone_module(templates).map_err(fail)?;
            put(&folder.join("index.html"), &standalone_html(templates, id, harness, &module)?)?;
            put(&folder.join("job.js"), &module)?;
            for (index, shader) in stages.rendered.shaders.iter().enumerate() {
                let name = shader.name.replace(['/', '\\'], "_");
                put(&folder.join("wgsl").join(format!("{index:02}-{name}")), &shader.code)?;
            }
        }
        Content::Onnx(onnx) => {
            put(&folder.join("index.html"), &rendered_html(templates, &page)?)?;
            put(&folder.join("job.js"), &onnx.rendered_module(templates, &request.job.axes.runtime)?)?;
            for (path, place) in onnx.served() {
                link(place, &folder.join("files").join(path))?;
            }
        }
        Content::Module(module) => {
            put(&folder.join("index.html"), &rendered_html(templates, &page)?)?;
            put(&folder.join("job.js"), &page.module(templates)?)?;
            let files = module.files.iter().map(|(path, place)| ("files", path, place));
            for (below, path, place) in module.program.iter().map(|(path, place)| ("module", path, place)).chain(files)
            {
                link(place, &folder.join(below).join(path))?;
            }
            for (root, path) in module.packages.files() {
                link(
                    &module.packages.roots[root].join(&path),
                    &folder.join("packages").join(root.to_string()).join(path),
                )?;
            }
        }
    }
    Ok(())
}

/// Writes what the pages of all models that load over http share.
fn share(modules: &[(String, String)], plan: &Plan, out: &Path) -> Result<(), Error> {
    for (name, text) in modules {
        put(&out.join("harness").join(name), text)?;
    }
    if !models::any(plan) {
        return Ok(());
    }
    // `need_libraries` has seen them.
    let used = |runtime: &str| runtime == DEFAULT || models::runtimes(plan).any(|(name, _)| name == runtime);
    for (runtime, libraries) in models::libraries(&plan.manifest).filter(|(name, _)| used(name)) {
        let folder = if runtime == DEFAULT { out.join("libraries") } else { out.join("runtimes").join(runtime) };
        let names = libraries.loaded().map_err(RecordError::io("read", libraries.folder()))?;
        for name in names {
            link(&libraries.path(&name), &folder.join(name))?;
        }
    }
    Ok(())
}

fn put(path: &Path, text: &str) -> Result<(), Error> {
    make_folder_of(path)?;
    Ok(fs::write(path, text).map_err(RecordError::io("write", path))?)
}

/// Makes a large file appear in a second place: without a copy where the file system allows it.
fn link(from: &Path, to: &Path) -> Result<(), Error> {
    make_folder_of(to)?;
    // What a link leads to, since a link of a link would lead elsewhere from there.
    let from = fs::canonicalize(from).map_err(RecordError::io("read", from))?;
    match fs::remove_file(to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(RecordError::io("write", to)(error).into()),
        _ => {}
    }
    if fs::hard_link(&from, to).is_err() {
        fs::copy(&from, to).map_err(RecordError::io("write", to))?;
    }
    Ok(())
}

fn make_folder_of(path: &Path) -> Result<(), Error> {
    let folder = path.parent().unwrap_or(Path::new(""));
    Ok(fs::create_dir_all(folder).map_err(RecordError::io("create", folder))?)
}
