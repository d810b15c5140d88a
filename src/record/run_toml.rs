//! `run.toml`: what a run was, for those who read its rows a year later.

use std::path::Path;

use indexmap::IndexMap;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::host::Host;
use super::inputs::{InputToml, RepeatToml};
use super::{FORMAT, RecordError};
use crate::harness::executor::Opened;
use crate::manifest::Manifest;
use crate::measure::Measurement;
use crate::plan::{Shard, ShardPart};
use crate::protocol::adapter::AdapterFacts;
use crate::protocol::event::PageFacts;
use crate::user_file;
use crate::webdriver::without_logins;

/// The file's content.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct RunToml {
    /// Of the run folder.
    pub format: u32,
    /// The run folder's name.
    pub run_id: String,
    /// RFC 3339, UTC.
    pub started_at: String,
    /// Of gpujobs.
    pub gpujobs_version: String,
    /// As typed, but for the logins of addresses.
    pub command: Vec<String>,
    /// The file as it was named.
    pub manifest_path: String,
    /// The manifest as read, `--set` included and the logins of addresses left out.
    pub manifest: String,
    /// How many jobs were planned; runs of older versions and tunings do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned_jobs: Option<usize>,
    /// Which of several shards of its jobs it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<ShardToml>,
    /// The machine that drove the browsers.
    pub host: HostToml,
    /// How the run is repeated from its folder; runs of older versions have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeat: Option<RepeatToml>,
    /// The files that the run was made of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub input: Vec<InputToml>,
    /// The parameters of each model by its name, as the run used them; older versions did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_params: Option<IndexMap<String, IndexMap<String, f64>>>,
    /// Each browser as it was first opened; a run that was merged has them in its parts.
    #[serde(default)]
    pub browser: IndexMap<String, BrowserToml>,
    /// What it was made of, where `gpujobs merge` made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged: Option<MergedToml>,
}

/// What a merged run was made of.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct MergedToml {
    /// RFC 3339, UTC.
    pub merged_at: String,
    /// What is not in it though the runs were to have it, in words: `--allow-missing` let it through.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// The runs, as they were named.
    #[serde(default)]
    pub part: Vec<PartToml>,
}

/// A run that is a part of a merged one; where the two say the same thing under one name it is the same.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct PartToml {
    /// What its rows have in the merged run, and what its folders below `logs` and `outputs` are called.
    pub run_id: String,
    /// What they had before, where another run has that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<String>,
    /// Its folder, as it was named.
    pub folder: String,
    /// RFC 3339, UTC.
    pub started_at: String,
    /// Of gpujobs.
    pub gpujobs_version: String,
    /// As typed.
    pub command: Vec<String>,
    /// The file as it was named.
    pub manifest_path: String,
    /// How many jobs were planned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned_jobs: Option<usize>,
    /// How many rows it has.
    pub jobs: usize,
    /// Which shard it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<ShardToml>,
    /// The machine that drove its browsers.
    pub host: HostToml,
    /// Each browser as it was first opened.
    #[serde(default)]
    pub browser: IndexMap<String, BrowserToml>,
}

impl PartToml {
    /// Whether it was made of this run.
    #[must_use]
    pub fn is_of(&self, run: &RunToml) -> bool {
        let id = self.was.as_ref().unwrap_or(&self.run_id);
        (id, &self.started_at, &self.host, &self.shard) == (&run.run_id, &run.started_at, &run.host, &run.shard)
    }
}

/// A part of a run that was divided by `--shard`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShardToml {
    /// From 1.
    pub number: u32,
    /// How many shards there are.
    pub of: u32,
    /// The jobs of all of them together.
    pub jobs: usize,
    /// The first 16 digits of a SHA-256 of which job is in which shard: shards with the same one fit together.
    pub division: String,
}

impl From<&ShardPart> for ShardToml {
    fn from(part: &ShardPart) -> Self {
        let ShardPart { shard: Shard { number, of }, jobs, division } = part.clone();
        Self { number, of, jobs, division }
    }
}

impl ShardToml {
    /// Which of how many.
    #[must_use]
    pub fn shard(&self) -> Shard {
        Shard { number: self.number, of: self.of }
    }
}

/// See [`Host`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "the fields are those of `Host`")]
pub struct HostToml {
    /// Its name, where it has one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub machine: String,
    pub os: String,
    pub cpu: String,
}

/// A browser of the run.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "the fields are those of `Opened` and `Measurement`")]
pub struct BrowserToml {
    pub browser_version: String,
    pub driver_version: String,
    pub headless: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<PageFacts>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adapter: Option<AdapterFacts>,
}

impl RunToml {
    /// Of a run that starts now.
    #[must_use]
    pub fn of(manifest: &Manifest, started: Timestamp) -> Self {
        let host = Host::of_this_machine();
        let params = manifest.models.iter().map(|(name, model)| (name.clone(), model.params.clone())).collect();
        Self {
            format: FORMAT,
            run_id: String::new(),
            started_at: started.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            gpujobs_version: env!("CARGO_PKG_VERSION").to_owned(),
            command: std::env::args().map(|word| without_logins(&word)).collect(),
            manifest_path: manifest.path.display().to_string(),
            manifest: without_logins(&manifest.source),
            planned_jobs: None,
            shard: None,
            model_params: Some(params),
            host: HostToml { machine: manifest.machine.clone(), os: host.os, cpu: host.cpu },
            repeat: None,
            input: Vec::new(),
            browser: IndexMap::new(),
            merged: None,
        }
    }

    /// Remembers a browser at its first job and its adapter at its first measurement; true where that was news.
    pub fn note_browser(&mut self, name: &str, session: &Opened, measurement: Option<&Measurement>) -> bool {
        let known = self.browser.len();
        let noted = self.browser.entry(name.to_owned()).or_insert_with(|| BrowserToml {
            browser_version: session.browser_version.clone(),
            driver_version: session.driver_version.clone(),
            headless: session.headless,
            page: session.page.clone(),
            adapter: None,
        });
        let adapter = measurement.and_then(|measurement| measurement.adapter.as_ref());
        let news = noted.adapter.is_none() && adapter.is_some();
        if news {
            noted.adapter = adapter.cloned();
        }
        news || self.browser.len() > known
    }

    /// Writes the file as a whole: a reader sees the old one or the new one.
    pub fn write(&self, folder: &Path) -> Result<(), RecordError> {
        let path = folder.join("run.toml");
        let fail = |error: std::io::Error| RecordError::io("write", &path)(error);
        let text = toml::to_string_pretty(self).map_err(|error| fail(std::io::Error::other(error)))?;
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(fail)?;
        std::io::Write::write_all(&mut file, text.as_bytes()).map_err(fail)?;
        file.as_file().sync_data().map_err(fail)?;
        file.persist(&path).map_err(|error| fail(error.error))?;
        Ok(())
    }

    /// Reads the file of a run folder.
    pub fn read(folder: &Path) -> Result<Self, RecordError> {
        let path = folder.join("run.toml");
        let text = match user_file::read_to_string(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(RecordError::NotTheRun {
                    path: folder.to_owned(),
                    reason: "is no run folder: it holds no run.toml".to_owned(),
                    help: "run folders are made under --out DIR, `results` by default".to_owned(),
                });
            }
            text => text.map_err(RecordError::io("read", &path))?,
        };
        let not_the_run = |reason: String| RecordError::NotTheRun {
            path: path.clone(),
            reason,
            help: "name a folder that `gpujobs run` wrote".to_owned(),
        };
        let run: Self = toml::from_str(&text).map_err(|error| not_the_run(format!("is not readable: {error}")))?;
        if run.format != FORMAT {
            return Err(not_the_run(format!("has format {}, this gpujobs reads format {FORMAT}", run.format)));
        }
        Ok(run)
    }
}
