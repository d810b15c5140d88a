//! A prepared plan is a manifest's jobs, as the command line wants them, with the templates of their pages.
//!
//! Made from a selection of manifests; `session` runs it, `gpujobs render` writes it to disk.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;

use rayon::prelude::*;

use super::models;
use super::rerun::{self, Chosen};
use crate::cli::{Folders, RunArgs, Selection, TuneArgs};
use crate::error::Error;
use crate::graph;
use crate::manifest::{Manifest, ManifestErrors};
use crate::plan::shard::TooManyShards;
use crate::plan::{Filter, Plan, Shard, ShardPart};
use crate::record::inputs::RepeatToml;
use crate::render::page::{Page, PageError, PageRequest};
use crate::render::settings::{self, Purpose};
use crate::render::{RenderError, Templates};
use crate::run::blocks;
use crate::setup::install::{Components, install};
use crate::setup::runtimes::{install_packages, install_runtimes};
use crate::webdriver::{BrowserKind, BrowserSettings, Endpoint, HEADER_VARIABLE, without_logins};

/// A plan, ready to be rendered.
pub(in crate::commands) struct Prepared {
    /// The jobs.
    pub(in crate::commands) plan: Plan,
    /// What their pages are made of.
    pub(in crate::commands) templates: Templates,
    /// The files of the user's that the pages were found to be made of, once they are checked.
    pub(in crate::commands) files: BTreeSet<PathBuf>,
    /// With which options it runs, those of the run that it repeats included.
    pub(in crate::commands) repeat: RepeatToml,
    /// What it is a part of, where the jobs are divided.
    pub(in crate::commands) part: Option<ShardPart>,
}

/// What the command line says of manifests' settings.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub(in crate::commands) struct Overrides<'a> {
    /// The endpoint of each browser that names none.
    pub(in crate::commands) webdriver: Option<&'a str>,
    /// Which part of the jobs.
    pub(in crate::commands) shard: Option<Shard>,
    /// The machine's name.
    pub(in crate::commands) machine: Option<&'a str>,
    /// Whether browsers show their windows.
    pub(in crate::commands) headed: bool,
    /// Whether a software adapter is a failure, even if the manifest allows it.
    pub(in crate::commands) require_hardware: bool,
    /// Whether kernels are timed, even if the manifest does not ask for it.
    pub(in crate::commands) profile: bool,
    /// Whether outputs are written into the run's folder.
    pub(in crate::commands) save_outputs: bool,
}

impl<'a> From<&'a RunArgs> for Overrides<'a> {
    fn from(args: &'a RunArgs) -> Self {
        let RunArgs { webdriver, shard, machine, headed, require_hardware, verbose, save_outputs, .. } = args;
        Self {
            webdriver: webdriver.as_deref(),
            shard: *shard,
            machine: machine.as_deref().filter(|name| !name.is_empty()),
            headed: *headed,
            require_hardware: *require_hardware,
            profile: *verbose > 0,
            save_outputs: *save_outputs,
        }
    }
}

impl<'a> From<&'a TuneArgs> for Overrides<'a> {
    fn from(args: &'a TuneArgs) -> Self {
        let TuneArgs { webdriver, headed, require_hardware, .. } = args;
        let (headed, require_hardware) = (*headed, *require_hardware);
        Self { webdriver: webdriver.as_deref(), headed, require_hardware, ..Self::default() }
    }
}

impl<'a> Overrides<'a> {
    /// With those of a run that is repeated.
    fn with(self, earlier: &'a RepeatToml) -> Self {
        Self {
            webdriver: self.webdriver.or(earlier.webdriver.as_deref()),
            shard: self.shard,
            // The run may be repeated on another one.
            machine: self.machine,
            headed: self.headed || earlier.headed,
            require_hardware: self.require_hardware || earlier.require_hardware,
            profile: self.profile || earlier.profile,
            save_outputs: self.save_outputs || earlier.save_outputs,
        }
    }

    /// As they stand in a run's folder.
    fn recorded(self, filter: &str) -> RepeatToml {
        let Self { webdriver, shard: _, machine: _, headed, require_hardware, profile, save_outputs } = self;
        let webdriver = webdriver.map(without_logins);
        let filter = Some(filter.to_owned()).filter(|filter| !filter.is_empty());
        RepeatToml { filter, webdriver, headed, require_hardware, profile, save_outputs, ..RepeatToml::default() }
    }

    /// Puts them in a manifest's place; an endpoint that is no URL is the user's error.
    pub(in crate::commands) fn apply(self, manifest: &mut Manifest) -> Result<(), Error> {
        let remote = self.webdriver.map(endpoint).transpose()?;
        for browser in manifest.browsers.values_mut() {
            if browser.webdriver.is_none() {
                browser.webdriver.clone_from(&remote);
            }
            browser.headless &= !self.headed;
        }
        if let Some(machine) = self.machine {
            machine.clone_into(&mut manifest.machine);
        }
        manifest.measure.require_hardware |= self.require_hardware;
        manifest.measure.profile |= self.profile;
        Ok(())
    }
}

/// The endpoint that `--webdriver` names, with the header that the environment has for it.
pub(in crate::commands) fn endpoint(url: &str) -> Result<Endpoint, Error> {
    let mut endpoint: Endpoint = url.parse().map_err(|error| Error::Usage {
        message: format!("--webdriver: {error}"),
        help: "write it like https://host:4444/wd/hub".to_owned(),
    })?;
    if let Ok(header) = std::env::var(HEADER_VARIABLE) {
        endpoint.add_header(&header).map_err(|error| Error::Usage {
            message: format!("{HEADER_VARIABLE} is {error}"),
            help: format!("for instance {HEADER_VARIABLE}=\"Authorization: Bearer …\""),
        })?;
    }
    if endpoint.lacks_login() {
        return Err(Error::Usage {
            message: format!("the login of {endpoint} was not kept with the run that is repeated"),
            help: format!("name the endpoint with its login by --webdriver, or a header in {HEADER_VARIABLE}"),
        });
    }
    Ok(endpoint)
}

/// The plan of each manifest with the jobs that `filter` keeps; the faults of all manifests are shown at once, then those
/// that their models have with the jobs' values.
pub(in crate::commands) fn plans(
    manifests: &[PathBuf],
    sets: &[String],
    filter: Option<&str>,
) -> Result<Vec<Plan>, Error> {
    let (mut loaded, mut errors) = (Vec::new(), Vec::new());
    for path in manifests {
        match Manifest::load(path, sets) {
            Ok(manifest) => loaded.push(manifest),
            Err(found) => errors.extend(found.0),
        }
    }
    if !errors.is_empty() {
        return Err(ManifestErrors(errors).into());
    }
    let custom = loaded.iter().flat_map(|manifest| &manifest.axes).filter(|axis| axis.custom);
    let filter = Filter::parse(filter.unwrap_or_default(), custom.map(|axis| axis.name.as_str()))?;
    let mut plans: Vec<Plan> = loaded.into_iter().map(Plan::of).collect();
    for plan in &mut plans {
        plan.retain(&filter);
    }
    let faulty: Vec<_> = plans.iter().flat_map(graph::check).collect();
    if !faulty.is_empty() {
        return Err(ManifestErrors(faulty).into());
    }
    Ok(plans)
}

/// The selected jobs of each manifest, with the reason of those that can't run on this machine or with these values.
pub(in crate::commands) fn checked(
    selection: &Selection,
    folders: &Folders,
    shard: Option<Shard>,
) -> Result<Vec<(Plan, Option<ShardPart>)>, Error> {
    let chosen = rerun::chosen(selection, folders)?;
    let mut plans = plans(&chosen.manifests, &selection.sets, Some(&chosen.filter))?;
    let parts = divided(&mut plans, shard.or(chosen.shard))?;
    for plan in plans.iter_mut().filter(|plan| !plan.jobs.is_empty()) {
        let templates = templates(&plan.manifest, &chosen)?;
        settings::check(&templates, &plan.manifest, Purpose::Run)?;
        for (index, page) in pages(&templates, plan) {
            let Err(error) = page else { continue };
            plan.jobs[index].unsupported_reason = Some(match error.unsupported_reason() {
                Some(reason) => reason,
                None => match Error::of_page(&plan.jobs[index].id, error) {
                    Error::Environment { message, help } => format!("{message}; {help}"),
                    error => return Err(error),
                },
            });
        }
    }
    Ok(plans.into_iter().zip(parts).collect())
}

/// Keeps one shard of each plan, and says what it is a part of; all of it where there is none to keep.
fn divided(plans: &mut [Plan], shard: Option<Shard>) -> Result<Vec<Option<ShardPart>>, Error> {
    let part = |plan: &mut Plan| {
        let Some(shard) = shard.filter(|_| !plan.jobs.is_empty()) else { return Ok(None) };
        let blocks = blocks(plan);
        plan.keep_shard(shard, &blocks).map(Some).map_err(|TooManyShards { blocks }| Error::Usage {
            message: format!(
                "--shard {shard}: the jobs of {} are no more than {blocks} when those that take turns stay together",
                plan.manifest.path.display()
            ),
            help: format!("divide them into {blocks} at most: --shard 1/{blocks}"),
        })
    };
    plans.iter_mut().map(part).collect()
}

/// Renders every job that can run once, in parallel: the files of its page, or why it has none, in the plan's order.
fn pages(templates: &Templates, plan: &Plan) -> Vec<(usize, Result<Vec<PathBuf>, PageError>)> {
    let jobs = plan.jobs.par_iter().enumerate().filter(|(_, job)| job.unsupported_reason.is_none());
    let page = |job| Page::render(templates, &PageRequest::new(&plan.manifest, job));
    jobs.map(|(index, job)| (index, page(job).map(|page| page.files()))).collect()
}

/// Prepares the selected jobs of each manifest; an error where there is none in any of them.
pub(in crate::commands) fn prepare(
    selection: &Selection,
    folders: &Folders,
    overrides: Overrides<'_>,
) -> Result<Vec<Prepared>, Error> {
    let chosen = rerun::chosen(selection, folders)?;
    let mut plans = plans(&chosen.manifests, &selection.sets, Some(&chosen.filter))?;
    if plans.iter().all(|plan| plan.jobs.is_empty()) {
        return Err(Error::Usage {
            message: "no job matches the filter".to_owned(),
            help: "`gpujobs plan` without --filter lists the jobs".to_owned(),
        });
    }
    let overrides = overrides.with(&chosen.repeat);
    let parts = divided(&mut plans, overrides.shard.or(chosen.shard))?;
    for plan in &mut plans {
        overrides.apply(&mut plan.manifest)?;
    }
    let with_templates = |(plan, part): (Plan, Option<ShardPart>)| {
        let (templates, files) = (templates(&plan.manifest, &chosen)?, BTreeSet::new());
        let repeat = overrides.recorded(&terms_of(&plan.manifest, &chosen.filter));
        Ok(Prepared { plan, templates, files, repeat, part })
    };
    plans.into_iter().zip(parts).map(with_templates).collect()
}

/// The terms of a filter that this manifest knows: another one of the same command may have axes of its own.
fn terms_of(manifest: &Manifest, filter: &str) -> String {
    let own = || manifest.axes.iter().filter(|axis| axis.custom).map(|axis| axis.name.as_str());
    if Filter::parse(filter, own()).is_ok() {
        return filter.to_owned();
    }
    let known: Vec<&str> = filter.split_whitespace().filter(|term| Filter::parse(term, own()).is_ok()).collect();
    known.join(" ")
}

/// The templates of a manifest: the folders of the command line, else those of the manifest, before the built-in ones.
fn templates(manifest: &Manifest, chosen: &Chosen) -> Result<Templates, RenderError> {
    let templates = chosen.templates.as_deref().or(manifest.templates.as_deref());
    let shaders = chosen.shaders.as_deref().or(manifest.shaders.as_deref());
    Templates::new(templates, shaders)
}

impl Prepared {
    /// Renders every job once, in parallel, so that a faulty template is known before a browser opens.
    pub(in crate::commands) fn check_pages(&mut self) -> Result<(), Error> {
        let Self { plan, templates, files, .. } = self;
        settings::check(templates, &plan.manifest, Purpose::Run)?;
        for (index, page) in pages(templates, plan) {
            match page {
                Ok(found) => files.extend(found),
                Err(error) if error.unsupported_reason().is_some() => {}
                Err(error) => return Err(Error::of_page(&plan.jobs[index].id, error)),
            }
        }
        Ok(())
    }
}

/// Installs what the jobs of several plans need and this machine lacks; with `dry_run` only shows how.
pub(in crate::commands) fn set_up(plans: &[&Plan], dry_run: bool, out: &mut dyn Write) -> Result<(), Error> {
    let local = |browser: &&BrowserSettings| browser.webdriver.is_none();
    let browsers = plans.iter().flat_map(|plan| plan.manifest.browsers.values()).filter(local);
    let mut kinds: Vec<BrowserKind> = browsers.map(|browser| browser.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let libraries = plans.iter().any(|plan| models::any(plan));
    install(&Components { browsers: kinds, libraries }, dry_run, out)?;
    let runtimes = plans.iter().flat_map(|plan| models::runtimes(plan));
    install_runtimes(runtimes.map(|(_, runtime)| runtime), dry_run, out)?;
    let modules = plans.iter().flat_map(|plan| models::modules(plan));
    Ok(install_packages(modules.map(|(_, module)| module), dry_run, out)?)
}
