//! What gpujobs says to a driver, and what it makes of the answers; against a stand-in, so for every product anywhere.

use std::time::Duration;

use gpujobs::webdriver::{
    Browser, BrowserError, BrowserKind, BrowserSettings, Gpu, Launch, PrefValue, Watchdog, launch,
};
use serde_json::{Value, json};

use crate::support::fake_driver::{FakeDriver, Fault, Received};

/// How `kind` is launched at a stand-in, on a machine without a GPU.
fn remote(kind: BrowserKind, driver: &FakeDriver) -> Launch {
    let mut settings = BrowserSettings::of(kind);
    settings.webdriver = Some(driver.url.clone().into());
    Launch {
        settings,
        gpu: Gpu::Software,
        cold: false,
        timeout: Duration::from_mins(1),
        log: None,
        // Reads what it is told until the test's end.
        watchdog: Watchdog::with_command(if cfg!(windows) { "more.com" } else { "cat" }.into(), [""; 0]),
        accept_insecure_certs: false,
        tunnel: None,
    }
}

/// Opens, navigates and closes; gives the first request.
async fn first_request(kind: BrowserKind, change: impl FnOnce(&mut Launch)) -> Value {
    let driver = FakeDriver::start(Fault::None, "", json!({})).await;
    let mut how = remote(kind, &driver);
    change(&mut how);
    let browser = launch(how).await.unwrap();
    browser.close(Duration::from_secs(5)).await;
    let is_new = |request: &Received| request.method == "POST" && request.path.ends_with("/session");
    driver.requests().into_iter().find(is_new).unwrap().body
}

async fn failure(fault: Fault) -> BrowserError {
    let driver = FakeDriver::start(fault, "", json!({})).await;
    let mut how = remote(BrowserKind::Chrome, &driver);
    how.timeout = Duration::from_millis(500);
    launch(how).await.unwrap_err()
}

fn text(error: &BrowserError) -> String {
    let help = miette::Diagnostic::help(error).map(|help| help.to_string()).unwrap_or_default();
    format!("{error}\nhelp: {help}")
}

#[tokio::test]
async fn chrome_is_asked_for_with_its_flags() {
    let body = first_request(BrowserKind::Chrome, |how| {
        how.settings.args = vec!["--mute-audio".into(), "--enable-features=Own".into()];
        how.settings.prefs.insert("intl.accept_languages".into(), PrefValue::Text("en".into()));
    });
    insta::assert_json_snapshot!(body.await);
}

#[tokio::test]
async fn unknown_certificates_are_accepted_where_that_is_asked_for_and_nowhere_else() {
    for kind in [BrowserKind::Chrome, BrowserKind::Firefox, BrowserKind::Webkitgtk] {
        let asked = async |accepts| {
            let body = first_request(kind, |how| how.accept_insecure_certs = accepts).await;
            body["capabilities"]["alwaysMatch"].get("acceptInsecureCerts").cloned()
        };
        assert_eq!(asked(true).await, Some(json!(true)), "{kind}");
        assert_eq!(asked(false).await, None, "{kind}: not every driver knows the key");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn chrome_on_a_gpu_under_linux_goes_through_vulkan() {
    let body = first_request(BrowserKind::Chrome, |how| {
        how.gpu = Gpu::Hardware;
        how.cold = true;
        how.settings.headless = false;
    });
    let body = body.await;
    insta::assert_json_snapshot!(body["capabilities"]["alwaysMatch"]["goog:chromeOptions"]);
}

#[tokio::test]
async fn edge_is_asked_for_under_its_own_names() {
    let body =
        first_request(BrowserKind::Edge, |how| how.settings.binary = Some("/opt/microsoft/msedge/msedge".into()));
    insta::assert_json_snapshot!(body.await);
}

#[tokio::test]
async fn brave_is_asked_for_as_chrome_by_its_own_program() {
    let brave = "/usr/bin/brave-browser";
    let body = first_request(BrowserKind::Brave, |how| how.settings.binary = Some(brave.into())).await;
    let chrome = first_request(BrowserKind::Chrome, |how| how.settings.binary = Some(brave.into())).await;
    assert_eq!(body, chrome);
    assert_eq!(body["capabilities"]["alwaysMatch"]["goog:chromeOptions"]["binary"], brave);
}

#[tokio::test]
async fn firefox_is_asked_for_with_its_preferences() {
    let body = first_request(BrowserKind::Firefox, |how| {
        how.settings.prefs.insert("dom.webgpu.testing.assert-hardware-adapter".into(), PrefValue::Bool(true));
    });
    insta::assert_json_snapshot!(body.await);
}

#[tokio::test]
async fn safari_is_asked_for_without_arguments() {
    insta::assert_json_snapshot!(first_request(BrowserKind::Safari, |_| ()).await);
}

#[tokio::test]
async fn webkitgtk_is_asked_for_in_automation() {
    insta::assert_json_snapshot!(first_request(BrowserKind::Webkitgtk, |_| ()).await);
}

#[tokio::test]
async fn a_grid_under_a_path_gets_each_command_there() {
    let capabilities = json!({
        "browserName": "chrome", "browserVersion": "156.0.8078.79", "platformName": "linux", "goog:processID": 4711,
        "chrome": { "chromedriverVersion": "156.0.8078.79 (a21ce95c24ce-refs/branch-heads/8078@{#1704})" }
    });
    let driver = FakeDriver::start(Fault::None, "/wd/hub", capabilities).await;
    let browser = launch(remote(BrowserKind::Chrome, &driver)).await.unwrap();
    browser.navigate(&"http://127.0.0.1:1/page".parse().unwrap()).await.unwrap();
    assert_eq!(browser.facts.driver_version.as_deref(), Some("156.0.8078.79"));

    browser.close(Duration::from_secs(5)).await;
    insta::assert_snapshot!(driver.paths(), @r"
    GET /wd/hub/status
    POST /wd/hub/session
    POST /wd/hub/session/5e55/url
    DELETE /wd/hub/session/5e55
    ");
}

#[tokio::test]
async fn each_way_to_refuse_says_what_to_do() {
    let binary =
        Fault::RefusesSession("session not created", "no chrome binary at /nonexistent\n#0 0x55 <unknown>\n#1 0x56");
    insta::assert_snapshot!(text(&failure(binary).await), @r"
    the driver refused to start `chrome`: session not created: no chrome binary at /nonexistent
    help: run again with -vv to see the driver's output; `gpujobs doctor` lists what is installed
    ");
    insta::assert_snapshot!(text(&failure(Fault::VersionMismatch).await), @r"
    the driver is for version 114 and the browser of `chrome` is 156.0.8078.79
    help: install the driver of the browser's version (`gpujobs setup chrome` brings both from the same source), or name a matching pair with `binary` and `driver` under [browser.chrome]
    ");
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"127\.0\.0\.1:\d+", "[address]");
    let _scope = settings.bind_to_scope();
    insta::assert_snapshot!(text(&failure(Fault::AnswersGarbage).await), @r#"
    http://[address]/session does not answer as a WebDriver endpoint: HTTP 200 OK: "<!doctype html><title>Welcome</title>"
    help: check the URL and its path: a Selenium Grid 3 wants `/wd/hub/`
    "#);
    insta::assert_snapshot!(text(&failure(Fault::AnswersOldProtocol).await), @r"
    http://[address]/ does not answer as a WebDriver endpoint: Error forwarding the new session cannot find : Capabilities {browserName: safari}
    help: check the URL and its path: a Selenium Grid 3 wants `/wd/hub/`
    ");
    insta::assert_snapshot!(text(&failure(Fault::NeverAnswers).await), @r"
    GET http://[address]/status took longer than 500ms
    help: -vv shows the driver's output; a grid queues when all its browsers are taken: run again when one is free; a machine that is busy with other programs may need them stopped
    ");
}

#[tokio::test]
async fn an_endpoint_that_nobody_serves_is_unreachable() {
    let driver = FakeDriver::start(Fault::None, "", json!({})).await;
    let mut how = remote(BrowserKind::Firefox, &driver);
    // A port that was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    how.settings.webdriver = Some(format!("http://{free}").parse().unwrap());
    let error = launch(how).await.unwrap_err();
    assert!(matches!(&error, BrowserError::Unreachable { reason, .. } if reason.contains("refused")), "{error}");
}

async fn opened(fault: Fault) -> (FakeDriver, Browser) {
    let driver = FakeDriver::start(fault, "", json!({})).await;
    let browser = launch(remote(BrowserKind::Chrome, &driver)).await.unwrap();
    (driver, browser)
}

#[tokio::test]
async fn a_failed_navigation_says_why_without_the_drivers_stack() {
    let (_driver, browser) = opened(Fault::RefusesNavigation).await;
    let error = browser.navigate(&"http://127.0.0.1:1/".parse().unwrap()).await.unwrap_err();
    insta::assert_snapshot!(error, @r"
    navigating to http://127.0.0.1:1/ failed: unknown error: unknown error: net::ERR_CONNECTION_REFUSED
      (Session info: chrome=156.0.8078.79)
    ");
}

#[tokio::test]
async fn a_driver_that_died_fails_the_navigation_and_does_not_hold_up_the_close() {
    let (_driver, browser) = opened(Fault::DiesAfterSession).await;
    let error = browser.navigate(&"http://127.0.0.1:1/".parse().unwrap()).await.unwrap_err();
    assert!(matches!(error, BrowserError::Command { .. }), "{error}");
    // Longer than any test may take: it must not be waited for.
    browser.close(Duration::from_hours(1)).await;
}

#[tokio::test]
async fn a_close_keeps_to_its_limit() {
    let (driver, browser) = opened(Fault::NeverCloses).await;
    browser.close(Duration::from_millis(200)).await;
    assert!(driver.paths().ends_with("DELETE /session/5e55"));
}

/// How Chromium is launched with a shell script for a driver; `[folder]/chromedriver`, which lives as long as the folder.
#[cfg(unix)]
async fn scripted(script: &str) -> (tempfile::TempDir, FakeDriver, Launch) {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("chromedriver");
    let driver = FakeDriver::start(Fault::None, "", json!({})).await;
    let port = driver.url.port().unwrap().to_string();
    let script = script.replace("[folder]", folder.path().to_str().unwrap()).replace("[port]", &port);
    std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut how = remote(BrowserKind::Chrome, &driver);
    how.settings.webdriver = None;
    how.settings.binary = Some(program.clone());
    how.settings.driver = Some(program);
    (folder, driver, how)
}

#[cfg(unix)]
#[tokio::test]
async fn a_driver_that_does_not_start_says_how_it_ended() {
    let (folder, _fake, mut how) = scripted("echo x >> [folder]/starts\necho cannot bind >&2\nexit 3").await;
    let error = launch(how.clone()).await.unwrap_err();
    let shown = text(&error).replace(&folder.path().display().to_string(), "[folder]");
    insta::assert_snapshot!(shown, @r"
    [folder]/chromedriver did not start: chromedriver died (exit status: 3)
    help: its last output:
    cannot bind
    ");
    assert_eq!(
        std::fs::read_to_string(folder.path().join("starts")).unwrap(),
        "x\n",
        "only a taken port is tried again"
    );

    how.settings.driver = Some("/nonexistent/chromedriver".into());
    assert!(matches!(launch(how).await.unwrap_err(), BrowserError::NotFound { .. }));
}

#[cfg(unix)]
#[tokio::test]
async fn a_driver_whose_port_was_taken_is_started_again() {
    // As chromedriver says it.
    let script = "echo x >> [folder]/starts\n\
        if [ $(wc -l < [folder]/starts) -lt 3 ]; then\n\
        echo '[1795492973.799][SEVERE]: bind() failed: Address already in use (98)' >&2\n\
        echo 'IPv4 port not available. Exiting...' >&2\nexit 1\nfi\n\
        echo ChromeDriver was started successfully on port [port].\nexec sleep 60";
    let (folder, fake, how) = scripted(script).await;
    let browser = launch(how).await.unwrap();
    assert_eq!(std::fs::read_to_string(folder.path().join("starts")).unwrap().lines().count(), 3);
    browser.close(Duration::from_secs(5)).await;
    assert!(fake.paths().starts_with("POST /session"), "{}", fake.paths());
}
