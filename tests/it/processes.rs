//! That real browsers start, and that nothing of them is left, however they or gpujobs itself end.
//!
//! These need Chromium, Firefox and WebKitGTK with their drivers (`gpujobs setup`); a missing one fails its test.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use gpujobs::webdriver::{
    Browser, BrowserKind, BrowserSettings, Gpu, Launch, LogSink, Watchdog, cleanup, launch, process,
};

use crate::support::fake_driver::{FakeDriver, Fault};

/// Names the file in which [`role_parent`] writes what its browser is; without it the roles do nothing.
const ROLE: &str = "GPUJOBS_TEST_ROLE";

/// A watchdog whose program is this test binary, in its role of `gpujobs watchdog`.
fn test_watchdog() -> Watchdog {
    let arguments = ["--exact", "processes::role_watchdog", "--ignored", "--nocapture"];
    Watchdog::with_command(std::env::current_exe().unwrap(), arguments)
}

async fn start(kind: BrowserKind) -> Browser {
    let settings = BrowserSettings::of(kind);
    let log = Some(LogSink::new(|line| println!("{line}")));
    let how = Launch {
        settings,
        gpu: Gpu::Software,
        cold: true,
        timeout: Duration::from_secs(90),
        log,
        watchdog: test_watchdog(),
        accept_insecure_certs: false,
        tunnel: None,
    };
    launch(how).await.unwrap_or_else(|error| panic!("{error}"))
}

/// The group and the folder of a browser that was started here.
fn traces(browser: &Browser) -> (u32, PathBuf) {
    let (group, folder) = browser.local().expect("a local driver");
    assert!(folder.is_dir());
    (group, folder.to_owned())
}

fn assert_nothing_left(group: u32, folder: &Path) {
    assert_eq!(process::members(group).unwrap(), [0_u32; 0], "processes of group {group}");
    assert!(!folder.exists(), "{}", folder.display());
}

async fn opens_and_closes(kind: BrowserKind) {
    let browser = start(kind).await;
    println!("{kind:?} {} started after {:?}: {:?}", browser.facts.browser_version, browser.facts.start, browser.facts);
    assert!(!browser.facts.browser_version.is_empty());
    browser.navigate(&"data:text/html,<title>here</title>".parse().unwrap()).await.unwrap();
    assert_eq!(browser.execute("return document.title").await.unwrap(), "here");
    let (group, folder) = traces(&browser);
    let members = process::members(group).unwrap();
    assert!(members.len() > 2, "driver and browser are of one group: {members:?}");
    let begin = Instant::now();
    browser.close(Duration::from_secs(10)).await;
    println!("{kind:?} closed after {:?}", begin.elapsed());
    assert_nothing_left(group, &folder);
}

/// The launch flags do what they are for: a page on loopback has the adapter of a machine without a GPU.
async fn offers_webgpu(kind: BrowserKind) {
    let page = FakeDriver::start(Fault::AnswersGarbage, "", serde_json::json!({})).await;
    let browser = start(kind).await;
    browser.navigate(&page.url).await.unwrap();
    let script = "if (!navigator.gpu) return 'no WebGPU';
        return navigator.gpu.requestAdapter().then(adapter => adapter ? 'an adapter ' + adapter.info.architecture : 'no adapter')";
    let found = browser.execute(script).await.unwrap();
    let expected = match kind {
        BrowserKind::Chrome => "an adapter swiftshader",
        BrowserKind::Firefox => "an adapter ",
        _ => "no WebGPU",
    };
    browser.close(Duration::from_secs(10)).await;
    assert_eq!(found, expected);
}

async fn is_killed(kind: BrowserKind) {
    let browser = start(kind).await;
    let (group, folder) = traces(&browser);
    let begin = Instant::now();
    browser.kill().await;
    println!("{kind:?} killed after {:?}", begin.elapsed());
    assert_nothing_left(group, &folder);
}

async fn loses_its_driver(kind: BrowserKind) {
    let browser = start(kind).await;
    let (group, folder) = traces(&browser);
    let name = match kind {
        BrowserKind::Chrome => "chromedriver",
        BrowserKind::Firefox => "geckodriver",
        _ => "WebKitWebDriver",
    };
    let driver = process::members(group).unwrap().into_iter().find(|id| {
        let command = std::fs::read_to_string(format!("/proc/{id}/cmdline")).unwrap_or_default();
        command.split('\0').next().is_some_and(|program| program.ends_with(name))
    });
    let driver = nix::unistd::Pid::from_raw(i32::try_from(driver.expect("a driver")).unwrap());
    nix::sys::signal::kill(driver, nix::sys::signal::Signal::SIGKILL).unwrap();
    let message = tokio::time::timeout(Duration::from_secs(5), browser.exited()).await.expect("its death is noticed");
    assert!(message.starts_with(&format!("{name} died (signal: 9 (SIGKILL))")), "{message}");
    browser.close(Duration::from_secs(2)).await;
    assert_nothing_left(group, &folder);
}

async fn is_dropped(kind: BrowserKind) {
    let browser = start(kind).await;
    let (group, folder) = traces(&browser);
    drop(browser);
    wait_until_nothing_left(group, &folder);
}

fn wait_until_nothing_left(group: u32, folder: &Path) {
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_mins(5) && (process::alive(group) || folder.exists()) {
        std::thread::sleep(Duration::from_millis(20));
    }
    println!("gone after {:?}", begin.elapsed());
    assert_nothing_left(group, folder);
}

/// Kills a process that has opened a browser, and waits for its watchdog.
fn parent_is_killed(kind: BrowserKind) {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("traces");
    let mut parent = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "processes::role_parent", "--ignored", "--nocapture"])
        .env(ROLE, format!("{} {}", kind, file.display()))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let begin = Instant::now();
    let text = loop {
        if let Some(text) = std::fs::read_to_string(&file).ok().filter(|text| text.ends_with('\n')) {
            break text;
        }
        assert!(begin.elapsed() < Duration::from_mins(5) && parent.try_wait().unwrap().is_none(), "no browser came up");
        std::thread::sleep(Duration::from_millis(20));
    };
    let (group, folder) = text.trim_end().split_once(' ').unwrap();
    let group = group.parse().unwrap();
    assert!(process::alive(group));
    parent.kill().unwrap();
    parent.wait().unwrap();
    wait_until_nothing_left(group, Path::new(folder));
}

/// Not a test: what [`parent_is_killed`] starts and kills.
#[test]
#[ignore = "a role of other tests"]
fn role_parent() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let (name, file) = role.split_once(' ').unwrap();
    let kind = name.parse().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let browser = runtime.block_on(start(kind));
    let (group, folder) = traces(&browser);
    std::fs::write(file, format!("{group} {}\n", folder.display())).unwrap();
    std::thread::sleep(Duration::from_mins(10));
}

/// Not a test: the role of `gpujobs watchdog`. Run by hand it reads an empty stdin and does nothing.
#[test]
#[ignore = "a role of other tests"]
fn role_watchdog() {
    cleanup::serve(std::io::stdin().lock());
}

/// The same tests for each engine.
macro_rules! tests_of {
    ($engine:ident, $kind:expr) => {
        mod $engine {
            use super::*;

            #[tokio::test]
            async fn opens_and_closes() {
                super::opens_and_closes($kind).await;
            }

            #[tokio::test]
            async fn offers_webgpu() {
                super::offers_webgpu($kind).await;
            }

            #[tokio::test]
            async fn is_killed() {
                super::is_killed($kind).await;
            }

            #[tokio::test]
            async fn loses_its_driver() {
                super::loses_its_driver($kind).await;
            }

            #[tokio::test]
            async fn is_dropped() {
                super::is_dropped($kind).await;
            }

            #[test]
            fn loses_its_parent() {
                super::parent_is_killed($kind);
            }
        }
    };
}

tests_of!(chromium, BrowserKind::Chrome);
tests_of!(firefox, BrowserKind::Firefox);
tests_of!(webkitgtk, BrowserKind::Webkitgtk);
