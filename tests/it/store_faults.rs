//! Models come whole or not at all, whatever the hub and the network do.

use gpujobs::store::Dtype;

use crate::store::{MODEL, Shelf, assert_whole};
use crate::support::hub::{FakeHub, Fault, LISTING};

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
    assert!(told.contains("can't resume at byte 5 of 50") || told.contains("ended at byte 5 of 50"), "{told}");
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
    let elsewhere = FakeHub::tiny().in_pages_of(1).links_to("http://elsewhere.invalid");
    let refused = Shelf::new().refused(&elsewhere);
    assert!(refused.contains("its next page is on another server: http://elsewhere.invalid/"), "{refused}");
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
    no model `tests/tiny` at revision `main`: HUB/api/models/tests/tiny/tree/main was not found (404)
    help: look for its exact id on the hub; ids are case-sensitive, and --revision names a branch, tag or commit
    ");
    insta::assert_snapshot!(Shelf::new().refused(&listing(401)), @r"
    the model `tests/tiny` is gated, private or does not exist: HUB/api/models/tests/tiny/tree/main answered with status 401
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
fn a_redirect_in_a_circle_ends() {
    let hub = FakeHub::tiny();
    let url = hub.url.clone();
    let hub = hub.fails(MODEL, 99, Fault::Redirects(url));
    assert!(Shelf::new().refused(&hub).contains("more than 8 redirects"));
}
