//! A session: one browser opened by a driver, from `POST /session` to `DELETE /session/ID`.
//!
//! Made by `launch` for a local driver or a remote endpoint.

use std::time::Duration;

use hyper::Method;
use serde_json::{Value, json};

use super::endpoint::Endpoint;
use super::error::BrowserError;
use super::http::{self, DriverAnswer};
use super::note::{Note, RemoteSession};
use super::products::BrowserSettings;
use super::watchdog::Watchdog;
use crate::units::Nanos;

/// How much longer than it is waited for a session may take to open and still be closed by us. A Grid gives up by itself after
/// five minutes.
const GRANTED_LATE: Duration = Duration::from_mins(5);

/// How long an endpoint may take to close a session whose opening was given up.
const DROPPED_WITHIN: Duration = Duration::from_secs(30);

/// What a browser said about itself when it started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionFacts {
    /// Its version, or empty.
    pub browser_version: String,
    /// The driver's version; some don't say.
    pub driver_version: Option<String>,
    /// Whether it runs without a window.
    pub headless: bool,
    /// From the call of `launch` until the browser was there; `None` where some of it was spent in the queue of a Grid.
    pub start: Option<Nanos>,
    /// What opened it, where that is not this machine.
    pub remote: Option<RemoteFacts>,
}

/// What is known of the machine behind an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RemoteFacts {
    /// The endpoint's address.
    pub endpoint: String,
    /// The address of the node of a Grid.
    pub node: Option<String>,
    /// Its system, or empty.
    pub os: String,
}

/// An open session.
#[derive(Debug)]
pub(super) struct Session {
    endpoint: Endpoint,
    /// Its path below the endpoint's address.
    path: String,
    facts: SessionFacts,
    /// Ends it when gpujobs can't; of a local driver, which ends with its process, there is none.
    registered: Option<Registered>,
}

/// A remote session that the watchdog knows, until it is closed.
#[derive(Debug)]
struct Registered {
    session: RemoteSession,
    watchdog: Watchdog,
}

impl Registered {
    fn new(session: RemoteSession, watchdog: &Watchdog) -> Result<Self, BrowserError> {
        let sent = watchdog.send(&Note::Session(session.clone()));
        sent.map_err(|source| BrowserError::Io { doing: "starting the child that cleans up".to_owned(), source })?;
        Ok(Self { session, watchdog: watchdog.clone() })
    }

    fn forget(self) {
        let _ = self.watchdog.send(&Note::ForgetSession(self.session));
    }
}

impl Session {
    /// Opens a browser at an endpoint; `watchdog` is told of one that is remote.
    pub(super) async fn open(
        endpoint: &Endpoint,
        settings: &BrowserSettings,
        body: &Value,
        limit: Duration,
        watchdog: Option<&Watchdog>,
    ) -> Result<Self, BrowserError> {
        let (answer, registered) = new_session(endpoint, body, limit, watchdog).await?;
        let value = match answer {
            DriverAnswer::Value(value) => value,
            DriverAnswer::Failure { error, message } => return Err(refusal(settings, error, message)),
        };
        let not_webdriver = |reason: String| BrowserError::NotWebDriver { url: endpoint.to_string(), reason };
        // A Selenium Grid 3 may answer a failure with HTTP 200 and the old protocol's `message`.
        let Some(id) = session_id(&value) else {
            let reason = value["message"].as_str().unwrap_or("its answer has no session id");
            return Err(not_webdriver(http::without_stack(reason)));
        };
        let path = format!("session/{id}");
        let facts = facts(&value["capabilities"], settings);
        Ok(Self { endpoint: endpoint.clone(), path, facts, registered })
    }

    pub(super) fn facts(&self) -> SessionFacts {
        self.facts.clone()
    }

    /// The session's id.
    pub(super) fn id(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    pub(super) async fn navigate(&self, url: &str, limit: Duration) -> Result<(), BrowserError> {
        self.told(&format!("navigating to {url}"), "url", &json!({ "url": url }), limit).await.map(drop)
    }

    pub(super) async fn execute(&self, script: &str, limit: Duration) -> Result<Value, BrowserError> {
        let body = json!({ "script": script, "args": [] });
        self.told("running a script", "execute/sync", &body, limit).await
    }

    /// Posts one command, such as `window/rect`, and gives its value.
    pub(super) async fn post(&self, command: &str, body: &Value, limit: Duration) -> Result<Value, BrowserError> {
        let doing = format!("POST {}{}/{command}", self.endpoint, self.path);
        self.told(&doing, command, body, limit).await
    }

    async fn told(&self, doing: &str, command: &str, body: &Value, limit: Duration) -> Result<Value, BrowserError> {
        let path = format!("{}/{command}", self.path);
        let doing = doing.to_owned();
        match http::command(&self.endpoint, Method::POST, &path, body, limit).await {
            Ok(DriverAnswer::Value(value)) => Ok(value),
            Ok(DriverAnswer::Failure { error, message }) => {
                Err(BrowserError::Command { doing, message: format!("{error}: {message}") })
            }
            Err(BrowserError::TimedOut { limit, .. }) => Err(BrowserError::TimedOut { doing, limit }),
            Err(error) => Err(BrowserError::Command { doing, message: error.to_string() }),
        }
    }

    /// Asks the driver to close the browser. Whether a local one does is not our concern: the caller ends the processes. A
    /// remote one that does not answer stays the watchdog's.
    pub(super) async fn close(mut self, limit: Duration) {
        let registered = self.registered.take();
        end(&self.endpoint, &self.path, registered, limit).await;
    }
}

impl Drop for Session {
    /// A remote session whose opening was given up: nothing else would end it before gpujobs does.
    fn drop(&mut self) {
        let Some(registered) = self.registered.take() else { return };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let (endpoint, path) = (self.endpoint.clone(), self.path.clone());
        runtime.spawn(async move { end(&endpoint, &path, Some(registered), DROPPED_WITHIN).await });
    }
}

/// Closes a session; the watchdog is told only of one that is gone for certain.
async fn end(endpoint: &Endpoint, path: &str, registered: Option<Registered>, limit: Duration) {
    let gone = match http::command(endpoint, Method::DELETE, path, &Value::Null, limit).await {
        Ok(DriverAnswer::Value(_)) => true,
        Ok(DriverAnswer::Failure { error, .. }) => error == "invalid session id",
        Err(_) => false,
    };
    if let (true, Some(registered)) = (gone, registered) {
        registered.forget();
    }
}

/// Asks for a session. Whoever stops to wait leaves a request behind that a Grid may still grant, minutes later: what it then
/// opens is closed at once. The watchdog knows of a session as soon as there is one.
async fn new_session(
    endpoint: &Endpoint,
    body: &Value,
    limit: Duration,
    watchdog: Option<&Watchdog>,
) -> Result<(DriverAnswer, Option<Registered>), BrowserError> {
    let (answered, answer) = tokio::sync::oneshot::channel();
    let (asked, body, watchdog) = (endpoint.clone(), body.clone(), watchdog.cloned());
    tokio::spawn(async move {
        let answer = http::command(&asked, Method::POST, "session", &body, limit + GRANTED_LATE).await;
        let id = answer.as_ref().ok().and_then(|answer| match answer {
            DriverAnswer::Value(value) => session_id(value),
            DriverAnswer::Failure { .. } => None,
        });
        let Some(path) = id.map(|id| format!("session/{id}")) else {
            return drop(answered.send(answer.map(|answer| (answer, None))));
        };
        let registered = watchdog.map(|watchdog| Registered::new(RemoteSession::new(&asked, &path), &watchdog));
        let (answer, failed) = match registered.transpose() {
            Ok(registered) => (answer.map(|answer| (answer, registered)), false),
            Err(error) => (Err(error), true),
        };
        match answered.send(answer) {
            Ok(()) if failed => end(&asked, &path, None, limit).await,
            Ok(()) => {}
            Err(unheard) => end(&asked, &path, unheard.ok().and_then(|(_, registered)| registered), limit).await,
        }
    });
    let late = || BrowserError::TimedOut { doing: format!("POST {endpoint}session"), limit };
    match tokio::time::timeout(limit, answer).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) | Err(_) => Err(late()),
    }
}

/// The id in the answer to `POST /session`, where it is one that can stand in a path.
fn session_id(value: &Value) -> Option<String> {
    let id = value["sessionId"].as_str().filter(|id| !id.is_empty() && !id.contains(['/', '?', '#']));
    id.map(str::to_owned)
}

/// A refused session; a driver's complaint about versions has an error of its own.
fn refusal(settings: &BrowserSettings, error: String, message: String) -> BrowserError {
    let browser = settings.name.clone();
    match (settings.kind.product().version_mismatch)(&message) {
        Some((driver, found)) => BrowserError::VersionMismatch { browser, kind: settings.kind.into(), driver, found },
        None => BrowserError::Refused { browser, error, message },
    }
}

/// What the returned capabilities say.
fn facts(capabilities: &Value, settings: &BrowserSettings) -> SessionFacts {
    let product = settings.kind.product();
    let text = |pointer: &str| capabilities.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let version = product.driver_version.and_then(text);
    let headless = product.is_headless.and_then(|pointer| capabilities.pointer(pointer)).and_then(Value::as_bool);
    SessionFacts {
        browser_version: text("/browserVersion").unwrap_or_default(),
        // chromedriver adds the hash of its source.
        driver_version: version.and_then(|version| version.split(' ').next().map(str::to_owned)),
        headless: headless.unwrap_or(settings.headless),
        start: None,
        remote: None,
    }
}
