//! From a manifest as written to the checked [`Manifest`], with every fault of the file at once.
//!
//! Each part notes its problems and goes on with what is good; a manifest comes out only when nothing was noted.

mod browsers;
mod capabilities;
mod compiler;
mod hardware;
mod matrix;
mod models;
mod runtimes;
mod serve;
mod sessions;
mod tune;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use strum::VariantNames;

use super::axes::is_name;
use super::problem::{ManifestError, Problem, listed, nearest};
use super::schema::{ManifestFile, MeasureFile};
use super::values::{At, SamplesFile, SamplesRange};
use super::{Backend, Manifest, Measure, Samples, machine};

/// A page keeps its samples in memory, and a median needs no more.
const MOST_SAMPLES: u32 = 100_000;
/// More inferences than this, queued at once, hold up the browser.
const MOST_ITERATIONS: u32 = 1024;
/// A job that takes longer than a day is a dead page.
const LONGEST_TIMEOUT: Duration = Duration::from_hours(24);

/// What is noted while a manifest is checked.
pub(super) struct Checker<'a> {
    /// The manifest's file.
    path: &'a Path,
    /// The folder that its relative paths start from.
    folder: &'a Path,
    /// Faults of the manifest.
    problems: Vec<Problem>,
    /// Faults of the model files that it names, a file each.
    models: Vec<ManifestError>,
    /// Reading left something out, so what is missing now may be there under a wrong key.
    incomplete: bool,
}

/// A name and where it is used.
type Use = (String, Range<usize>);

/// The manifest, or its problems and those of the model files that it names.
pub(super) fn check(
    path: &Path,
    source: &str,
    file: &ManifestFile,
    read: Vec<Problem>,
) -> Result<Manifest, (Vec<Problem>, Vec<ManifestError>)> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let incomplete = !read.is_empty();
    let mut checker = Checker { path, folder, problems: read, models: Vec::new(), incomplete };
    let name = checker.name(file);
    let machine = checker.machine(file);
    let matrix = checker.matrix(file);
    let serve = checker.serve(&file.serve.0);
    let browsers = checker.browsers(&matrix.browsers, &file.browser, serve.address.port());
    let models = checker.models(&matrix.models, &file.model);
    let sessions = checker.sessions(&matrix.sessions, &file.session, &models);
    let runtimes = checker.runtimes(&matrix.runtimes, &file.runtime);
    let measure = checker.measure(&file.measure.0);
    let compiler = checker.compiler(&file.compiler.0);
    let hardware = checker.hardware(&file.hardware.0);
    let tune = checker.tune(&file.tune.0);
    let templates = checker.existing_folder("templates", file.templates.as_ref());
    let shaders = checker.existing_folder("shaders", file.shaders.as_ref());
    let model_store = checker.existing_folder("models", file.models.as_ref());
    if !checker.problems.is_empty() || !checker.models.is_empty() {
        return Err((checker.problems, checker.models));
    }
    Ok(Manifest {
        path: path.to_owned(),
        source: source.to_owned(),
        name,
        description: file.description.clone().unwrap_or_default(),
        machine,
        axes: matrix.axes,
        exclude: matrix.exclude,
        include: matrix.include,
        measure,
        serve,
        hardware,
        browsers,
        models,
        runtimes,
        sessions,
        templates,
        shaders,
        model_store,
        compiler,
        tune,
    })
}

impl Checker<'_> {
    fn note(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// A missing part, noted only when it can't be one that stands in the file under a wrong key.
    fn note_missing(&mut self, problem: Problem) {
        if !self.incomplete {
            self.problems.push(problem);
        }
    }

    /// `machine`, or empty.
    fn machine(&mut self, file: &ManifestFile) -> String {
        let Some(machine) = &file.machine else { return String::new() };
        if let Err(expected) = machine::check(machine.get()) {
            self.note(
                Problem::at(machine.span(), format!("{:?} can't name a machine", machine.get()), expected)
                    .help("leave the key out where the machine needs no name, or give it by --machine NAME"),
            );
        }
        machine.get().clone()
    }

    /// `name`, or the name of the file with what can't stand in a folder's name replaced.
    fn name(&mut self, file: &ManifestFile) -> String {
        if let Some(name) = &file.name {
            if !is_name(name.get()) {
                self.note(
                    Problem::at(
                        name.span(),
                        format!("{:?} can't name a run folder", name.get()),
                        "not a folder's name",
                    )
                    .help("use letters, digits, `-`, `_` and `.`, at most 100 of them, the first a letter or digit"),
                );
            }
            return name.get().clone();
        }
        let stem = self.path.file_stem().unwrap_or_default().to_string_lossy();
        let name: String =
            stem.chars().map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' }).collect();
        let name = name.trim_start_matches(['-', '.']);
        if name.is_empty() { "manifest".to_owned() } else { name.chars().take(100).collect() }
    }

    fn existing_folder(&mut self, key: &str, written: Option<&At<String>>) -> Option<PathBuf> {
        let written = written?;
        let folder = self.folder.join(written.get());
        if !folder.is_dir() {
            let shown = folder.display();
            let others = if key == "models" { "the model store" } else { "the built-in ones" };
            self.note(
                Problem::at(written.span(), format!("`{key}` is not a folder"), format!("there is no folder {shown}"))
                    .help(format!("the path is relative to the manifest; leave the key out to use {others}")),
            );
        }
        Some(folder)
    }

    fn measure(&mut self, file: &MeasureFile) -> Measure {
        let default = Measure::default();
        let timeout = file.timeout.as_ref().map_or(default.timeout, |timeout| {
            let value = timeout.get().0;
            if value.is_zero() || value > LONGEST_TIMEOUT {
                self.note(Problem::at(timeout.span(), "impossible `timeout`", "expected more than 0s, at most 24h"));
            }
            value
        });
        let rounds = file.rounds.as_ref().map_or(default.rounds, |rounds| {
            self.at_least_one("rounds", rounds);
            *rounds.get()
        });
        let instances = file.instances.as_ref().map(|instances| {
            self.at_least_one("instances", instances);
            if *instances.get() > rounds {
                let label = format!("expected at most {rounds}, the number of rounds");
                self.note(
                    Problem::at(instances.span(), "more `instances` than `rounds`", label)
                        .help("each instance of a job has at least one round: raise `rounds`"),
                );
            }
            *instances.get()
        });
        if let Some(iterations) = &file.iterations
            && !(1..=MOST_ITERATIONS).contains(iterations.get())
        {
            let label = format!("expected 1 to {MOST_ITERATIONS}");
            let problem = Problem::at(iterations.span(), format!("`iterations` can't be {}", iterations.get()), label);
            self.note(problem.help("leave the key out to have as many as make a sample long against the clocks"));
        }
        for (key, value) in [("warmup", &file.warmup), ("retries", &file.retries)] {
            if let Some(value) = value
                && *value.get() > MOST_SAMPLES
            {
                let label = format!("expected at most {MOST_SAMPLES}");
                self.note(Problem::at(value.span(), format!("impossible `{key}`"), label));
            }
        }
        Measure {
            warmup: file.warmup.as_ref().map_or(default.warmup, |warmup| *warmup.get()),
            samples: file.samples.as_ref().map_or(default.samples, |samples| self.samples(samples)),
            rounds,
            instances,
            iterations: file.iterations.as_ref().map(|iterations| *iterations.get()),
            latency: file.latency.unwrap_or(default.latency),
            profile: file.profile.unwrap_or(default.profile),
            timeout,
            retries: file.retries.as_ref().map_or(default.retries, |retries| *retries.get()),
            fallback: file.fallback.as_ref().map_or(default.fallback, |names| self.fallback(names)),
            require_hardware: file.require_hardware.unwrap_or(default.require_hardware),
        }
    }

    fn samples(&mut self, samples: &At<SamplesFile>) -> Samples {
        match samples.get() {
            SamplesFile::Exactly(count) => match u32::try_from(*count) {
                Ok(count) if (1..=MOST_SAMPLES).contains(&count) => Samples { min: count, max: count, precision: None },
                _ => {
                    let label = format!("expected 1 to {MOST_SAMPLES}");
                    self.note(Problem::at(samples.span(), format!("`samples` can't be {count}"), label));
                    Samples::default()
                }
            },
            SamplesFile::Range(range) => self.range(range),
        }
    }

    fn range(&mut self, range: &SamplesRange) -> Samples {
        let default = Samples::default();
        for (key, value) in [("min", &range.min), ("max", &range.max)] {
            if let Some(value) = value {
                self.at_least_one(key, value);
            }
        }
        let precision = range.precision.as_ref().map(|precision| {
            let share = precision.get().0.0;
            if share <= 0.0 || share >= 1.0 {
                self.note(
                    Problem::at(precision.span(), "impossible `precision`", "expected more than 0%, less than 100%")
                        .help("it is the half width of the median's 95 % interval; 2% is a good start"),
                );
            }
            share
        });
        let written_min = range.min.as_ref().map(|min| *min.get());
        let written_max = range.max.as_ref().map(|max| *max.get());
        let min = written_min.unwrap_or_else(|| default.min.min(written_max.unwrap_or(default.min)));
        let max = written_max.unwrap_or_else(|| default.max.max(min));
        if let Some(place) = &range.min
            && min > max
        {
            self.note(
                Problem::at(place.span(), format!("`min` is above `max`: {min} > {max}"), format!("at most {max}"))
                    .help("for an exact number of samples write samples = 20"),
            );
        }
        Samples { min, max, precision: precision.or(default.precision) }
    }

    fn at_least_one(&mut self, key: &str, value: &At<u32>) {
        if !(1..=MOST_SAMPLES).contains(value.get()) {
            let label = format!("expected 1 to {MOST_SAMPLES}");
            self.note(Problem::at(value.span(), format!("`{key}` can't be {}", value.get()), label));
        }
    }

    fn fallback(&mut self, names: &[At<String>]) -> Vec<Backend> {
        let mut backends = Vec::new();
        for name in names {
            let Ok(backend) = name.get().parse() else {
                let problem = Problem::at(
                    name.span(),
                    format!("unknown backend `{}`", name.get()),
                    format!("expected one of {}", listed(Backend::VARIANTS)),
                );
                self.note(match nearest(name.get(), Backend::VARIANTS.iter().copied()) {
                    Some(near) => problem.help(format!("did you mean `{near}`?")),
                    None => problem,
                });
                continue;
            };
            if backends.contains(&backend) {
                self.note(Problem::at(name.span(), format!("`{}` is listed twice", name.get()), "the second time"));
            }
            backends.push(backend);
        }
        backends
    }
}
