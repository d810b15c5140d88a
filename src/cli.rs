//! The command line as typed; reading it does nothing else.

mod examples;
mod judgement;
mod results;

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};

use crate::manifest::axes::DTYPES;
use crate::plan::Shard;
use crate::report::format::TableFormat;
use crate::store::fetch_request::MAIN;

pub use self::judgement::Judgement;
pub use self::results::{CompareArgs, ExportArgs, HistoryArgs, MergeArgs, ReportArgs};

/// Measures GPU compute and AI models in real browsers: from a TOML manifest to verified rows of CSV.
#[derive(Debug, Parser)]
#[command(name = "gpujobs", version, max_term_width = 110, propagate_version = true, disable_help_subcommand = true)]
#[command(after_long_help = examples::START)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the jobs of manifests in real browsers and write what they measured.
    #[command(after_long_help = examples::RUN)]
    Run(RunArgs),
    /// List the jobs that would run, and estimate the time; opens no browser.
    #[command(after_long_help = examples::PLAN)]
    Plan(PlanArgs),
    /// Write each job's HTML, JS and WGSL, to be opened by hand.
    #[command(after_long_help = examples::RENDER)]
    Render(RenderArgs),
    /// Open each browser and say what it really has: hardware, software or nothing, with the evidence.
    #[command(after_long_help = examples::VERIFY)]
    Verify(VerifyArgs),
    /// Say what is installed and what is missing; opens no browser.
    #[command(after_long_help = examples::DOCTOR)]
    Doctor(DoctorArgs),
    /// Install what is missing with the machine's package managers.
    #[command(after_long_help = examples::SETUP)]
    Setup(SetupArgs),
    /// Compare two runs, or the values of one axis inside one run.
    #[command(after_long_help = examples::COMPARE)]
    Compare(CompareArgs),
    /// Say for each job over several runs what changed when.
    #[command(after_long_help = examples::HISTORY)]
    History(HistoryArgs),
    /// Search for the fastest configurations of kernels that are right, and write them for `workgroup_size = "tuned"`.
    #[command(after_long_help = examples::TUNE)]
    Tune(TuneArgs),
    /// Download models from a hub into the model store.
    #[command(after_long_help = examples::FETCH)]
    Fetch(FetchArgs),
    /// Make one run of several: of its shards, or of several machines.
    #[command(after_long_help = examples::MERGE)]
    Merge(MergeArgs),
    /// Write a run in the format of another program.
    #[command(after_long_help = examples::EXPORT)]
    Export(ExportArgs),
    /// Write runs as one HTML page with charts and tables, which needs no network.
    #[command(after_long_help = examples::REPORT)]
    Report(ReportArgs),
    /// Print the JSON Schema of a manifest or of a model's file, for editors, or of an exported run.
    #[command(after_long_help = examples::SCHEMA)]
    Schema(SchemaArgs),
    /// Write a commented starter manifest.
    #[command(after_long_help = examples::INIT)]
    Init(InitArgs),
    /// Print shell completions.
    #[command(after_long_help = examples::COMPLETIONS)]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Write man pages.
    #[command(after_long_help = examples::MAN)]
    Man(ManArgs),
    /// Print the help of a command, or a part of the reference.
    #[command(after_long_help = examples::HELP)]
    Help(HelpArgs),
    /// Clean up after a gpujobs that was killed; started by gpujobs itself.
    #[command(hide = true)]
    Watchdog,
}

/// Which jobs, and from which templates.
#[derive(Debug, Args)]
pub struct Selection {
    /// Manifests, TOML files; or the run.toml of a run, which stands for --from.
    #[arg(required_unless_present = "from", value_name = "MANIFEST", value_hint = ValueHint::FilePath)]
    pub manifests: Vec<PathBuf>,
    /// Take manifest, models, templates and options from the folder of an earlier run, as they were then.
    #[arg(long, value_name = "RUN_DIR", value_hint = ValueHint::DirPath, conflicts_with = "manifests")]
    pub from: Option<PathBuf>,
    /// Keep only the jobs that match every KEY=GLOB, for instance 'browser=firefox model=whisper*'.
    #[arg(long, value_name = "TERMS")]
    pub filter: Option<String>,
    /// Set a key of the manifest, for instance measure.samples=20; can be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub sets: Vec<String>,
}

/// Folders that are looked in before the built-in templates.
#[derive(Debug, Args)]
pub struct Folders {
    /// WGSL templates used before the built-in ones.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub shaders: Option<PathBuf>,
    /// HTML and JS templates used before the built-in ones.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub templates: Option<PathBuf>,
}

/// `gpujobs run`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct RunArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "documented at its type")]
    pub selection: Selection,
    #[command(flatten)]
    #[expect(missing_docs, reason = "documented at its type")]
    pub folders: Folders,
    /// Where run folders are made.
    #[arg(long, value_name = "DIR", default_value = "results", value_hint = ValueHint::DirPath)]
    pub out: PathBuf,
    /// Show the browsers' windows.
    #[arg(long)]
    pub headed: bool,
    /// A remote WebDriver endpoint or Grid, for every browser that names none.
    #[arg(long, value_name = "URL", env = "GPUJOBS_WEBDRIVER")]
    pub webdriver: Option<String>,
    /// The name of this machine in each row, instead of the manifest's `machine`.
    #[arg(long, value_name = "NAME", env = "GPUJOBS_MACHINE", value_parser = machine)]
    pub machine: Option<String>,
    /// Run one of several equal parts of the jobs, for instance 2/4; jobs that take turns stay together.
    #[arg(long, value_name = "N/OF")]
    pub shard: Option<Shard>,
    /// Resume a run that was interrupted or killed.
    #[arg(long, value_name = "RUN_DIR", value_hint = ValueHint::DirPath)]
    pub resume: Option<PathBuf>,
    /// A software adapter is a failure.
    #[arg(long)]
    pub require_hardware: bool,
    /// Install what is missing first.
    #[arg(long)]
    pub setup: bool,
    /// Download models that are not in the model store first.
    #[arg(long)]
    pub allow_download: bool,
    /// Write what each job's model computed, once it was checked, into the run folder: outputs/JOB/NAME.f32.
    #[arg(long)]
    pub save_outputs: bool,
    /// Show the console of pages and take the time of each kernel, into kernels.csv (-v); show the output of drivers as well
    /// (-vv).
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Show no progress.
    #[arg(short, long, conflicts_with = "verbose")]
    pub quiet: bool,
    /// How the closing table is written to stdout.
    #[arg(long, value_enum, default_value_t = TableFormat::Table)]
    pub format: TableFormat,
}

/// `gpujobs tune`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct TuneArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "documented at its type")]
    pub selection: Selection,
    #[command(flatten)]
    #[expect(missing_docs, reason = "documented at its type")]
    pub folders: Folders,
    /// Where folders with what was found are made.
    #[arg(long, value_name = "DIR", default_value = "results", value_hint = ValueHint::DirPath)]
    pub out: PathBuf,
    /// Try every configuration, whatever `budget` and `evaluations` say.
    #[arg(long)]
    pub exhaustive: bool,
    /// Show the browsers' windows.
    #[arg(long)]
    pub headed: bool,
    /// A remote WebDriver endpoint or Grid, for every browser that names none.
    #[arg(long, value_name = "URL", env = "GPUJOBS_WEBDRIVER")]
    pub webdriver: Option<String>,
    /// A software adapter is a failure.
    #[arg(long)]
    pub require_hardware: bool,
    /// Show the console of pages (-v) and the output of drivers (-vv).
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Show no progress.
    #[arg(short, long, conflicts_with = "verbose")]
    pub quiet: bool,
    /// How the closing table is written to stdout.
    #[arg(long, value_enum, default_value_t = TableFormat::Table)]
    pub format: TableFormat,
}

/// `gpujobs plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "documented at its type")]
    pub selection: Selection,
    #[command(flatten)]
    #[expect(missing_docs, reason = "documented at its type")]
    pub folders: Folders,
    /// A remote WebDriver endpoint or Grid, for every browser that names none: which jobs it can serve.
    #[arg(long, value_name = "URL")]
    pub webdriver: Option<String>,
    /// List one of several equal parts of the jobs, for instance 2/4.
    #[arg(long, value_name = "N/OF")]
    pub shard: Option<Shard>,
    /// How the list is written to stdout.
    #[arg(long, value_enum, default_value_t = PlanFormat::Table)]
    pub format: PlanFormat,
}

/// How a plan is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PlanFormat {
    /// For a terminal.
    Table,
    /// For a program.
    Json,
}

/// `gpujobs render`.
#[derive(Debug, Args)]
pub struct RenderArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "documented at its type")]
    pub selection: Selection,
    #[command(flatten)]
    #[expect(missing_docs, reason = "documented at its type")]
    pub folders: Folders,
    /// Where a folder for each job is made.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub out: PathBuf,
}

/// `gpujobs verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The browsers to open; without it all that are installed.
    #[arg(long = "browser", value_name = "NAME")]
    pub browsers: Vec<String>,
    /// Show the browsers' windows.
    #[arg(long)]
    pub headed: bool,
    /// Show the console of pages (-v) and the output of drivers (-vv).
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// How the answer is written to stdout.
    #[arg(long, value_enum, default_value_t = PlanFormat::Table)]
    pub format: PlanFormat,
}

/// `gpujobs doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Instead say what a remote WebDriver endpoint or Grid has: its nodes, browsers and free slots.
    #[arg(long, value_name = "URL")]
    pub webdriver: Option<String>,
    /// How the answer is written to stdout.
    #[arg(long, value_enum, default_value_t = PlanFormat::Table)]
    pub format: PlanFormat,
}

/// `gpujobs setup`.
#[derive(Debug, Args)]
pub struct SetupArgs {
    /// What to install, or manifests whose jobs need it; without it what the browsers of this system need.
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Only print the commands.
    #[arg(long)]
    pub dry_run: bool,
}

/// `gpujobs fetch`.
#[derive(Debug, Args)]
pub struct FetchArgs {
    /// The models as the hub names them, for instance onnx-community/whisper-tiny, or packages of a registry that carry one, such
    /// as pypi:silero-vad@6.2.3 or npm:@org/name@1.0.0.
    #[arg(required = true, value_name = "ID")]
    pub ids: Vec<String>,
    /// The number format of the weights; can be repeated.
    #[arg(long = "dtype", value_name = "DTYPE", default_value = DTYPES[0], value_parser = PossibleValuesParser::new(DTYPES))]
    pub dtypes: Vec<String>,
    /// The branch, tag or commit.
    #[arg(long, value_name = "REVISION", default_value = MAIN)]
    pub revision: String,
    /// Download every file that the hub has.
    #[arg(long, conflicts_with = "dtypes")]
    pub all: bool,
    /// The folder of models, instead of `$GPUJOBS_MODELS` or the one in the user's data folder.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub store: Option<PathBuf>,
    /// Show no progress.
    #[arg(short, long)]
    pub quiet: bool,
}

/// `gpujobs init`.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// The manifest's name; the file is NAME.toml.
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
}

/// `gpujobs schema`.
#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// Of a model's file instead of a manifest.
    #[arg(long)]
    pub model: bool,
    /// Of what `gpujobs export --format json` writes.
    #[arg(long, conflicts_with = "model")]
    pub run: bool,
}

/// `gpujobs man`.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// Where the pages are written, one a command; made where it is missing.
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub dir: PathBuf,
}

/// `gpujobs help`.
#[derive(Debug, Args)]
pub struct HelpArgs {
    /// A command, or a part of the reference: columns, manifest, model, ops, warnings.
    #[arg(value_name = "TOPIC")]
    pub topic: Option<String>,
}

/// A machine's name; an empty one is none, as a variable may be that is not set on every machine.
fn machine(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Ok(String::new());
    }
    crate::manifest::machine::check(text).map(|()| text.to_owned())
}
