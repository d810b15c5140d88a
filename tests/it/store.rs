//! Models come whole or not at all, whatever the hub and the network do.

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

use crate::support::hub::{COMMIT, FakeHub, Fault, ID, LISTING, weights};

const MODEL: &str = "onnx/model.onnx";

/// A store in a folder of its own.
struct Shelf {
    folder: tempfile::TempDir,
    store: Store,
}

impl Shelf {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { store: Store::at(folder.path().join("models")), folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("models").join(name)
    }

    /// Fetches from a stand-in, without long pauses.
    fn fetch(&self, hub: &FakeHub, dtypes: &[Dtype]) -> Result<PathBuf, FetchError> {
        self.fetch_told(hub, dtypes, &mut |_| ())
    }

    fn fetch_told(
        &self,
        hub: &FakeHub,
        dtypes: &[Dtype],
        tell: &mut dyn FnMut(FetchEvent<'_>),
    ) -> Result<PathBuf, FetchError> {
        fetch(&asked(hub, None), &self.store, &ID.parse().unwrap(), &FetchRequest::of(dtypes), tell)
    }

    /// An error as users see it, with nothing to be found in the store.
    #[track_caller]
    fn refused(&self, hub: &FakeHub) -> String {
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
fn assert_whole(folder: &Path) {
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
fn a_cut_connection_is_taken_up_where_it_broke_off() {
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
    help: what came is kept: the same command goes on from there, once the network or the hub is better
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
fn what_was_left_of_another_wish_is_not_kept() {
    let (shelf, hub) = (Shelf::new(), FakeHub::tiny().fails("onnx/model_quantized.onnx", 3, Fault::Cuts(100)));
    shelf.fetch(&hub, &[Dtype::Q8]).unwrap_err();
    assert_whole(&shelf.fetch(&hub, &[Dtype::Fp32]).unwrap());
}

#[test]
fn a_hub_that_fails_now_and_then_is_asked_again() {
    for fault in [
        Fault::Status(500),
        Fault::Status(503),
        Fault::Status(429),
        Fault::Silent,
        Fault::SaysLength(10),
        Fault::SaysLength(1_000_000),
        Fault::Endless,
    ] {
        let (shelf, hub) = (Shelf::new(), FakeHub::tiny().fails(MODEL, 1, fault.clone()));
        assert_whole(&shelf.fetch(&hub, &[Dtype::Fp32]).unwrap_or_else(|error| panic!("{fault:?}: {error}")));
    }
    for fault in [Fault::Status(500), Fault::Silent, Fault::Cuts(10)] {
        let (shelf, hub) = (Shelf::new(), FakeHub::tiny().fails(LISTING, 1, fault));
        assert_whole(&shelf.fetch(&hub, &[Dtype::Fp32]).unwrap());
    }
}

#[test]
fn a_hub_that_can_not_go_on_begins_again() {
    for fault in [Fault::IgnoresRange, Fault::WrongRange, Fault::Status(416)] {
        let (shelf, hub) = (Shelf::new(), FakeHub::tiny().fails(MODEL, 1, Fault::Cuts(4000)).fails(MODEL, 1, fault));
        assert_whole(&shelf.fetch(&hub, &[Dtype::Fp32]).unwrap());
    }
}

#[test]
fn wrong_bytes_are_deleted_and_shown_with_both_checksums() {
    let (shelf, hub) = (Shelf::new(), FakeHub::tiny().fails(MODEL, 9, Fault::WrongBytes));
    insta::assert_snapshot!(shelf.refused(&hub), @r"
    `onnx/model.onnx` is not what the hub lists: found sha256 03fc733ede66a18eb659a536deeaec171f62428c8828a6ae970b4d30f8ff45ff, expected sha256 4dd14d5c18366e27cc35c5338b240b4e6f62a7849dfee3b0014ed73ba70f7777 (from HUB/tests/tiny/resolve/0123456789abcdef0123456789abcdef01234567/onnx/model.onnx)
    help: it was deleted; run the same command again, and if it happens again set HF_ENDPOINT to another mirror
    ");
    assert!(!shelf.path(".incoming/tests--tiny/files/onnx/model.onnx.partial").exists());

    let (shelf, hub) = (Shelf::new(), FakeHub::tiny().fails("config.json", 9, Fault::WrongBytes));
    insta::assert_snapshot!(shelf.refused(&hub), @r"
    `config.json` is not what the hub lists: found git blob ddfb0684db9c5d9c6630cbbbe3e6eccc38292b47, expected git blob 0967ef424bce6791893e9a57bb952f80fd536e93 (from HUB/tests/tiny/resolve/0123456789abcdef0123456789abcdef01234567/config.json)
    help: it was deleted; run the same command again, and if it happens again set HF_ENDPOINT to another mirror
    ");
}

#[test]
fn an_endless_body_ends_at_the_length_that_is_listed() {
    let listed = format!(
        r#"[{{"type":"file","path":"model.onnx","size":50,"oid":"","lfs":{{"oid":"{}","size":50}}}}]"#,
        "0".repeat(64)
    );
    let hub = FakeHub::with(&[("model.onnx", b"")]).fails(LISTING, 9, Fault::Lists(listed));
    let hub = hub.fails("model.onnx", 9, Fault::Endless);
    assert!(Shelf::new().refused(&hub).contains("is not what the hub lists"));
}

#[test]
fn a_length_that_never_comes_is_an_error() {
    let listed = format!(r#"[{{"type":"file","path":"model.onnx","size":50,"oid":"{}"}}]"#, "0".repeat(40));
    let hub = FakeHub::with(&[("model.onnx", b"short")]).fails(LISTING, 9, Fault::Lists(listed));
    let told = Shelf::new().refused(&hub);
    assert!(told.contains("can't go on at byte 5 of 50") || told.contains("ended at byte 5 of 50"), "{told}");
}

#[test]
fn a_listing_in_pages_is_read_to_its_end() {
    let (shelf, hub) = (Shelf::new(), FakeHub::tiny().in_pages_of(2));
    assert_whole(&shelf.fetch(&hub, &[Dtype::Fp32]).unwrap());
    assert_eq!(hub.seen().iter().filter(|seen| seen.path.starts_with("/api/")).count(), 3);
}

#[test]
fn a_hostile_listing_is_refused_before_anything_is_written() {
    let file = |path: &str| serde_json::json!([{ "type": "file", "path": path, "size": 1, "oid": "0".repeat(40) }]);
    for path in [
        "../evil.json",
        "onnx/../../evil.json",
        "/etc/evil.json",
        "a\\..\\evil.json",
        "onnx//evil.json",
        "\u{1b}[2J.json",
    ] {
        let (shelf, hub) = (Shelf::new(), FakeHub::tiny().fails(LISTING, 9, Fault::Lists(file(path).to_string())));
        assert!(shelf.refused(&hub).contains("answered nonsense"), "{path}");
        assert!(!shelf.path(".incoming").exists(), "{path}");
    }
    let (shelf, hub) = (Shelf::new(), FakeHub::tiny().fails(LISTING, 9, Fault::Lists(file("../evil").to_string())));
    insta::assert_snapshot!(shelf.refused(&hub), @r#"
    HUB/api/models/tests/tiny/tree/main answered nonsense: it lists a file "../evil": an empty, `.` or `..` part in its path
    help: is HF_ENDPOINT a hub? Set it to another one, or to a mirror
    "#);
    for text in [
        "",
        "{}",
        "[]",
        "<html>",
        r#"[{"type":"file","path":"a","size":-1}]"#,
        r#"[{"type":"file","path":"a","size":1,"oid":"x"}]"#,
    ] {
        let (shelf, hub) = (Shelf::new(), FakeHub::tiny().fails(LISTING, 9, Fault::Lists(text.to_owned())));
        assert!(shelf.refused(&hub).contains("answered nonsense"), "{text}");
    }
    let (shelf, hub) = (Shelf::new(), FakeHub::tiny().fails(LISTING, 9, Fault::Endless));
    assert!(shelf.refused(&hub).contains("larger than"));
}

#[test]
fn what_the_hub_does_not_give_is_named() {
    let listing = |status| FakeHub::tiny().fails(LISTING, 9, Fault::Status(status));
    insta::assert_snapshot!(Shelf::new().refused(&listing(404)), @r"
    no model `tests/tiny` at revision `main`: HUB/api/models/tests/tiny/tree/main is not there (404)
    help: look for its exact id on the hub; ids are case-sensitive, and --revision names a branch, tag or commit
    ");
    insta::assert_snapshot!(Shelf::new().refused(&listing(401)), @r"
    the model `tests/tiny` is gated, private or not there: HUB/api/models/tests/tiny/tree/main answered with status 401
    help: set HF_TOKEN to a token of an account that may read it; or look for its exact id
    ");
    insta::assert_snapshot!(Shelf::new().refused(&listing(500)), @r"
    HUB/api/models/tests/tiny/tree/main answered with status 500
    help: try again later; HF_ENDPOINT names another hub or a mirror
    ");
    let gated = FakeHub::tiny().fails(MODEL, 9, Fault::Status(403));
    assert!(Shelf::new().refused(&gated).contains("set HF_TOKEN"));
    let hub = FakeHub::with(&[("config.json", b"{}"), ("model.safetensors", b"x")]);
    insta::assert_snapshot!(Shelf::new().refused(&hub), @r"
    the model `tests/tiny` has no .onnx file of dtype fp32; it has no .onnx files at all
    help: ask for another --dtype, or for everything with --all
    ");
}

#[test]
fn without_a_network_the_remedies_are_named() {
    let mut hub = FakeHub::tiny();
    // Nobody listens at a port that was just given back.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    hub.url = format!("http://{free}");
    let told = Shelf::new().refused(&hub);
    insta::with_settings!({ filters => vec![(r"\(os error \d+\)", "(os error)")] }, { insta::assert_snapshot!(told, @r"
    can't reach HUB/api/models/tests/tiny/tree/main: Connection refused (os error)
    help: check the network, set HF_ENDPOINT to a mirror, or put the files under FOLDER/models/tests/tiny by hand
    "); });
}

#[test]
fn the_token_goes_to_the_hub_and_not_where_it_redirects() {
    let store = FakeHub::tiny();
    let hub = FakeHub::tiny().fails(MODEL, 1, Fault::Redirects(store.url.clone()));
    let shelf = Shelf::new();
    let (id, wish) = (ID.parse().unwrap(), FetchRequest::of(&[Dtype::Fp32]));
    let folder = fetch(&asked(&hub, Some("secret")), &shelf.store, &id, &wish, &mut |_| ()).unwrap();
    assert_whole(&folder);
    assert!(hub.seen().iter().all(|seen| seen.token.as_deref() == Some("Bearer secret")));
    let seen = store.seen();
    assert_eq!((seen.len(), seen[0].path.as_str(), &seen[0].token), (1, MODEL, &None));
}

#[test]
fn a_redirect_in_a_circle_ends() {
    let hub = FakeHub::tiny();
    let url = hub.url.clone();
    let hub = hub.fails(MODEL, 99, Fault::Redirects(url));
    assert!(Shelf::new().refused(&hub).contains("more than 8 redirects"));
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
