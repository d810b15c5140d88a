//! `gpujobs fetch` as it is typed, against a hub stand-in.

use std::fs;
use std::process::Child;
use std::time::{Duration, Instant};

use crate::support::hub::{FakeHub, Fault, ID, weights};
use crate::support::workshop::{Ended, Workshop, ended};

const MODEL: &str = "onnx/model.onnx";

/// Starts `gpujobs` with this hub.
fn start(shop: &Workshop, hub: &FakeHub, arguments: &[&str]) -> Child {
    shop.command(arguments).env("HF_ENDPOINT", &hub.url).spawn().unwrap()
}

fn gpujobs(shop: &Workshop, hub: &FakeHub, arguments: &[&str]) -> Ended {
    ended(start(shop, hub, arguments))
}

fn wait_until(what: &str, there: impl Fn() -> bool) {
    let begin = Instant::now();
    while !there() {
        assert!(begin.elapsed() < Duration::from_mins(5), "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_model_is_fetched_and_listed() {
    let (shop, hub) = (Workshop::new(), FakeHub::tiny());
    let fetched = gpujobs(&shop, &hub, &["fetch", ID, "--dtype", "fp32", "--dtype", "q8"]).expect(0);
    assert_eq!(fetched.stdout, format!("{}\n", shop.path("store/tests/tiny").display()));
    insta::assert_snapshot!(fetched.stderr, @r"
    tests/tiny: 4 files, 19.5 KiB
    config.json: 3.00 B
    onnx/model.onnx: 9.77 KiB
    onnx/model_quantized.onnx: 9.77 KiB
    tokenizer.json: 7.00 B
    ");
    assert_eq!(fs::read(shop.path("store/tests/tiny/onnx/model.onnx")).unwrap(), weights(1));

    let again = gpujobs(&shop, &hub, &["fetch", ID]).expect(0);
    assert_eq!((again.stdout, again.stderr.as_str()), (fetched.stdout, ""));

    let doctor = gpujobs(&shop, &hub, &["doctor"]).expect(0);
    let listed = doctor.stdout.lines().find(|line| line.contains(ID)).unwrap_or_else(|| panic!("{}", doctor.stdout));
    assert!(listed.starts_with("  tests/tiny: ") && listed.ends_with("KiB, fp32, q8"), "{listed}");
    let json = gpujobs(&shop, &hub, &["doctor", "--format", "json"]).expect(0);
    let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!((&json["models"][0]["id"], &json["models"][0]["dtypes"][1]), (&ID.into(), &"q8".into()));
}

#[test]
fn options_say_what_and_where() {
    let (shop, hub) = (Workshop::new(), FakeHub::tiny());
    let ended = gpujobs(&shop, &hub, &["fetch", ID, "a/b", "--all", "--store", "here", "--quiet"]).expect(0);
    assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("here/tests/tiny\nhere/a/b\n", ""));
    assert!(shop.path("here/a/b/README.md").exists() && !shop.path("store").exists());
    let ended = gpujobs(&shop, &hub, &["fetch", ID, "--revision", "v0"]).expect(3);
    assert!(ended.stderr.contains("at revision `v0`"), "{}", ended.stderr);
    hub.seen();
    let mut command = shop.command(&["fetch", ID]);
    crate::support::workshop::ended(command.env("HF_ENDPOINT", &hub.url).env("HF_TOKEN", "hf_x").spawn().unwrap());
    assert!(hub.seen().iter().all(|seen| seen.token.as_deref() == Some("Bearer hf_x")));
}

#[test]
fn a_bad_id_is_refused_before_anything_is_asked() {
    let (shop, hub) = (Workshop::new(), FakeHub::tiny());
    let ended = gpujobs(&shop, &hub, &["fetch", ID, "../evil"]).expect(2);
    insta::assert_snapshot!(ended.stderr, @r#"
    × "../evil" can't be a model's id: it holds `..` or `--`, which the hub forbids
    help: an id is `name` or `org/name`, of letters, digits, `-`, `_` and `.`, for instance onnx-community/whisper-tiny
    "#);
    assert_eq!((ended.stdout.as_str(), hub.seen()), ("", vec![]));
}

#[test]
fn offline_ends_with_3_and_the_remedies() {
    let shop = Workshop::new();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let ended = ended(shop.command(&["fetch", ID]).env("HF_ENDPOINT", format!("http://{free}")).spawn().unwrap());
    let ended = ended.expect(3);
    assert_eq!(ended.stdout, "");
    let told = ended.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.contains("can't reach http://") && told.contains("set HF_ENDPOINT to a mirror, or put"), "{told}");
    assert!(!shop.path("store").exists());
}

#[test]
fn wrong_bytes_end_with_3_and_doctor_says_what_is_left() {
    let (shop, hub) = (Workshop::new(), FakeHub::tiny().fails("onnx/model_quantized.onnx", 1, Fault::WrongBytes));
    let ended = gpujobs(&shop, &hub, &["fetch", ID, "--dtype", "q8"]).expect(3);
    assert!(ended.stderr.contains("is not what the hub lists"), "{}", ended.stderr);
    assert!(!shop.path("store/tests").exists());
    let doctor = gpujobs(&shop, &hub, &["doctor"]).expect(3);
    let left = "the download of `tests/tiny` is not finished; 3.00 B are there\n  remedy: gpujobs fetch tests/tiny --dtype q8\n";
    assert!(doctor.stdout.contains(left), "{}", doctor.stdout);
    gpujobs(&shop, &hub, &["fetch", ID, "--dtype", "q8"]).expect(0);
    gpujobs(&shop, &hub, &["doctor"]).expect(0);
}

#[test]
fn what_a_killed_fetch_has_is_taken_up_by_one_that_waits() {
    let (shop, hub) = (Workshop::new(), FakeHub::tiny().fails(MODEL, 1, Fault::Stalls(4000)));
    let mut first = start(&shop, &hub, &["fetch", ID]);
    let partial = shop.path("store/.incoming/tests--tiny/files/onnx/model.onnx.partial");
    wait_until("the first has a part", || fs::metadata(&partial).is_ok_and(|file| file.len() == 4000));
    let asked = || hub.seen().iter().any(|seen| seen.path.starts_with("/api/"));
    hub.seen();
    let second = start(&shop, &hub, &["fetch", ID]);
    wait_until("the second waits", asked);
    let doctor = gpujobs(&shop, &hub, &["doctor"]).expect(0);
    assert!(!doctor.stdout.contains("not finished"), "{}", doctor.stdout);
    first.kill().unwrap();
    first.wait().unwrap();
    let second = ended(second).expect(0);
    insta::assert_snapshot!(second.stderr, @r"
    tests/tiny: another gpujobs is fetching it; waiting for it
    tests/tiny: 2 files, 9.77 KiB
    onnx/model.onnx: 9.77 KiB, of which 3.91 KiB are there
    tokenizer.json: 7.00 B
    ");
    assert_eq!(fs::read(shop.path("store/tests/tiny/onnx/model.onnx")).unwrap(), weights(1));
    assert!(hub.files_seen().contains(&(MODEL.to_owned(), "bytes=4000-".to_owned())));
}
