//! A stand-in for a WebDriver endpoint on loopback: it records every request, and fails in the way that its test asks for.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use url::Url;

/// How the endpoint behaves.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Fault {
    /// As it should.
    None,
    /// Answers `POST /session` with HTTP 500 and this `error` and `message`.
    RefusesSession(&'static str, &'static str),
    /// What chromedriver 114 answers when the browser is Chromium 156.
    VersionMismatch,
    /// Takes connections and requests and never says a word, as a Grid does whose browsers are all taken.
    NeverAnswers,
    /// Answers HTTP 200 with a page.
    AnswersGarbage,
    /// Answers HTTP 200 in the protocol before W3C, as Selenium Grid 3 does.
    AnswersOldProtocol,
    /// Opens a session, and drops each connection from then on.
    DiesAfterSession,
    /// Does not answer when a session is to be closed.
    NeverCloses,
    /// Says of itself what a Selenium Grid says, with this status.
    IsGrid(Value),
    /// Refuses a session and quotes what was asked for.
    QuotesRequest,
    /// Opens a session after so long.
    GrantsLate(Duration),
    /// Takes requests with this `Authorization` only.
    WantsLogin(&'static str),
    /// Answers each navigation with Chromium's error for an address where nobody listens.
    RefusesNavigation,
    /// The same of so many navigations, as where a tunnel takes its time.
    RefusesNavigations(usize),
}

/// A request that came in.
#[derive(Debug, Clone, serde::Serialize)]
pub(crate) struct Received {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) body: Value,
}

/// A running stand-in; it ends with the test's runtime.
pub(crate) struct FakeDriver {
    pub(crate) url: Url,
    requests: Arc<Mutex<Vec<Received>>>,
}

impl FakeDriver {
    /// Starts one whose commands lie under `prefix`, such as `/wd/hub`, and which opens sessions with `capabilities`.
    pub(crate) async fn start(fault: Fault, prefix: &'static str, capabilities: Value) -> Self {
        Self::start_under(fault, prefix, capabilities, |_| ()).await
    }

    /// One that tells where its browser is sent.
    #[cfg(target_os = "linux")]
    pub(crate) async fn start_with_pages(
        fault: Fault,
        capabilities: Value,
        navigated: impl Fn(Url) + Clone + Send + Sync + 'static,
    ) -> Self {
        Self::start_under(fault, "", capabilities, navigated).await
    }

    async fn start_under(
        fault: Fault,
        prefix: &'static str,
        capabilities: Value,
        navigated: impl Fn(Url) + Clone + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}{prefix}", listener.local_addr().unwrap()).parse().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&requests);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (fault, log, capabilities) = (fault.clone(), Arc::clone(&log), capabilities.clone());
                let navigated = navigated.clone();
                let service = service_fn(move |request| {
                    let (log, navigated) = (Arc::clone(&log), navigated.clone());
                    let answer = answer(request, fault.clone(), prefix, Arc::clone(&log), capabilities.clone());
                    async move {
                        let answered = answer.await;
                        let last = log.lock().unwrap().last().cloned();
                        let sent = last.filter(|last| last.method == "POST" && last.path.ends_with("/url"));
                        if let (Some(sent), Ok(answer)) = (sent, &answered)
                            && answer.status().is_success()
                        {
                            navigated(sent.body["url"].as_str().unwrap().parse().unwrap());
                        }
                        answered
                    }
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Self { url, requests }
    }

    /// What came in so far.
    pub(crate) fn requests(&self) -> Vec<Received> {
        self.requests.lock().unwrap().clone()
    }

    /// The methods and paths that came in so far, one a line.
    pub(crate) fn paths(&self) -> String {
        let lines = self.requests().into_iter().map(|request| format!("{} {}", request.method, request.path));
        lines.collect::<Vec<_>>().join("\n")
    }
}

async fn answer(
    request: Request<Incoming>,
    fault: Fault,
    prefix: &str,
    log: Arc<Mutex<Vec<Received>>>,
    capabilities: Value,
) -> Result<Response<Full<Bytes>>, std::io::Error> {
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let authorization = request.headers().get("authorization").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let body = request.into_body().collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let asked = Value::to_string(&body);
    log.lock().unwrap().push(Received { method: method.to_string(), path: path.clone(), body });

    let command = path.strip_prefix(prefix).unwrap_or("elsewhere");
    let opens = method == Method::POST && command == "/session";
    let closes = method == Method::DELETE;
    let navigates = |received: &Received| received.method == "POST" && received.path.ends_with("/url");
    let navigations = log.lock().unwrap().iter().filter(|received| navigates(received)).count();
    let is_refused = match fault {
        Fault::RefusesNavigation => true,
        Fault::RefusesNavigations(count) => navigations <= count,
        _ => false,
    };
    let text = match fault {
        Fault::NeverAnswers => std::future::pending().await,
        Fault::AnswersGarbage => return Ok(Response::new("<!doctype html><title>Welcome</title>".into())),
        Fault::AnswersOldProtocol => {
            json!({ "status": 13, "value": { "message": "Error forwarding the new session cannot find : Capabilities {browserName: safari}" } })
        }
        Fault::RefusesSession(error, message) if opens => return Ok(failure(error, message)),
        Fault::QuotesRequest if opens => return Ok(failure("session not created", &format!("no match for {asked}"))),
        Fault::VersionMismatch if opens => return Ok(failure("session not created", VERSION_MISMATCH)),
        _ if is_refused && command.ends_with("/url") && method == Method::POST => {
            return Ok(failure(
                "unknown error",
                "unknown error: net::ERR_CONNECTION_REFUSED\n  (Session info: chrome=156.0.8078.79)\n#0 0x55 <unknown>",
            ));
        }
        Fault::DiesAfterSession if !opens && command != "/status" => {
            return Err(std::io::ErrorKind::ConnectionReset.into());
        }
        Fault::WantsLogin(login) if authorization.as_deref() != Some(login) => {
            return Ok(Response::builder().status(401).body("who are you?".into()).unwrap());
        }
        Fault::GrantsLate(after) if opens => {
            tokio::time::sleep(after).await;
            json!({ "value": { "sessionId": "5e55", "capabilities": capabilities } })
        }
        Fault::IsGrid(status) if command == "/status" => json!({ "value": status }),
        _ if opens => json!({ "value": { "sessionId": "5e55", "capabilities": capabilities } }),
        _ if command.ends_with("/url") && method == Method::GET => json!({ "value": "about:blank" }),
        _ if command == "elsewhere" => return Ok(failure("unknown command", &path)),
        _ => {
            if closes && fault == Fault::NeverCloses {
                std::future::pending::<()>().await;
            }
            json!({ "value": null })
        }
    };
    let answer = Response::builder().header("content-type", "application/json; charset=utf-8");
    answer.body(text.to_string().into()).map_err(std::io::Error::other)
}

fn failure(error: &str, message: &str) -> Response<Full<Bytes>> {
    let body = json!({ "value": { "error": error, "message": message, "stacktrace": "" } }).to_string();
    Response::builder().status(500).header("content-type", "application/json").body(body.into()).unwrap()
}

/// A real reply, with the start of its stack.
const VERSION_MISMATCH: &str = "session not created: This version of ChromeDriver only supports Chrome version 114\n\
    Current browser version is 156.0.8078.79 with binary path /usr/bin/chromium\n\
    #0 0x55d3f1c4a4e3 <unknown>\n#1 0x55d3f1979b17 <unknown>\n";
