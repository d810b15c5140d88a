//! One WebDriver command over HTTP, with a limit on its time and on its answer.
//!
//! Used by `session` for what opens and ends a session. Those two can't go through fantoccini's client: it adds
//! capabilities of its own, sends one command after the other, and calls a failed close a success.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Method, Request};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tokio::time::timeout;
use url::Url;

use super::error::BrowserError;

/// No answer to the commands sent here is larger; a page's data never comes this way.
const ANSWER_BYTES: usize = 4 << 20;

/// What a driver answered.
#[derive(Debug)]
pub(super) enum DriverAnswer {
    /// The `value` of a success.
    Value(Value),
    /// The `error` and the `message` of a failure, the message without chromedriver's stack trace.
    Failure { error: String, message: String },
}

/// Sends a command and waits for its answer for at most `limit`.
pub(super) async fn command(
    method: Method,
    url: &Url,
    body: &Value,
    limit: Duration,
) -> Result<DriverAnswer, BrowserError> {
    let doing = || format!("{method} {url}");
    let answer = timeout(limit, exchange(method.clone(), url, body)).await;
    answer.map_err(|_| BrowserError::TimedOut { doing: doing(), limit })?
}

async fn exchange(method: Method, url: &Url, body: &Value) -> Result<DriverAnswer, BrowserError> {
    let unreachable = |reason: String| BrowserError::Unreachable { url: url.to_string(), reason };
    let not_webdriver = |reason: String| BrowserError::NotWebDriver { url: url.to_string(), reason };
    let text = if method == Method::DELETE { String::new() } else { body.to_string() };
    let request = Request::builder()
        .method(method)
        .uri(url.as_str())
        .header("content-type", "application/json; charset=utf-8")
        .header("accept", "application/json")
        .body(Full::new(Bytes::from(text)))
        .map_err(|error| unreachable(error.to_string()))?;
    let client: Client<HttpConnector, Full<Bytes>> = Client::builder(TokioExecutor::new()).build(HttpConnector::new());
    let response = client.request(request).await.map_err(|error| unreachable(causes(&error)))?;
    let status = response.status();
    let body = Limited::new(response.into_body(), ANSWER_BYTES).collect().await;
    let body = body.map_err(|error| not_webdriver(format!("its answer broke off: {error}")))?.to_bytes();
    let read: Result<Value, _> = serde_json::from_slice(&body);
    let Some(value) = read.ok().and_then(|mut answer| answer.get_mut("value").map(Value::take)) else {
        let start: String = String::from_utf8_lossy(&body).chars().take(200).collect();
        return Err(not_webdriver(format!("HTTP {status}: {start:?}")));
    };
    if status.is_success() {
        return Ok(DriverAnswer::Value(value));
    }
    let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
    Ok(DriverAnswer::Failure { error: text("error"), message: without_stack(&text("message")) })
}

/// chromedriver's messages carry about twenty lines of stack, which begin so.
pub(super) fn without_stack(message: &str) -> String {
    message.split("\n#0").next().unwrap_or_default().trim_end().to_owned()
}

/// An error with the errors beneath it; the outermost alone says `client error (Connect)`.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
