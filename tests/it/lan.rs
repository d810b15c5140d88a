//! Runs whose pages come from another address than loopback's: over https, with clocks and WebGPU as on loopback; and what is
//! said where a page is of no use there.
//!
//! These need Chromium and Firefox with their drivers (`gpujobs setup`); a missing one fails its test.

use std::net::TcpListener;

use serde_json::{Value, json};

use crate::support::certificate;
use crate::support::fake_browser::FakeBrowser;
use crate::support::fake_driver::Fault;
use crate::support::network::Lan;
use crate::support::workshop::{Ended, Workshop, ended};
use crate::support::{browser_turn, traces};

/// One small job in each of these browsers.
fn manifest(browsers: &str, more: &str) -> String {
    format!(
        "name = 'lan'\n[matrix]\nbrowser = [{browsers}]\nmodel = 'axpy'\n\
         [measure]\nwarmup = 0\nsamples = 3\nrounds = 1\nretries = 0\nfallback = []\n{more}"
    )
}

/// Runs it in a network, and makes sure that nothing is left.
fn run(shop: &Workshop, lan: &Lan, manifest: &str, more: &[&str]) -> Ended {
    let _turn = browser_turn();
    shop.write("m.toml", manifest);
    let ended = ended(lan.command(shop.command(&[&["run", "m.toml", "--out", "out"], more].concat())).spawn().unwrap());
    traces::assert_none(shop);
    ended
}

#[test]
fn pages_over_https_are_secure_and_isolated_and_compute_on_webgpu() {
    let (shop, lan) = (Workshop::new(), Lan::new());
    let serve = format!("[serve]\naddress = '{}'\n", lan.address);
    let ended = run(&shop, &lan, &manifest("'chrome', 'firefox'", &serve), &["--quiet"]).expect(0);
    for (column, value) in [("status", "ok"), ("verified", "true"), ("backend_used", "webgpu")] {
        assert_eq!(shop.column(column), [value, value], "{column}");
    }
    let toml: toml::Table = std::fs::read_to_string(shop.run_folder().join("run.toml")).unwrap().parse().unwrap();
    let pages: Vec<&toml::Value> =
        toml["browser"].as_table().unwrap().values().map(|browser| &browser["page"]).collect();
    assert_eq!(pages.len(), 2);
    for page in pages {
        let has = |fact: &str| page[fact].as_bool() == Some(true);
        assert!(has("secureContext") && has("crossOriginIsolated") && has("sharedMemory") && has("webgpu"), "{page}");
    }
    assert_eq!(ended.stderr.matches("THE PAGE SERVER IS OPEN TO OTHER MACHINES").count(), 1, "{}", ended.stderr);
    assert!(ended.stderr.contains(&format!("for browsers at https://{}:", lan.address)), "{}", ended.stderr);
}

#[test]
fn over_http_nothing_is_measured_but_said_why() {
    let (shop, lan) = (Workshop::new(), Lan::new());
    let serve = format!("[serve]\naddress = '{}'\ntls = false\n", lan.address);
    let ended = run(&shop, &lan, &manifest("'chrome'", &serve), &[]).expect(3);
    assert!(ended.stderr.contains("so there is no WebGPU and the run will fail there"), "{}", ended.stderr);
    assert_eq!(shop.column("status"), ["skipped"]);
    let reason = &shop.column("reason")[0];
    assert!(reason.contains("for no secure context") && reason.contains("[serve] tls = true"), "{reason}");
    assert!(shop.samples().is_empty());
}

#[test]
fn a_certificate_that_a_browser_does_not_know_is_accepted_only_if_it_was_made_for_the_run() {
    let shop = Workshop::new();
    certificate::write(&shop.path(""), "127.0.0.1");
    let files = "[serve]\ntls = { certificate = 'cert.pem', key = 'key.pem' }\n";
    for (browser, words) in [("chrome", "chrome-error:"), ("firefox", "insecure certificate")] {
        shop.run(&manifest(&format!("'{browser}'"), files), &[]).expect(3);
        let reason = &shop.column("reason")[0];
        assert!(reason.contains(words) && reason.contains("[serve] tls = true"), "{reason}");
        std::fs::remove_dir_all(shop.path("out")).unwrap();
    }
    let ended = shop.run(&manifest("'chrome'", "[serve]\ntls = true\n"), &[]).expect(0);
    assert!(!ended.stderr.contains("THE PAGE SERVER"), "it is on loopback: {}", ended.stderr);
}

#[test]
fn a_page_that_is_not_isolated_measures_nothing() {
    let shop = Workshop::new();
    for (secure, isolated, words) in
        [(true, false, "does not isolate the page"), (false, true, "for no secure context")]
    {
        let browser = FakeBrowser::start(
            &shop,
            Fault::None,
            move |mut page| {
                let facts = json!({
                    "userAgent": "stand-in", "secureContext": secure, "crossOriginIsolated": isolated, "sharedMemory": true,
                    "cores": 2, "webgpu": true, "webnn": false, "webnnRefusal": "",
                });
                page.say(&Value::Null, "hello", json!({ "facts": facts }));
                assert!(page.prepare().is_none(), "it was given a job");
            },
            "",
        );
        let ended = shop.run(&manifest("'chrome'", &browser.table()), &[]).expect(3);
        let reason = &shop.column("reason")[0];
        assert!(reason.contains(words), "{reason}\n{}", ended.stderr);
        assert_eq!(shop.column("status"), ["skipped"]);
        std::fs::remove_dir_all(shop.path("out")).unwrap();
    }
}

#[test]
fn where_the_server_can_not_listen_the_environment_is_at_fault() {
    let shop = Workshop::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    for (address, words) in [
        (format!("127.0.0.1:{port}"), "another program listens there"),
        // Of the addresses that are kept for documentation.
        ("192.0.2.1:8443".to_owned(), "names an address of this machine"),
    ] {
        let ended = shop.run(&manifest("'chrome'", &format!("[serve]\naddress = '{address}'\n")), &[]).expect(3);
        assert!(ended.stderr.contains(&format!("the page server can't listen at {address}")), "{}", ended.stderr);
        assert!(ended.stderr.contains(words), "{}", ended.stderr);
    }
}
