//! Tunnels by which a browser elsewhere reaches the page server: commands of the user's that run as long as the browser, or have
//! done their work at once, or fail.
//!
//! Some need Chromium with its driver (`gpujobs setup`); a missing one fails its test.

use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use serde_json::json;

use crate::support::fake_browser::{FakeBrowser, FakePage};
use crate::support::fake_driver::{FakeDriver, Fault};
use crate::support::workshop::{Workshop, ended};
use crate::support::{browser_turn, traces};

/// Names the two ports of [`role_forward`], `from:to`; without it the role does nothing.
const ROLE: &str = "GPUJOBS_TEST_FORWARD";

fn manifest(more: &str) -> String {
    format!(
        "name = 'tunnel'\n[matrix]\nbrowser = 'chrome'\nmodel = 'axpy'\n\
         [measure]\nwarmup = 0\nsamples = 3\nrounds = 1\nretries = 0\nfallback = []\n{more}"
    )
}

/// A script to be a tunnel.
fn script(shop: &Workshop, text: &str) -> PathBuf {
    let path = shop.write("tunnel.sh", &format!("#!/bin/sh\n{text}\n"));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// A page that declines each job.
fn declines(mut page: FakePage) {
    page.hello();
    page.decline_the_rest();
}

fn reason(shop: &Workshop) -> String {
    shop.column("reason").remove(0)
}

/// Not a test: the program of a tunnel, which carries all that comes to one port of this machine to another one.
#[test]
#[ignore = "a role that other tests start"]
fn role_forward() {
    let Ok(ports) = std::env::var(ROLE) else { return };
    let (from, to) = ports.split_once(':').unwrap();
    let listener = TcpListener::bind(format!("127.0.0.1:{from}")).unwrap();
    for here in listener.incoming() {
        let (Ok(here), Ok(there)) = (here, TcpStream::connect(format!("127.0.0.1:{to}"))) else { continue };
        for (mut from, mut to) in [(here.try_clone().unwrap(), there.try_clone().unwrap()), (there, here)] {
            std::thread::spawn(move || {
                let _ = io::copy(&mut from, &mut to);
                let _ = to.shutdown(Shutdown::Write);
            });
        }
    }
}

#[test]
fn browsers_reach_their_pages_through_one_tunnel_that_ends_with_them() {
    let shop = Workshop::new();
    // Whoever takes the port in between fails this test, which does not happen in practice.
    let near = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let program = std::env::current_exe().unwrap();
    let role = "--exact tunnels::role_forward --ignored --nocapture";
    script(
        &shop,
        &format!("echo $1:$2 >> {}\n{ROLE}=$1:$2 exec {} {role}", shop.path("ran").display(), program.display()),
    );
    // Two browsers on one machine have one tunnel, and the browsers of cold jobs come and go while it stays.
    let tables = format!(
        "[browser.chrome]\ntunnel = './tunnel.sh {near} {{port}}'\n\
         [browser.other]\nkind = 'chrome'\ntunnel = ['./tunnel.sh', '{near}', '{{port}}']\n\
         [serve]\npublic_url = 'http://localhost:{near}'\n"
    );
    let manifest = manifest(&tables).replace("'chrome'\nmodel", "['chrome', 'other']\ncache = 'cold'\nmodel");
    shop.run(&manifest, &[]).expect(0);
    assert_eq!(shop.column("browser"), ["chrome", "other"]);
    for (column, value) in [("status", "ok"), ("verified", "true"), ("cache", "cold")] {
        assert_eq!(shop.column(column), [value, value], "{column}");
    }
    let ran = std::fs::read_to_string(shop.path("ran")).unwrap();
    assert_eq!(ran.lines().count(), 1, "{ran}");
    assert!(ran.starts_with(&format!("{near}:")), "{ran}");
}

#[test]
fn a_browser_is_sent_again_until_the_tunnel_is_there() {
    let shop = Workshop::new();
    let browser = FakeBrowser::start(&shop, Fault::RefusesNavigations(3), declines, "");
    // As `adb reverse` does, it has ended by then.
    let table = format!("{}tunnel = 'true {{port}}'\n", browser.table());
    shop.run(&manifest(&table), &[]).expect(0);
    assert_eq!((shop.column("status"), reason(&shop).as_str()), (vec!["unsupported".to_owned()], "a later job"));
}

#[test]
fn a_tunnel_that_fails_before_the_page_is_there_says_why() {
    let shop = Workshop::new();
    script(&shop, "echo \"user@host: Permission denied (publickey), port $1.\" >&2\nexit 255");
    let browser = FakeBrowser::start(&shop, Fault::RefusesNavigation, declines, "");
    let table = format!("{}tunnel = ['./tunnel.sh', '{{port}}']\n[serve]\naddress = '127.0.0.1'\n", browser.table());
    shop.run(&manifest(&table), &[]).expect(3);
    let reason = reason(&shop);
    let words = ["tunnel.sh ", "exit status: 255", "Permission denied (publickey), port ", "needs an agent"];
    assert!(words.iter().all(|words| reason.contains(words)) && !reason.contains("{port}"), "{reason}");
}

#[test]
fn a_tunnel_that_fails_in_the_middle_of_a_job_is_why_that_failed() {
    let shop = Workshop::new();
    let broken = shop.path("broken");
    script(
        &shop,
        &format!("while [ ! -e {} ]; do sleep 0.02; done\necho Connection reset by peer\nexit 1", broken.display()),
    );
    let page = move |mut page: FakePage| {
        page.hello();
        page.prepare();
        std::fs::write(&broken, "").unwrap();
        page.decline_the_rest();
    };
    let browser = FakeBrowser::start(&shop, Fault::None, page, "");
    shop.run(&manifest(&format!("{}tunnel = './tunnel.sh {{port}}'\n", browser.table())), &[]).expect(1);
    let reason = reason(&shop);
    assert!(reason.contains("exit status: 1") && reason.contains("Connection reset by peer"), "{reason}");
}

#[test]
fn a_tunnel_whose_program_is_not_there_is_named() {
    let shop = Workshop::new();
    let browser = FakeBrowser::start(&shop, Fault::None, declines, "");
    for program in ["no-such-tunnel", "./no-such-tunnel"] {
        let table = format!("{}tunnel = '{program} {{port}}'\n", browser.table());
        shop.run(&manifest(&table), &[]).expect(3);
        assert!(reason(&shop).contains("there is no program "), "{}", reason(&shop));
        std::fs::remove_dir_all(shop.path("out")).unwrap();
    }
}

#[test]
fn a_tunnel_ends_when_gpujobs_is_killed() {
    let shop = Workshop::new();
    script(&shop, "exec sleep 1234567");
    // It declines the first job and says nothing of the second one.
    let page = |mut page: FakePage| {
        page.hello();
        let first = page.prepare().unwrap();
        page.say(&first["job"], "unsupported", json!({ "message": "declined" }));
        while page.prepare().is_some() {}
    };
    let browser = FakeBrowser::start(&shop, Fault::None, page, "");
    let tables = format!("[axes]\nx = [1, 2]\n{}tunnel = './tunnel.sh {{port}}'\n", browser.table());
    shop.write("m.toml", &manifest(&tables));
    let _turn = browser_turn();
    let mut child = shop.command(&["run", "m.toml", "--out", "out"]).spawn().unwrap();
    shop.wait_for(&mut child, "jobs.csv", "declined");
    let is_tunnel = |id: &u32| traces::command_line(*id).contains("sleep 1234567");
    assert!(traces::processes(&shop.path("tmp")).iter().any(is_tunnel));
    child.kill().unwrap();
    ended(child);
    traces::assert_none(&shop);
}

#[test]
fn a_browser_elsewhere_that_does_not_reach_loopback_is_told_what_leads_there() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let shop = Workshop::new();
    let endpoint = runtime.block_on(FakeDriver::start(Fault::RefusesNavigation, "", json!({})));
    let table = format!("[browser.chrome]\nwebdriver = '{}'\n[serve]\naddress = '127.0.0.1'\n", endpoint.url);
    shop.run(&manifest(&table), &[]).expect(3);
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"page/\d+", "page/NUMBER");
    settings.add_filter(r":\d{4,5}\b", ":PORT");
    settings.add_filter(r"-R \d{4,5}:", "-R PORT:");
    settings.bind(|| insta::assert_snapshot!(reason(&shop)));
}
