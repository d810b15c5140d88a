//! A session: one browser opened by a driver, from `POST /session` to `DELETE /session/ID`.
//!
//! Made by `launch` for a local driver or a remote endpoint.

use std::time::Duration;

use fantoccini::Client;
use fantoccini::error::CmdError;
use hyper::Method;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::Value;
use tokio::time::timeout;
use url::Url;

use super::error::BrowserError;
use super::http::{self, DriverAnswer};
use super::products::BrowserSettings;
use crate::units::Nanos;

/// What a browser said about itself when it started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionFacts {
    /// Its version, or empty.
    pub browser_version: String,
    /// The driver's version; some don't say.
    pub driver_version: Option<String>,
    /// Whether it runs without a window.
    pub headless: bool,
    /// From the call of `launch` until the browser was there.
    pub start: Nanos,
}

/// An open session.
#[derive(Debug)]
pub(super) struct Session {
    url: Url,
    client: Client,
    facts: SessionFacts,
}

impl Session {
    /// Opens a browser at the endpoint `base`, which ends with a slash.
    pub(super) async fn open(
        base: &Url,
        settings: &BrowserSettings,
        body: &Value,
        limit: Duration,
    ) -> Result<Self, BrowserError> {
        let not_webdriver = |reason: String| BrowserError::NotWebDriver { url: base.to_string(), reason };
        let join = |path: &str| base.join(path).map_err(|error| not_webdriver(error.to_string()));
        let value = match http::command(Method::POST, &join("session")?, body, limit).await? {
            DriverAnswer::Value(value) => value,
            DriverAnswer::Failure { error, message } => return Err(refusal(settings, error, message)),
        };
        // A Selenium Grid 3 may answer a failure with HTTP 200 and the old protocol's `message`.
        let Some(id) = value["sessionId"].as_str().filter(|id| !id.is_empty() && !id.contains(['/', '?', '#'])) else {
            let reason = value["message"].as_str().unwrap_or("its answer has no session id");
            return Err(not_webdriver(http::without_stack(reason)));
        };
        let client = Client::with_existing_session(base.as_str(), id, HttpConnector::new()).await;
        let client = client.map_err(|error| not_webdriver(error.to_string()))?;
        let session =
            Self { url: join(&format!("session/{id}"))?, client, facts: facts(&value["capabilities"], settings) };
        // The client would end the session in a task of its own when dropped, with no limit; we do it.
        session.client.persist().await.map_err(|error| command_error("adopting the session", &error))?;
        Ok(session)
    }

    pub(super) fn facts(&self) -> SessionFacts {
        self.facts.clone()
    }

    pub(super) async fn navigate(&self, url: &Url, limit: Duration) -> Result<(), BrowserError> {
        let doing = format!("navigating to {url}");
        let result = timeout(limit, self.client.goto(url.as_str())).await;
        result
            .map_err(|_| BrowserError::TimedOut { doing: doing.clone(), limit })?
            .map_err(|error| command_error(&doing, &error))
    }

    pub(super) async fn execute(&self, script: &str, limit: Duration) -> Result<Value, BrowserError> {
        let doing = "running a script";
        let result = timeout(limit, self.client.execute(script, Vec::new())).await;
        result
            .map_err(|_| BrowserError::TimedOut { doing: doing.into(), limit })?
            .map_err(|error| command_error(doing, &error))
    }

    /// Posts one command, such as `window/rect`, and gives its value.
    pub(super) async fn post(&self, command: &str, body: &Value, limit: Duration) -> Result<Value, BrowserError> {
        let url = format!("{}/{command}", self.url);
        let failed = |message: String| BrowserError::Command { doing: format!("POST {url}"), message };
        let url = Url::parse(&url).map_err(|error| failed(error.to_string()))?;
        match http::command(Method::POST, &url, body, limit).await? {
            DriverAnswer::Value(value) => Ok(value),
            DriverAnswer::Failure { error, message } => Err(failed(format!("{error}: {message}"))),
        }
    }

    /// Asks the driver to close the browser. Whether it does is not our concern: the caller ends the processes.
    pub(super) async fn close(self, limit: Duration) {
        let _ = http::command(Method::DELETE, &self.url, &Value::Null, limit).await;
    }
}

/// The remedy for an endpoint that is not spoken to over http.
pub const TUNNEL: &str = "make a tunnel to the machine and name its near end: `ssh -N -L 4444:localhost:4444 host`, then \
                          `webdriver = \"http://localhost:4444\"`";

/// The address that commands are joined to: a remote URL with its path kept and a slash at its end.
pub(super) fn remote_base(url: &Url) -> Result<Url, BrowserError> {
    if url.scheme() != "http" || url.cannot_be_a_base() {
        return Err(BrowserError::Endpoint {
            url: url.to_string(),
            reason: format!("gpujobs speaks WebDriver over http, not {}", url.scheme()),
            help: TUNNEL.to_owned(),
        });
    }
    let mut base = url.clone();
    base.set_query(None);
    base.set_fragment(None);
    if !base.path().ends_with('/') {
        base.set_path(&format!("{}/", url.path()));
    }
    Ok(base)
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
        start: Nanos::default(),
    }
}

/// A command's failure; fantoccini keeps the driver's message in two of its variants.
fn command_error(doing: &str, error: &CmdError) -> BrowserError {
    let message = match error {
        CmdError::Standard(error) => format!("{}: {}", error.error(), error.message),
        CmdError::NotW3C(value) => value["message"].as_str().map_or_else(|| error.to_string(), str::to_owned),
        other => other.to_string(),
    };
    BrowserError::Command { doing: doing.to_owned(), message: http::without_stack(&message) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remote_address_keeps_its_path() {
        let base = |url: &str| remote_base(&url.parse().unwrap());
        assert_eq!(base("http://host:4444/wd/hub").unwrap().as_str(), "http://host:4444/wd/hub/");
        assert_eq!(base("http://host:4444").unwrap().as_str(), "http://host:4444/");
        assert!(base("https://host").unwrap_err().to_string().contains("over http, not https"));
    }
}
