//! Endpoints elsewhere: who is let in, what a Grid has, and that no session and no secret is left behind.

use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::support::fake_driver::{FakeDriver, Fault};
use crate::support::traces::{signal, wait_for};
use crate::support::workshop::{Workshop, ended};

const LOGIN: &str = "Basic bWU6czNjcmV0";

const MANIFEST: &str = "name = \"far\"\n[matrix]\nbrowser = [\"chrome\", \"firefox\"]\nmodel = \"axpy\"\n\
                        [measure]\nretries = 0\n";

/// The status of a Grid of one node with these slots: the browser, and the id of the session that has it.
fn grid(slots: &[(&str, Option<&str>)]) -> Value {
    let slot = |(browser, session): &(&str, Option<&str>)| {
        let session = session.map(|id| json!({ "sessionId": id }));
        let platform = if *browser == "MicrosoftEdge" { "Windows 11" } else { "linux" };
        json!({ "session": session, "stereotype": { "browserName": browser, "platformName": platform } })
    };
    let slots: Vec<Value> = slots.iter().map(slot).collect();
    let system = json!({ "name": "Linux", "version": "6.1" });
    let node = json!({
        "id": "n", "uri": "http://192.0.2.7:5555", "availability": "UP", "maxSessions": 4, "osInfo": system,
        "slots": slots
    });
    json!({ "ready": true, "message": "Selenium Grid ready.", "nodes": [node] })
}

/// A Grid that opens sessions in which no page ever answers.
async fn silent_grid(slots: &[(&str, Option<&str>)]) -> FakeDriver {
    FakeDriver::start(Fault::IsGrid(grid(slots)), "", json!({ "browserVersion": "156.0" })).await
}

/// Text that holds the port of a stand-in, without it.
fn plain(text: &str, driver: &FakeDriver) -> String {
    text.replace(driver.url.authority(), "[grid]")
}

/// Every file of a run folder, as one text.
fn files(folder: &std::path::Path) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        text +=
            &if path.is_dir() { files(&path) } else { String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into() };
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_login_is_said_once_and_no_secret_is_kept() {
    let driver = FakeDriver::start(Fault::WantsLogin(LOGIN), "", json!({})).await;
    let shop = Workshop::new();
    let url = format!("http://me:wr0ng@{}", driver.url.authority());
    shop.write("far.toml", MANIFEST);
    let run =
        shop.gpujobs(&["run", "far.toml", "--out", "out", "--webdriver", &url, "--filter", "browser=chrome"]).expect(3);
    let reason = &shop.column("reason")[0];
    insta::assert_snapshot!(plain(reason, &driver));
    assert!(driver.requests().iter().all(|request| request.path == "/status"), "{}", driver.paths());
    let kept = files(&shop.run_folder()) + &run.stdout + &run.stderr;
    assert!(!kept.contains("wr0ng") && !kept.contains("bWU6d3Iwbmc"), "{kept}");
    assert!(kept.contains(&format!("http://***@{}", driver.url.authority())), "{kept}");
}

#[tokio::test(flavor = "multi_thread")]
async fn logins_are_taken_from_the_address_the_environment_and_the_manifest() {
    let driver = FakeDriver::start(Fault::WantsLogin(LOGIN), "", json!({})).await;
    let shop = Workshop::new();
    let address = format!("http://{}", driver.url.authority());
    let with_login = format!("http://me:s3cret@{}", driver.url.authority());
    shop.gpujobs(&["doctor", "--webdriver", &address]).expect(3);
    // The stand-in has no status, but lets in.
    let told = shop.gpujobs(&["doctor", "--webdriver", &with_login]).expect(3);
    assert!(told.stdout.contains("NOT READY"), "{}", told.stdout);
    let mut command = shop.command(&["doctor", "--webdriver", &address]);
    let child = command.env("GPUJOBS_WEBDRIVER_HEADER", format!("Authorization: {LOGIN}")).spawn().unwrap();
    assert!(ended(child).stdout.contains("NOT READY"));

    let manifest = format!(
        "{MANIFEST}[browser.chrome]\nwebdriver = \"{address}\"\nheaders_from_env = {{ Authorization = \"FAR_LOGIN\" }}\n"
    );
    shop.write("far.toml", &manifest);
    let unset = shop.gpujobs(&["plan", "far.toml"]).expect(2);
    insta::assert_snapshot!(plain(&unset.stderr, &driver));
    let child = shop.command(&["plan", "far.toml"]).env("FAR_LOGIN", LOGIN).spawn().unwrap();
    assert_eq!(ended(child).expect(0).stderr, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grid_is_shown_and_what_it_lacks_is_known_before_a_run() {
    let driver = silent_grid(&[("chrome", Some("one")), ("chrome", None), ("MicrosoftEdge", None)]).await;
    let shop = Workshop::new();
    let url = driver.url.to_string();
    insta::assert_snapshot!(plain(&shop.gpujobs(&["doctor", "--webdriver", &url]).expect(0).stdout, &driver), @r"
    http://[grid]/: ready
    Selenium Grid ready.

     node                   system     state  browser        version  platform    slots  taken
     http://192.0.2.7:5555  Linux 6.1  up     chrome                  linux       2      1
     http://192.0.2.7:5555  Linux 6.1  up     MicrosoftEdge           Windows 11  1      0
    ");
    let shown = shop.gpujobs(&["doctor", "--format", "json", "--webdriver", &url]).expect(0).stdout;
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["nodes"][0]["slots"][0]["session"], "one");

    shop.write("far.toml", MANIFEST);
    let plan = shop.gpujobs(&["plan", "far.toml", "--webdriver", &url]).expect(0).stdout;
    let firefox = plan.lines().find(|line| line.contains("firefox/axpy")).unwrap();
    assert!(
        plain(firefox, &driver).contains("http://[grid]/ serves no firefox: it has chrome, MicrosoftEdge"),
        "{plan}"
    );
    assert!(!plan.lines().find(|line| line.contains("chrome/axpy")).unwrap().contains("serves"), "{plan}");

    shop.gpujobs(&["run", "far.toml", "--out", "out", "--webdriver", &url, "--filter", "browser=firefox"]).expect(3);
    assert!(shop.column("reason")[0].contains("serves no browser for `firefox`"), "{:?}", shop.column("reason"));
    assert!(!driver.paths().contains("POST"), "it would wait in the queue: {}", driver.paths());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_killed_leaves_no_session_at_the_endpoint() {
    let driver = silent_grid(&[("chrome", None)]).await;
    let shop = Workshop::new();
    shop.write("far.toml", MANIFEST);
    let url = driver.url.to_string();
    let arguments = ["run", "far.toml", "--out", "out", "--webdriver", &url, "--filter", "browser=chrome"];
    let child = shop.command(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let has = |line: &str| driver.paths().contains(line).then_some(());
    wait_for(|| has("POST /session/5e55/url"));
    signal(child.id(), Signal::SIGKILL);
    wait_for(|| has("DELETE /session/5e55"));
    let opened = driver.requests().into_iter().find(|request| request.path == "/session").unwrap();
    let asked = &opened.body["capabilities"]["alwaysMatch"];
    assert_eq!(asked["se:name"], "gpujobs chrome");
    assert!(!asked["goog:chromeOptions"]["args"].to_string().contains("--remote-debugging-pipe"), "{asked}");
    let _ = ended(child);
}

#[tokio::test(flavor = "multi_thread")]
async fn capabilities_of_a_vendor_reach_the_endpoint_and_their_secrets_no_file() {
    let driver = silent_grid(&[("MicrosoftEdge", None)]).await;
    let shop = Workshop::new();
    let manifest = format!(
        "{MANIFEST}[browser.chrome]\nwebdriver = \"{}\"\nargs = [\"--no-sandbox\"]\n[browser.chrome.capabilities]\n\
         browserName = \"MicrosoftEdge\"\nplatformName = \"Windows 11\"\n\
         \"v:options\" = {{ accessKey = {{ env = \"FAR_KEY\" }} }}\n\"goog:chromeOptions\" = {{ detach = true }}\n",
        driver.url
    );
    shop.write("far.toml", &manifest);
    let arguments = ["run", "far.toml", "--out", "out", "--filter", "browser=chrome", "--set", "measure.timeout=1s"];
    let mut child = shop.command(&arguments).env("FAR_KEY", "s3cret").spawn().unwrap();
    wait_for(|| driver.paths().contains("POST /session/5e55/url").then_some(()));
    signal(child.id(), Signal::SIGINT);
    child.wait().unwrap();
    let opened = driver.requests().into_iter().find(|request| request.path == "/session").unwrap();
    let asked = &opened.body["capabilities"]["alwaysMatch"];
    assert_eq!(asked["v:options"]["accessKey"], "s3cret");
    assert_eq!(asked["platformName"], "Windows 11");
    let chromium = &asked["goog:chromeOptions"];
    assert!(chromium["detach"] == true && chromium["args"].to_string().contains("--no-sandbox"), "{chromium}");
    assert!(!chromium["args"].to_string().contains("--use-angle=vulkan"), "Windows has none of Linux's flags");
    assert!(!files(&shop.run_folder()).contains("s3cret"));
    wait_for(|| driver.paths().contains("DELETE /session/5e55").then_some(()));

    let odd = manifest.replace(&format!("{}", driver.url), "https:/me:s3cret@far");
    shop.write("far.toml", &odd);
    let refused = shop.command(&["plan", "far.toml"]).env("FAR_KEY", "x").spawn().unwrap();
    let refused = ended(refused).expect(2).stderr;
    assert!(refused.contains("the login can't be kept out of what is recorded"), "{refused}");
    assert!(!refused.contains("s3cret"), "{refused}");

    let written = manifest.replace("{ env = \"FAR_KEY\" }", "\"s3cret\"");
    shop.write("far.toml", &written);
    let refused = shop.gpujobs(&["plan", "far.toml"]).expect(2);
    assert!(!refused.stderr.contains("s3cret"), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("the secret `accessKey` among the capabilities would be written into every run folder"),
        "{}",
        refused.stderr
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_endpoint_quotes_has_no_secrets() {
    let driver = FakeDriver::start(Fault::QuotesRequest, "", json!({})).await;
    let shop = Workshop::new();
    let manifest = format!(
        "{MANIFEST}[browser.chrome]\nwebdriver = \"{}\"\n\
         capabilities = {{ \"v:options\" = {{ user = \"me\", accessKey = {{ env = \"FAR_KEY\" }} }} }}\n",
        driver.url
    );
    shop.write("far.toml", &manifest);
    let arguments = ["run", "far.toml", "--out", "out", "--filter", "browser=chrome", "-vv"];
    let ended = ended(shop.command(&arguments).env("FAR_KEY", "s3\"cret").spawn().unwrap());
    let reason = &shop.column("reason")[0];
    assert!(reason.contains(r#""v:options":{"user":"me","accessKey":"***"}"#), "{reason}");
    let kept = files(&shop.run_folder()) + &ended.stdout + &ended.stderr;
    assert!(!kept.contains("cret"), "{kept}");
}

/// A real driver that is not gpujobs' own; it ends with its value.
struct Elsewhere {
    driver: std::process::Child,
    url: String,
    _lines: std::io::BufReader<std::process::ChildStdout>,
}

impl Elsewhere {
    fn start(shop: &Workshop) -> Self {
        use std::io::BufRead;

        use gpujobs::webdriver::discover::{ProgramSearch, programs};
        use gpujobs::webdriver::{BrowserKind, BrowserSettings};

        let search = ProgramSearch::of_this_machine();
        let program = programs(&BrowserSettings::of(BrowserKind::Firefox), &search).unwrap().driver;
        let mut driver = std::process::Command::new(program)
            .args(["--port", "0", "--websocket-port", "0", "--profile-root"])
            .arg(shop.path("tmp"))
            .env("TMPDIR", shop.path("tmp"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = std::io::BufReader::new(driver.stdout.take().unwrap());
        let mut line = String::new();
        while !line.contains("Listening on ") {
            line.clear();
            assert!(lines.read_line(&mut line).unwrap() > 0, "it ended");
        }
        let url = format!("http://{}", line.trim().rsplit(' ').next().unwrap());
        Self { driver, url, _lines: lines }
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// Both on this machine, whose GPU they take in turns.
#[test]
fn two_real_endpoints_are_driven_and_keep_no_session() {
    let turn = crate::support::browser_turn();
    let shop = Workshop::new();
    let [one, two] = [Elsewhere::start(&shop), Elsewhere::start(&shop)];
    let manifest = format!(
        "name = \"far\"\n[matrix]\nbrowser = [\"one\", \"two\"]\nmodel = \"axpy\"\n\
         [measure]\nsamples = 3\nrounds = 1\nfallback = []\n\
         [browser.one]\nkind = \"firefox\"\nwebdriver = \"{}\"\n[browser.two]\nkind = \"firefox\"\nwebdriver = \"{}\"\n",
        one.url, two.url
    );
    shop.write("far.toml", &manifest);
    shop.gpujobs(&["run", "far.toml", "--out", "out"]).expect(0);
    let mut jobs = shop.jobs();
    jobs.sort_by_key(|job| job["browser"].clone());
    for (job, endpoint) in jobs.iter().zip([&one, &two]) {
        assert_eq!((&*job["status"], &*job["verified"], &*job["cpu"]), ("ok", "true", ""), "{job:?}");
        assert_eq!(format!("http://{}", job["machine"]), endpoint.url, "{job:?}");
        assert!(!job["session_start_ms"].is_empty() && job["group"].is_empty(), "{job:?}");
        // geckodriver has one session at a time: the next one opens only where the last one was closed.
        let told = shop.gpujobs(&["doctor", "--webdriver", &endpoint.url]).expect(0);
        assert!(told.stdout.contains(": ready"), "{}", told.stdout);
    }
    drop((one, two, turn));
}

/// Whoever stops to wait for a session must not leave one that is granted later.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_granted_too_late_is_closed() {
    use gpujobs::webdriver::{BrowserKind, BrowserSettings, Gpu, Launch, Watchdog, launch};

    let driver = FakeDriver::start(Fault::GrantsLate(Duration::from_millis(300)), "", json!({})).await;
    let mut settings = BrowserSettings::of(BrowserKind::Chrome);
    settings.webdriver = Some(driver.url.clone().into());
    let watchdog = Watchdog::with_command("cat".into(), [""; 0]);
    let timeout = Duration::from_millis(100);
    let error = launch(Launch {
        settings,
        gpu: Gpu::Software,
        cold: false,
        timeout,
        log: None,
        watchdog,
        accept_insecure_certs: false,
        tunnel: None,
    })
    .await
    .unwrap_err();
    assert!(error.to_string().contains("took longer than 100ms"), "{error}");
    wait_for(|| driver.paths().contains("DELETE /session/5e55").then_some(()));
}
