//! A manifest exactly as it is written: every key optional, every value with its place in the file.
//!
//! Made by [`read`](super::read::read); `check` asks for what is missing and turns it into a `Manifest`.
//! The same types are the JSON Schema of `gpujobs schema`, so the first line of each comment is what an editor shows.

use std::time::Duration;

use indexmap::IndexMap;
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::Value as Json;
use strum::VariantNames;

use super::Backend;
use super::hardware::HardwareFile;
pub use super::matrix_file::{Entry, MatrixFile};
use super::runtime::RuntimeFile;
use super::serve::ServeFile;
use super::session::SessionFile;
use super::tune::TuneFile;
use super::values::{At, SamplesFile, Table, Value, Written, one_or_many};

/// What to compare in real browsers, and how to measure it.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "gpujobs manifest")]
pub struct ManifestFile {
    /// Names the run folder: letters, digits, `-`, `_` and `.`; default the name of the file.
    pub name: Option<At<String>>,
    /// What is being compared, in a sentence.
    pub description: Option<String>,
    /// The machine's name in each row, unless `--machine NAME` says another one; default none.
    pub machine: Option<At<String>>,
    /// A folder of page templates, relative to this file, looked in before the built-in ones.
    pub templates: Option<At<String>>,
    /// A folder of shader templates, relative to this file, looked in before the built-in ones.
    pub shaders: Option<At<String>>,
    /// A folder of models, relative to this file, looked in before the model store.
    pub models: Option<At<String>>,
    /// The axes: each combination of their values is one job, and the first axis varies slowest.
    pub matrix: Option<At<Table<MatrixFile>>>,
    /// Axes of your own; they reach the templates as variables of the same name.
    #[schemars(schema_with = "custom_axes")]
    pub axes: IndexMap<At<String>, At<Value>>,
    /// How each job is measured.
    pub measure: Table<MeasureFile>,
    /// How a browser is found and started, by its name in the matrix.
    #[schemars(with = "IndexMap<String, BrowserFile>")]
    pub browser: IndexMap<At<String>, Table<BrowserFile>>,
    /// A model file of your own, or other parameters for a model, by its name in the matrix.
    #[schemars(with = "IndexMap<String, ModelFile>")]
    pub model: IndexMap<At<String>, Table<ModelFile>>,
    /// Options of the sessions of models of ONNX, by their name on the axis `session`.
    #[schemars(with = "IndexMap<String, SessionFile>")]
    pub session: IndexMap<At<String>, Table<SessionFile>>,
    /// Versions of the libraries that run models of ONNX, by their name on the axis `runtime`.
    #[schemars(with = "IndexMap<String, RuntimeFile>")]
    pub runtime: IndexMap<At<String>, Table<RuntimeFile>>,
    /// How browsers reach the pages, and what that network is like.
    pub serve: Table<ServeFile>,
    /// How kernels are fitted to the compiler of a browser.
    pub compiler: Table<CompilerFile>,
    /// What the hardware can do at most.
    pub hardware: Table<HardwareFile>,
    /// What `gpujobs tune` searches.
    pub tune: Table<TuneFile>,
}

/// How each job is measured.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MeasureFile {
    /// Least number of inferences that warm a job up, which goes on until it is steady; default 3; 0 takes none.
    pub warmup: Option<At<u32>>,
    /// Samples a job: a number, or when to stop; default { min = 10, max = 100, precision = "2%" }.
    pub samples: Option<At<SamplesFile>>,
    /// Over how many rounds the samples are spread, with the jobs interleaved; default 10.
    pub rounds: Option<At<u32>>,
    /// How many times each job is made ready in the course of its rounds, at most once a round. By default as often as fits into
    /// three seconds, but once where that is less than six times, or where `cache` is `cold`.
    pub instances: Option<At<u32>>,
    /// Inferences in each sample, queued one after the other before one wait; by default as many as make a sample long.
    pub iterations: Option<At<u32>>,
    /// true: single inferences, each waited for, are timed as well (the latency columns); default false.
    pub latency: Option<bool>,
    /// true: what each kernel costs is measured after the samples, into `kernels.csv`; default false.
    pub profile: Option<bool>,
    /// How long one job may take, such as "60s" (the default).
    pub timeout: Option<At<Written<Duration>>>,
    /// How often a job that timed out or lost its browser is tried again; default 1.
    pub retries: Option<At<u32>>,
    /// Backends tried in turn where a job's own is missing; default `["wasm"]`; `[]` reports it as unsupported.
    #[schemars(schema_with = "backend_list")]
    pub fallback: Option<Vec<At<String>>>,
    /// true: a software adapter is a failure; default false.
    pub require_hardware: Option<bool>,
}

/// How a browser is found and started.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BrowserFile {
    /// The product, for a name of your own.
    #[schemars(schema_with = "kinds")]
    pub kind: Option<At<String>>,
    /// The browser's program; by default it is looked for on the machine.
    pub binary: Option<At<String>>,
    /// The driver's program; by default it is looked for on the machine.
    pub driver: Option<At<String>>,
    /// A remote `WebDriver` endpoint or Grid, such as `"https://host:4444"`; it may hold a user and a password.
    pub webdriver: Option<At<String>>,
    /// Headers of each command to that endpoint, from environment variables: `{ Authorization = "GRID_TOKEN" }`.
    #[schemars(with = "IndexMap<String, String>")]
    pub headers_from_env: IndexMap<At<String>, At<String>>,
    /// Capabilities put over those that gpujobs asks for, such as a vendor's; a secret is written `{ env = "VARIABLE" }`.
    #[schemars(with = "IndexMap<String, Json>")]
    pub capabilities: IndexMap<At<String>, At<toml::Value>>,
    /// Arguments added to those that gpujobs passes.
    pub args: Vec<String>,
    /// Preferences added to those that gpujobs sets.
    #[schemars(schema_with = "prefs")]
    pub prefs: IndexMap<String, At<Value>>,
    /// false opens a window; default true.
    pub headless: Option<bool>,
    /// A command that lets a browser elsewhere reach the page server, run while the browser is open and without a shell, such as
    /// "ssh -N -R {port}:127.0.0.1:{port} user@host"; {port} stands for the server's port.
    #[schemars(schema_with = "words")]
    pub tunnel: Option<At<Value>>,
}

/// A model file of your own, or other parameters for a model.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ModelFile {
    /// The model's file, relative to this one; by default it is looked up by its name.
    pub file: Option<At<String>>,
    /// Another model of the same kind for a model of the engine `transformers`: its id in the model store.
    pub id: Option<At<String>>,
    /// A `.safetensors` file with the real weights of a model of the engine `wgsl`, relative to this one, to the model's
    /// file, or under the model store; without it they are seeded.
    pub weights: Option<At<String>>,
    /// Parameters of the model with other values than in its file.
    #[schemars(with = "IndexMap<String, f64>")]
    pub params: IndexMap<At<String>, At<f64>>,
}

/// How kernels are fitted to the compiler of a browser.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CompilerFile {
    /// Files of winners that `gpujobs tune` wrote, relative to this file: what `workgroup_size = "tuned"` looks in first.
    #[schemars(schema_with = "texts")]
    pub tuned: Option<At<Value>>,
    /// Chrome's and Edge's: parameters by kernel.
    #[schemars(schema_with = "settings")]
    pub tint: IndexMap<At<String>, IndexMap<At<String>, At<Value>>>,
    /// Firefox's: parameters by kernel.
    #[schemars(schema_with = "settings")]
    pub naga: IndexMap<At<String>, IndexMap<At<String>, At<Value>>>,
    /// Safari's: parameters by kernel.
    #[schemars(schema_with = "settings")]
    pub webkit: IndexMap<At<String>, IndexMap<At<String>, At<Value>>>,
}

fn settings(_: &mut SchemaGenerator) -> Schema {
    let values =
        json_schema!({ "type": "object", "additionalProperties": { "type": ["boolean", "integer", "string"] } });
    json_schema!({ "type": "object", "additionalProperties": values })
}

/// The JSON Schema of a manifest, draft 2020-12.
#[must_use]
pub fn json_schema() -> Schema {
    schema_of::<ManifestFile>()
}

/// The JSON Schema of a TOML file, draft 2020-12.
pub(super) fn schema_of<File: JsonSchema>() -> Schema {
    SchemaSettings::draft2020_12()
        .with_transform(RecursiveTransform(without_null))
        .into_generator()
        .into_root_schema_for::<File>()
}

/// The tables that have the key, by their headers: for a remedy where it stands in another one.
#[must_use]
pub fn tables_with(key: &str) -> Vec<&'static str> {
    const TABLES: [(&str, &str); 10] = [
        ("[matrix]", "MatrixFile"),
        ("[measure]", "MeasureFile"),
        ("[browser.NAME]", "BrowserFile"),
        ("[model.NAME]", "ModelFile"),
        ("[session.NAME]", "SessionFile"),
        ("[runtime.NAME]", "RuntimeFile"),
        ("[serve]", "ServeFile"),
        ("[compiler]", "CompilerFile"),
        ("[hardware]", "HardwareFile"),
        ("[tune]", "TuneFile"),
    ];
    let schema = json_schema();
    let has = |name: &str| schema.pointer(&format!("/$defs/{name}/properties/{key}")).is_some();
    TABLES.into_iter().filter(|(_, name)| has(name)).map(|(header, _)| header).collect()
}

/// Takes out the `null` that schemars allows for each `Option`: TOML has none, and editors would offer it.
fn without_null(schema: &mut Schema) {
    if schema.get("default").is_some_and(Json::is_null) {
        schema.remove("default");
    }
    if let Some(Json::Array(types)) = schema.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            schema.insert("type".to_owned(), only);
        }
    }
    if let Some(Json::Array(options)) = schema.get_mut("anyOf") {
        options.retain(|option| option.get("type").is_none_or(|name| name != "null"));
        if let [Json::Object(only)] = options.as_slice() {
            let only = only.clone();
            schema.remove("anyOf");
            for (key, value) in only {
                schema.insert(key, value);
            }
        }
    }
}

fn texts(_: &mut SchemaGenerator) -> Schema {
    one_or_many(&json_schema!({ "type": "string" }))
}

/// A command: its words as a list, or as a text in which spaces part them.
fn words(_: &mut SchemaGenerator) -> Schema {
    let word = json_schema!({ "type": "string", "minLength": 1 });
    json_schema!({ "anyOf": [word, { "type": "array", "minItems": 1, "items": word }] })
}

fn backend_list(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "uniqueItems": true, "items": { "enum": Backend::VARIANTS } })
}

fn custom_axes(_: &mut SchemaGenerator) -> Schema {
    let value = one_or_many(&json_schema!({ "type": ["boolean", "number", "string"] }));
    json_schema!({ "type": "object", "additionalProperties": value })
}

fn kinds(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "enum": crate::webdriver::BrowserKind::VARIANTS })
}

fn prefs(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "additionalProperties": { "type": ["boolean", "integer", "string"] } })
}
