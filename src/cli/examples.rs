//! The examples at the end of each command's long help; a test parses every line that begins with `gpujobs`.

/// Of `gpujobs --help`.
pub(super) const START: &str = "\
Examples:
  gpujobs init mine
      Write mine.toml, a manifest with comments to start from
  gpujobs plan mine.toml
      List its jobs, and how long they will take
  gpujobs run mine.toml
      Run them; the run's folder is under results/

The reference: gpujobs help columns, manifest, model, ops or warnings";

pub(super) const RUN: &str = "\
Examples:
  gpujobs run manifests/audio.toml
      Run all jobs in each browser of the manifest
  gpujobs run manifests/audio.toml --filter 'browser=firefox workgroup_size=256x1x1'
      Run the jobs that match both
  gpujobs run manifests/audio.toml --set measure.samples=20 --format markdown
      Take 20 samples a job, and print the closing table for a document
  gpujobs run manifests/audio.toml --resume results/audio-20261122T175200Z
      Go on with a run that was interrupted; finished jobs are kept
  gpujobs run manifests/audio.toml --shard 2/4 --machine lab-2
      Run the second of four parts, whose rows name this machine; `gpujobs merge` makes one run of the four
  gpujobs run manifests/audio.toml --webdriver http://grid.example:4444
      Run in the browsers of a Selenium Grid

Exit codes:
  0    all well
  1    a job failed, or what it computed is wrong
  2    wrong arguments, manifest or template
  3    no browser or driver
  130  interrupted; what was measured is kept";

pub(super) const PLAN: &str = "\
Examples:
  gpujobs plan manifests/audio.toml
      List the jobs, those that can't run with the reason, and the time that all will take
  gpujobs plan manifests/audio.toml --filter 'model=whisper*' --format json
      List some of them for a program
  gpujobs plan manifests/audio.toml --shard 2/4
      List the second of four parts that can run on four machines";

pub(super) const RENDER: &str = "\
Examples:
  gpujobs render manifests/audio.toml --out pages
      Write a folder with HTML, JS and WGSL for each job
  gpujobs render manifests/audio.toml --filter browser=firefox --out pages
      Only what Firefox would be given";

pub(super) const VERIFY: &str = "\
Examples:
  gpujobs verify
      Open each installed browser and say what it computes on
  gpujobs verify --browser chrome --browser firefox --format json
      Ask two of them, for a program";

pub(super) const DOCTOR: &str = "\
Examples:
  gpujobs doctor
      List browsers, drivers, libraries and models, and a remedy for each gap
  gpujobs doctor --webdriver http://host:4444
      List the nodes of a Selenium Grid with their browsers, versions and free slots";

pub(super) const SETUP: &str = "\
Examples:
  gpujobs setup --dry-run
      Print the commands that would install what is missing
  gpujobs setup firefox
      Install one browser with its driver
  gpujobs setup manifests/text.toml
      Install what a manifest's jobs need, with the versions of each [runtime.NAME]";

pub(super) const COMPARE: &str = "\
Examples:
  gpujobs compare results/audio-20261122T175200Z results/audio-20261123T090000Z
      Compare the jobs of two runs that have the same id
  gpujobs compare results/audio-20261122T175200Z --by browser
      Compare the browsers of one run
  gpujobs compare results/base results/new --fail-above 5%
      Exit with 1 where a job became slower by more than 5 %";

pub(super) const HISTORY: &str = "\
Examples:
  gpujobs history results
      Say of each job of the runs in a folder from which run on it is slower or faster
  gpujobs history 'results/audio-*' --filter browser=firefox --format json
      The same of some runs and jobs, with every point, for a program
  gpujobs history results --fail-above 5%
      Exit with 1 where a job's last change made it slower by more than 5 %";

pub(super) const TUNE: &str = "\
Examples:
  gpujobs tune manifests/tune.toml
      Search what [tune] of the manifest opens, within its budget
  gpujobs tune manifests/tune.toml --filter browser=chrome --exhaustive
      Try every configuration in one browser";

pub(super) const FETCH: &str = "\
Examples:
  gpujobs fetch onnx-community/whisper-tiny
      Download a model with fp32 weights
  gpujobs fetch onnx-community/whisper-tiny --dtype fp16 --dtype q8
      Download it in two other number formats";

pub(super) const MERGE: &str = "\
Examples:
  gpujobs merge shards/* -o results/audio-all
      Make one run of the shards that `gpujobs run --shard 1/4` to `4/4` made, wherever they ran
  gpujobs merge results/audio-20261122T175200Z results/audio-20261123T090000Z -o results/audio-both
      Make one run of those of two machines
  gpujobs merge shards/* -o results/audio-some --allow-missing
      Make one of what is there, where a shard was lost";

pub(super) const EXPORT: &str = "\
Examples:
  gpujobs export results/audio-20261122T175200Z --format xlsx
      Write a workbook into the run's folder
  gpujobs export results/audio-20261122T175200Z --format xlsx --output audio.xlsx
      Write it elsewhere
  gpujobs export results/audio-20261122T175200Z --format parquet --output tables
      Write tables/jobs.parquet, tables/samples.parquet, …
  gpujobs export results/audio-20261122T175200Z --format bencher --output bmf.json
      Write what `bencher run --adapter json --file bmf.json` sends";

pub(super) const REPORT: &str = "\
Examples:
  gpujobs report results/audio-20261122T175200Z --open
      Write report.html into the run's folder, and show it
  gpujobs report results/audio-20261122T175200Z results/audio-20261123T090000Z --output audio.html
      Show two runs and how the second compares with the first
  gpujobs report results --output history.html
      Show all runs of a folder, oldest first, with the history of each job";

pub(super) const SCHEMA: &str = "\
Examples:
  gpujobs schema
      Print the schema of a manifest
  gpujobs schema --model
      Print that of a model's file
  gpujobs schema --run
      Print that of a run as `gpujobs export --format json` writes it";

pub(super) const INIT: &str = "\
Examples:
  gpujobs init mine
      Write mine.toml";

pub(super) const COMPLETIONS: &str = "\
Examples:
  gpujobs completions bash
      Print a script for bash; what to do with it is up to the shell";

pub(super) const MAN: &str = "\
Examples:
  gpujobs man /usr/local/share/man/man1
      Write gpujobs.1, gpujobs-run.1 and so on where man looks for them";

pub(super) const HELP: &str = "\
Examples:
  gpujobs help run
      The same as gpujobs run --help
  gpujobs help columns
      What stands in each column of jobs.csv, samples.csv, parts.csv and kernels.csv
  gpujobs help manifest
      The axes and keys of a manifest
  gpujobs help model
      The keys of a model's file, and the tasks of transformers.js
  gpujobs help ops
      The ops of the engine wgsl
  gpujobs help warnings
      What each warning says, and what helps";
