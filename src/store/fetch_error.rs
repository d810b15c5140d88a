//! Why a model can't be fetched, and what helps.

use std::collections::BTreeSet;
use std::path::PathBuf;

use miette::Diagnostic;

use super::download::DownloadError;
use super::{Dtype, IdError, ModelId};
use crate::registry::PackageError;

/// Why a model can't be fetched.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum FetchError {
    /// The id is not valid.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Id(#[from] IdError),
    /// A package is not named as one.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Package(#[from] PackageError),
    /// There is no place for models.
    #[error("there is no folder for models: this user has no home")]
    #[diagnostic(help("name one with GPUJOBS_MODELS or --store"))]
    NoFolder,
    /// One model's folder would lie in another's.
    #[error("{} can't hold a model: {} is one already", new.display(), old.display())]
    #[diagnostic(help("name another folder with --store, or move the model that is there"))]
    Clash {
        /// The folder of the requested model.
        new: PathBuf,
        /// The folder in its way.
        old: PathBuf,
    },
    /// The hub gives no answer.
    #[error("can't reach {url}: {why}")]
    #[diagnostic(help("check the network, set HF_ENDPOINT to a mirror, or put the files under {} by hand", folder.display()))]
    Offline {
        /// What was asked for.
        url: String,
        /// What the system says.
        why: String,
        /// Where the model would lie.
        folder: PathBuf,
    },
    /// The hub has no such model, or not at that revision.
    #[error("no model `{id}` at revision `{revision}`: {url} was not found (404)")]
    #[diagnostic(help(
        "look for its exact id on the hub; ids are case-sensitive, and --revision names a branch, tag or commit"
    ))]
    NotThere {
        /// The model.
        id: ModelId,
        /// The revision.
        revision: String,
        /// What was asked for.
        url: String,
    },
    /// The hub wants to know who asks.
    #[error("the model `{id}` is gated, private or does not exist: {url} answered with status {status}")]
    #[diagnostic(help("{}", if *token { "accept its terms on the hub, with the account of the token in HF_TOKEN; or look for its exact id" }
        else { "set HF_TOKEN to a token of an account that may read it; or look for its exact id" }))]
    Closed {
        /// The model.
        id: ModelId,
        /// What was asked for.
        url: String,
        /// 401 or 403.
        status: u16,
        /// Whether a token was sent.
        token: bool,
    },
    /// The model has no weights of a dtype.
    #[error("the model `{id}` has no .onnx file of dtype {dtype}; {}", has(there))]
    #[diagnostic(help("ask for another --dtype, or for everything with --all"))]
    NoWeights {
        /// The model.
        id: ModelId,
        /// What was requested.
        dtype: Dtype,
        /// What it has.
        there: BTreeSet<Dtype>,
    },
    /// A file can't be downloaded, or not be stored.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Download(DownloadError),
}

fn has(there: &BTreeSet<Dtype>) -> String {
    let names: Vec<&str> = there.iter().map(<&str>::from).collect();
    if names.is_empty() { "it has no .onnx files at all".to_owned() } else { format!("it has {}", names.join(", ")) }
}
