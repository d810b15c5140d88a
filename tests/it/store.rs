//! Models come whole or not at all. What hubs and networks do wrong is in `store_faults`.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use gpujobs::store::checksum::Checksum;
use gpujobs::store::fetch::{ensure, fetch};
use gpujobs::store::fetch_error::FetchError;
use gpujobs::store::hub::{Hub, RetryPolicy};
use gpujobs::store::record::Record;
use gpujobs::store::{Dtype, FetchEvent, FetchRequest, Store};
use miette::Diagnostic;

use crate::support::hub::{COMMIT, FakeHub, Fault, ID, weights};

pub(crate) const MODEL: &str = "onnx/model.onnx";

/// A store in a folder of its own.
pub(crate) struct Shelf {
    folder: tempfile::TempDir,
    store: Store,
}

impl Shelf {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { store: Store::at(folder.path().join("models")), folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("models").join(name)
    }

    /// Fetches from a stand-in, without long pauses.
    pub(crate) fn fetch(&self, hub: &FakeHub, dtypes: &[Dtype]) -> Result<PathBuf, FetchError> {
        self.fetch_told(hub, dtypes, &mut |_| ())
    }

    pub(crate) fn fetch_told(
        &self,
        hub: &FakeHub,
        dtypes: &[Dtype],
        tell: &mut dyn FnMut(FetchEvent<'_>),
    ) -> Result<PathBuf, FetchError> {
        fetch(&asked(hub, None), &self.store, &ID.parse().unwrap(), &FetchRequest::of(dtypes), tell)
    }

    /// An error as users see it, with nothing to be found in the store.
    #[track_caller]
    pub(crate) fn refused(&self, hub: &FakeHub) -> String {
        let error = self.fetch(hub, &[Dtype::Fp32]).unwrap_err();
        assert_eq!(self.store.find(ID), None);
        assert!(self.store.list().is_empty());
        let help = error.help().map(|help| help.to_string()).unwrap_or_default();
        let folder = self.folder.path().to_string_lossy().into_owned();
        format!("{error}\nhelp: {help}").replace(&hub.url, "HUB").replace(&folder, "FOLDER")
    }
}

fn asked(hub: &FakeHub, token: Option<&str>) -> Hub {
    let mut asked = Hub::new(&hub.url, token.map(str::to_owned)).unwrap();
    asked.patience = RetryPolicy { tries: 3, pause: Duration::from_millis(1) };
    asked
}

#[track_caller]
pub(crate) fn assert_whole(folder: &Path) {
    assert_eq!(fs::read(folder.join(MODEL)).unwrap(), weights(1));
    assert_eq!(fs::read(folder.join("config.json")).unwrap(), b"{}\n");
    let there: Vec<String> = gpujobs::store::files(folder).into_iter().map(|(path, _)| path).collect();
    assert_eq!(there, ["config.json", "gpujobs-model.toml", MODEL, "tokenizer.json"]);
}

fn ranges(hub: &FakeHub, path: &str) -> Vec<String> {
    hub.files_seen().into_iter().filter(|(seen, _)| seen == path).map(|(_, range)| range).collect()
}

#[test]
fn a_model_is_fetched_with_what_its_dtype_needs() {
    let (shelf, hub) = (Shelf::new(), FakeHub::tiny());
    assert_eq!(shelf.store.find(ID), None);
    let folder = shelf.fetch(&hub, &[Dtype::Fp32]).unwrap();
    assert_whole(&folder);
    assert_eq!(shelf.store.find(ID), Some(folder.clone()));
    assert_eq!(shelf.store.find_with(&ID.parse().unwrap(), &[Dtype::Fp32]), Some(folder.clone()));
    assert_eq!(shelf.store.find_with(&ID.parse().unwrap(), &[Dtype::Q8]), None);
    let stored = shelf.store.list();
    assert_eq!((stored.len(), stored[0].id.as_str(), &stored[0].folder), (1, ID, &folder));
    assert!(shelf.store.unfinished().is_empty());

    let record = Record::read(&folder).unwrap();
    assert_eq!((record.id.as_str(), record.endpoint, record.revision.as_str()), (ID, hub.url.clone(), "main"));
    assert_eq!(record.commit.as_deref(), Some(COMMIT));
    assert_eq!(record.files.len(), 3);
    let digest = Checksum::of_lfs(record.files[1].sha256.as_ref().unwrap()).unwrap();
    assert_eq!(digest.of_file(&folder.join(MODEL)).unwrap(), digest);
}

#[test]
fn a_run_that_may_download_asks_the_store_first() {
    let (shelf, hub) = (Shelf::new(), FakeHub::tiny());
    let folder = shelf.fetch(&hub, &[Dtype::Fp32]).unwrap();
    // No hub is asked, not even that of the environment.
    let tell = &mut |event: FetchEvent<'_>| panic!("{event:?}");
    assert_eq!(ensure(&shelf.store, ID, &[Dtype::Fp32], tell).unwrap(), folder);
    assert!(matches!(ensure(&shelf.store, "../evil", &[], tell), Err(FetchError::Id(_))));
}

#[test]
fn what_is_there_is_not_downloaded_again() {
    let (shelf, hub) = (Shelf::new(), FakeHub::tiny());
    shelf.fetch(&hub, &[Dtype::Fp32]).unwrap();
    hub.seen();
    let mut told = 0;
    shelf.fetch_told(&hub, &[Dtype::Fp32], &mut |_| told += 1).unwrap();
    assert_eq!((hub.files_seen(), told), (vec![], 0));

    let folder = shelf.fetch(&hub, &[Dtype::Q8]).unwrap();
    assert_eq!(hub.files_seen(), [("onnx/model_quantized.onnx".to_owned(), String::new())]);
    assert_eq!(gpujobs::store::dtypes_of(&folder), [Dtype::Fp32, Dtype::Q8].into());
}

#[test]
fn a_new_revision_takes_the_place_of_all_that_was_there() {
    let (shelf, hub) = (Shelf::new(), FakeHub::tiny());
    let folder = shelf.fetch(&hub, &[Dtype::Fp32]).unwrap();
    fs::write(folder.join("notes.txt"), "mine").unwrap();
    hub.change("onnx/model.onnx", &weights(7));
    hub.change("config.json", b"{\"new\":1}");
    hub.seen();
    shelf.fetch(&hub, &[Dtype::Q8]).unwrap();
    let fetched: Vec<String> = hub.files_seen().into_iter().map(|(path, _)| path).collect();
    assert_eq!(fetched, ["config.json", MODEL, "onnx/model_quantized.onnx"]);
    assert_eq!(fs::read(folder.join(MODEL)).unwrap(), weights(7));
    assert_eq!(fs::read(folder.join("notes.txt")).unwrap(), b"mine");
    assert_eq!(fs::read(folder.join("config.json")).unwrap(), b"{\"new\":1}");
}

#[test]
fn a_model_that_can_not_be_renewed_stays_as_it_was() {
    let (shelf, hub) = (Shelf::new(), FakeHub::tiny().fails("onnx/model_quantized.onnx", 9, Fault::WrongBytes));
    let folder = shelf.fetch(&hub, &[Dtype::Fp32]).unwrap();
    shelf.fetch(&hub, &[Dtype::Q8]).unwrap_err();
    assert_whole(&folder);
}

#[test]
fn a_cut_connection_is_resumed_where_it_broke_off() {
    let (shelf, hub) =
        (Shelf::new(), FakeHub::tiny().fails(MODEL, 1, Fault::Cuts(4000)).fails(MODEL, 1, Fault::Cuts(1000)));
    let mut told = Vec::new();
    let folder = shelf.fetch_told(&hub, &[Dtype::Fp32], &mut |event| told.push(format!("{event:?}"))).unwrap();
    assert_whole(&folder);
    assert_eq!(ranges(&hub, MODEL), ["", "bytes=4000-", "bytes=5000-"]);
    assert_eq!(told.iter().filter(|event| event.starts_with("Retrying")).count(), 2, "{told:#?}");
}

#[test]
fn a_download_that_was_given_up_goes_on_with_the_next_command() {
    let (shelf, hub) = (Shelf::new(), FakeHub::tiny().fails(MODEL, 3, Fault::Cuts(100)));
    insta::assert_snapshot!(shelf.refused(&hub), @r"
    HUB/tests/tiny/resolve/0123456789abcdef0123456789abcdef01234567/onnx/model.onnx ended at byte 300 of 10000: Peer disconnected
    help: what came is kept: the same command resumes there, once the network or the hub is better
    ");
    let left = shelf.store.unfinished();
    assert_eq!((left.len(), left[0].id.as_str(), left[0].command.as_str()), (1, ID, "gpujobs fetch tests/tiny"));
    assert_eq!(left[0].bytes, 300 + 3);
    hub.seen();
    assert_whole(&shelf.fetch(&hub, &[Dtype::Fp32]).unwrap());
    assert_eq!(ranges(&hub, MODEL), ["bytes=300-"]);
    assert!(shelf.store.unfinished().is_empty());
}

#[test]
fn what_was_left_of_another_revision_is_not_mixed_in() {
    let (shelf, hub) = (Shelf::new(), FakeHub::tiny().fails(MODEL, 3, Fault::Cuts(100)));
    shelf.refused(&hub);
    hub.change(MODEL, &weights(9));
    hub.seen();
    let folder = shelf.fetch(&hub, &[Dtype::Fp32]).unwrap();
    assert_eq!(fs::read(folder.join(MODEL)).unwrap(), weights(9));
    assert_eq!(ranges(&hub, MODEL), ["bytes=300-", ""]);
}

#[test]
fn what_was_left_of_another_request_is_not_kept() {
    let (shelf, hub) = (Shelf::new(), FakeHub::tiny().fails("onnx/model_quantized.onnx", 3, Fault::Cuts(100)));
    shelf.fetch(&hub, &[Dtype::Q8]).unwrap_err();
    assert_whole(&shelf.fetch(&hub, &[Dtype::Fp32]).unwrap());
}

#[test]
fn a_listing_in_pages_is_read_to_its_end() {
    let (shelf, hub) = (Shelf::new(), FakeHub::tiny().in_pages_of(2));
    assert_whole(&shelf.fetch(&hub, &[Dtype::Fp32]).unwrap());
    assert_eq!(hub.seen().iter().filter(|seen| seen.path.starts_with("/api/")).count(), 3);
}

#[test]
fn the_token_goes_to_the_hub_and_not_where_it_redirects() {
    let store = FakeHub::tiny();
    let hub = FakeHub::tiny().fails(MODEL, 1, Fault::Redirects(store.url.clone()));
    let shelf = Shelf::new();
    let (id, request) = (ID.parse().unwrap(), FetchRequest::of(&[Dtype::Fp32]));
    let folder = fetch(&asked(&hub, Some("secret")), &shelf.store, &id, &request, &mut |_| ()).unwrap();
    assert_whole(&folder);
    assert!(hub.seen().iter().all(|seen| seen.token.as_deref() == Some("Bearer secret")));
    let seen = store.seen();
    assert_eq!((seen.len(), seen[0].path.as_str(), &seen[0].token), (1, MODEL, &None));
}

#[test]
fn two_at_once_leave_one_whole_model() {
    let (shelf, hub) = (Shelf::new(), FakeHub::tiny().fails(MODEL, 2, Fault::Cuts(3000)));
    std::thread::scope(|scope| {
        let fetches: Vec<_> = (0..4).map(|_| scope.spawn(|| shelf.fetch(&hub, &[Dtype::Fp32]).unwrap())).collect();
        for fetch in fetches {
            assert_whole(&fetch.join().unwrap());
        }
    });
    let downloads = hub.files_seen().into_iter().filter(|(_, range)| range.is_empty()).count();
    assert_eq!(downloads, 3, "the others found what the first had brought");
}

#[test]
fn two_that_want_different_weights_at_once_both_get_them() {
    let (shelf, hub) = (Shelf::new(), FakeHub::tiny().fails(MODEL, 2, Fault::Cuts(3000)));
    let dtypes = [Dtype::Fp32, Dtype::Q8];
    std::thread::scope(|scope| {
        for dtype in &dtypes {
            scope.spawn(|| shelf.fetch(&hub, std::slice::from_ref(dtype)).unwrap());
        }
    });
    let there = gpujobs::store::dtypes_of(&shelf.store.find(ID).unwrap());
    assert_eq!(there, dtypes.into());
}

#[test]
fn one_model_never_lies_inside_another() {
    let (shelf, hub) = (Shelf::new(), FakeHub::tiny());
    fs::create_dir_all(shelf.path("tests")).unwrap();
    fs::write(shelf.path("tests/config.json"), "{}").unwrap();
    let error = shelf.fetch(&hub, &[Dtype::Fp32]).unwrap_err();
    assert!(matches!(error, FetchError::Clash { .. }), "{error}");
    assert_eq!(shelf.store.find("tests"), Some(shelf.path("tests")));
}

#[test]
fn the_nearest_folder_is_searched_first_and_half_a_model_is_none() {
    let (near, far) = (Shelf::new(), Shelf::new());
    let store = Store { folders: vec![near.path(""), far.path("")] };
    for (shelf, name) in [(&near, "a/model.onnx"), (&far, "a/config.json"), (&far, "o/b/onnx/model_q4.onnx")] {
        fs::create_dir_all(shelf.path(name).parent().unwrap()).unwrap();
        fs::write(shelf.path(name), "").unwrap();
    }
    fs::create_dir_all(near.path("empty/onnx")).unwrap();
    fs::create_dir_all(near.path(".incoming/x/files")).unwrap();
    fs::write(near.path(".incoming/x/files/config.json"), "").unwrap();
    assert_eq!(store.find("a"), Some(near.path("a")));
    let ids: Vec<String> = store.list().into_iter().map(|stored| stored.id.to_string()).collect();
    assert_eq!(ids, ["a", "o/b"]);
    for id in ["empty", "o", "x", "../a", "a/..", ".incoming/x", ""] {
        assert_eq!(store.find(id), None, "{id}");
    }
}
