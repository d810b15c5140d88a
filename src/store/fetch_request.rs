//! A request says which files of a model are fetched: everything small, and the weights of some dtypes.
//!
//! Made from `gpujobs fetch`'s arguments or a job's dtype; used by `fetch` to choose among the files of a listing.

use std::collections::BTreeSet;
use std::path::Path;

use super::download::PARTIAL;
use super::fetch_error::FetchError;
use super::listing::{Listing, Remote};
use super::record::RECORD;
use super::{Dtype, ModelId};

/// The branch that is fetched where none is named.
pub const MAIN: &str = "main";

/// Configurations and tokenizers; the largest vocabularies take some 35 MB.
const SMALL: u64 = 64 << 20;
const SMALL_KINDS: [&str; 4] = ["json", "txt", "model", "jinja"];

/// Which files of a model are fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchRequest {
    /// Weights in each of these.
    pub dtypes: Vec<Dtype>,
    /// A branch, tag or commit.
    pub revision: String,
    /// Every file that the hub has.
    pub all: bool,
}

impl FetchRequest {
    /// The main branch's weights of these dtypes.
    #[must_use]
    pub fn of(dtypes: &[Dtype]) -> Self {
        Self { dtypes: dtypes.to_vec(), revision: MAIN.to_owned(), all: false }
    }

    /// The command that requests the same.
    pub(super) fn command(&self, id: &ModelId) -> String {
        let usual = self.all || self.dtypes == [Dtype::default()];
        let dtypes = self.dtypes.iter().filter(|_| !usual).map(|dtype| format!(" --dtype {dtype}"));
        let revision = (self.revision != MAIN).then(|| format!(" --revision '{}'", self.revision));
        let all = self.all.then(|| " --all".to_owned());
        [format!("gpujobs fetch {id}")].into_iter().chain(dtypes).chain(revision).chain(all).collect()
    }

    /// Refuses a model that has no weights of a requested dtype.
    pub(super) fn check(&self, id: &ModelId, listing: &Listing) -> Result<(), FetchError> {
        let there: BTreeSet<Dtype> = listing.files.keys().filter_map(|path| weights(path)).collect();
        match self.dtypes.iter().find(|dtype| !self.all && !there.contains(dtype)) {
            Some(&dtype) => Err(FetchError::NoWeights { id: id.clone(), dtype, there }),
            None => Ok(()),
        }
    }

    /// The files that are requested, and those that are in the model's folder already, so that it is of one revision.
    #[must_use]
    pub fn choose<'l>(&self, listing: &'l Listing, goal: &Path) -> Vec<&'l Remote> {
        let requested = |file: &Remote| {
            let dtype = weights(&file.path);
            self.all || is_small(file) || dtype.is_some_and(|dtype| self.dtypes.contains(&dtype))
        };
        // These names are gpujobs' own.
        let ours = |path: &str| path == RECORD || path.ends_with(PARTIAL);
        let files = listing.files.values().filter(|file| !ours(&file.path));
        files.filter(|file| requested(file) || goal.join(&file.path).is_file()).collect()
    }
}

/// The dtype of weights that a page looks for: beside the configuration or in `onnx`.
fn weights(path: &str) -> Option<Dtype> {
    let name = path.strip_prefix("onnx/").unwrap_or(path);
    Dtype::of_file(path).filter(|_| !name.contains('/'))
}

fn is_small(file: &Remote) -> bool {
    let name = file.path.strip_prefix("onnx/").unwrap_or(&file.path);
    let kind = name.rsplit_once('.').map_or("", |(_, kind)| kind);
    !name.contains('/') && SMALL_KINDS.contains(&kind) && file.bytes <= SMALL
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::store::checksum::Checksum;

    fn hub_of(files: &[&str]) -> Listing {
        let checksum = Checksum::of_git(&"0".repeat(40)).unwrap();
        let remote = |path: &&str| {
            let bytes = if path.contains("huge") { SMALL + 1 } else { 1 };
            ((*path).to_owned(), Remote { path: (*path).to_owned(), bytes, checksum: checksum.clone() })
        };
        Listing { commit: None, files: files.iter().map(remote).collect() }
    }

    fn chosen<'l>(wish: &FetchRequest, listing: &'l Listing, goal: &Path) -> Vec<&'l str> {
        wish.check(&"a/b".parse().unwrap(), listing).unwrap();
        wish.choose(listing, goal).into_iter().map(|file| file.path.as_str()).collect()
    }

    #[test]
    fn weights_are_of_the_wished_dtypes_and_all_else_is_small() {
        let listing = hub_of(&[
            "README.md",
            "config.json",
            "huge.json",
            "model.safetensors",
            "onnx/decoder_model_merged_q4f16.onnx",
            "onnx/model.onnx",
            "onnx/model.onnx_data",
            "onnx/model_q4.onnx",
            "spiece.model",
            "tf/config.json",
            "vocab.txt",
            "gpujobs-model.toml",
            "config.json.partial",
        ]);
        let nowhere = PathBuf::from("nowhere");
        let q4 = ["config.json", "onnx/model_q4.onnx", "spiece.model", "vocab.txt"];
        assert_eq!(chosen(&FetchRequest::of(&[Dtype::Q4]), &listing, &nowhere), q4);
        let fp32 = ["config.json", "onnx/model.onnx", "onnx/model.onnx_data", "spiece.model", "vocab.txt"];
        assert_eq!(chosen(&FetchRequest::of(&[Dtype::Fp32]), &listing, &nowhere), fp32);
        let all = FetchRequest { all: true, ..FetchRequest::of(&[]) };
        assert_eq!(chosen(&all, &listing, &nowhere).len(), listing.files.len() - 2);
        let error = FetchRequest::of(&[Dtype::Q8]).check(&"a/b".parse().unwrap(), &listing).unwrap_err();
        insta::assert_snapshot!(error, @"the model `a/b` has no .onnx file of dtype q8; it has fp32, q4, q4f16");
    }

    #[test]
    fn what_is_there_is_kept_at_the_same_revision() {
        let goal = tempfile::tempdir().unwrap();
        std::fs::write(goal.path().join("README.md"), "old").unwrap();
        let listing = hub_of(&["README.md", "model.onnx"]);
        assert_eq!(chosen(&FetchRequest::of(&[Dtype::Fp32]), &listing, goal.path()), ["README.md", "model.onnx"]);
    }

    #[test]
    fn a_wish_can_be_typed_again() {
        let id = "a/b".parse().unwrap();
        let wish = FetchRequest { revision: "v2".to_owned(), ..FetchRequest::of(&[Dtype::Q8, Dtype::Fp16]) };
        assert_eq!(wish.command(&id), "gpujobs fetch a/b --dtype q8 --dtype fp16 --revision 'v2'");
        assert_eq!(FetchRequest::of(&[Dtype::Fp32]).command(&id), "gpujobs fetch a/b");
    }
}
