//! One WebDriver command over HTTP or HTTPS, with a limit on its time and on its answer.
//!
//! Used by `session` for all that it asks of a browser, by `grid` for what an endpoint serves, and by the watchdog. A client of
//! WebDriver from elsewhere would add capabilities of its own, wait for ever behind a command that hangs, call a failed close a
//! success, and send no header of the user's.

use std::sync::LazyLock;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Method, Request};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tokio::time::timeout;

use super::endpoint::Endpoint;
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

/// The authorities that this machine trusts (or those of `SSL_CERT_FILE`, `SSL_CERT_DIR`), read once.
static TLS: LazyLock<ClientConfig> = LazyLock::new(|| {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()
});

/// Sends a command to `path` below an endpoint and waits for its answer for at most `limit`.
pub(super) async fn command(
    endpoint: &Endpoint,
    method: Method,
    path: &str,
    body: &Value,
    limit: Duration,
) -> Result<DriverAnswer, BrowserError> {
    let doing = || format!("{method} {endpoint}{path}");
    let answer = timeout(limit, exchange(endpoint, method.clone(), path, body)).await;
    answer.map_err(|_| BrowserError::TimedOut { doing: doing(), limit })?
}

async fn exchange(endpoint: &Endpoint, method: Method, path: &str, body: &Value) -> Result<DriverAnswer, BrowserError> {
    let unreachable = |reason: String| BrowserError::Unreachable { url: endpoint.to_string(), reason };
    let not_webdriver = |reason: String| BrowserError::NotWebDriver { url: format!("{endpoint}{path}"), reason };
    let url = endpoint.join(path).ok_or_else(|| unreachable(format!("{path} is no path")))?;
    let text = if method == Method::POST { body.to_string() } else { String::new() };
    let mut request = Request::builder()
        .method(method)
        .uri(url.as_str())
        .header("content-type", "application/json; charset=utf-8")
        .header("accept", "application/json");
    for (name, value) in endpoint.headers() {
        request = request.header(name, value);
    }
    let request = request.body(Full::new(Bytes::from(text))).map_err(|error| unreachable(error.to_string()))?;
    // A client for each command: a new connection costs a tenth of a millisecond here, and one that a Grid has closed meanwhile
    // is never met.
    let builder = Client::builder(TokioExecutor::new());
    let response = match url.scheme() {
        "https" => builder.build(secured()).request(request).await,
        _ => builder.build(HttpConnector::new()).request(request).await,
    };
    let response = response.map_err(|error| refused(endpoint, &error))?;
    let status = response.status();
    if matches!(status.as_u16(), 401 | 403 | 407) {
        return Err(BrowserError::Login { url: endpoint.to_string(), status: status.to_string() });
    }
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

/// What makes connections over TLS.
fn secured() -> HttpsConnector<HttpConnector> {
    HttpsConnectorBuilder::new().with_tls_config(TLS.clone()).https_only().enable_http1().build()
}

/// Why there is no connection; a certificate that is not trusted has an error of its own.
fn refused(endpoint: &Endpoint, error: &(dyn std::error::Error + 'static)) -> BrowserError {
    let (url, reason) = (endpoint.to_string(), causes(error));
    let mut cause = Some(error);
    while let Some(error) = cause {
        // `rustls` wraps its own error in one of input and output.
        let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        let tls = error.downcast_ref::<rustls::Error>().or_else(|| inner?.downcast_ref());
        if let Some(rustls::Error::InvalidCertificate(why)) = tls {
            return BrowserError::Certificate { url, reason: why.to_string() };
        }
        cause = error.source();
    }
    BrowserError::Unreachable { url, reason }
}

/// chromedriver's messages carry about twenty lines of stack, which begin so; a Grid's begin with what was built when.
pub(super) fn without_stack(message: &str) -> String {
    let message = message.split("\n#0").next().unwrap_or_default();
    message.split("\nBuild info: ").next().unwrap_or_default().trim_end().to_owned()
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
