//! A route is what a path stands for; everything else is turned away here.

use std::convert::Infallible;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, Limited, StreamBody};
use hyper::body::{Body as _, Frame, Incoming};
use hyper::header::{self, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use hyper_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio::io::AsyncReadExt as _;
use tokio::sync::oneshot;

use super::channel::{LARGEST_MESSAGE, SessionEvent, Subject, carry};
use super::guest::Guest;
use super::{Shared, lock};
use crate::manifest::axes::DEFAULT;
use crate::render::page::module::beside;
use crate::store::packages;

/// How long a page may take to post a piece of the tensors of one job.
const POST_WITHIN: Duration = Duration::from_mins(2);
/// The header in which a page shows the key of its job.
const KEY: &str = "x-gpujobs-key";
/// Bytes of a part or a file that are sent at a time: answers take turns on a bounded link by so much.
const CHUNK: usize = 64 << 10;

/// The content type of what is no text that a browser reads by itself.
const BYTES: &str = "application/octet-stream";

type Body = UnsyncBoxBody<Bytes, Infallible>;
type Answer = Response<Body>;

/// What a path below the token stands for.
#[derive(Debug, PartialEq, Eq)]
enum Route<'path> {
    Page(u64),
    Module(&'path str),
    Library { runtime: &'path str, path: String },
    JobModule(u64),
    JobFrame(u64),
    JobFile { job: u64, path: String },
    Program { job: u64, path: String },
    Package { job: u64, root: &'path str, path: String },
    Part { job: u64, part: usize },
    Posted { job: u64, subject: Subject, from: u64 },
    Channel(u64),
}

impl<'path> Route<'path> {
    fn of(path: &'path str) -> Option<Self> {
        let segments: Vec<&str> = path.split('/').collect();
        Some(match segments.as_slice() {
            ["page", session] => Self::Page(session.parse().ok()?),
            ["harness", name] => Self::Module(name),
            ["libraries", rest @ ..] => Self::Library { runtime: DEFAULT, path: rest.join("/") },
            ["runtimes", runtime, rest @ ..] => Self::Library { runtime, path: rest.join("/") },
            ["jobs", job, "frame"] => Self::JobFrame(job.parse().ok()?),
            ["jobs", job, "files", rest @ ..] => Self::JobFile { job: job.parse().ok()?, path: rest.join("/") },
            ["jobs", job, "module", rest @ ..] => Self::Program { job: job.parse().ok()?, path: rest.join("/") },
            ["jobs", job, "packages", root, rest @ ..] => {
                Self::Package { job: job.parse().ok()?, root, path: rest.join("/") }
            }
            ["jobs", job, "job.js"] => Self::JobModule(job.parse().ok()?),
            ["jobs", job, "parts", part] => Self::Part { job: job.parse().ok()?, part: part.parse().ok()? },
            ["jobs", job, what @ ("tensors" | "outputs"), from] => {
                let subject = if *what == "outputs" { Subject::Outputs } else { Subject::Computed };
                Self::Posted { job: job.parse().ok()?, subject, from: from.parse().ok()? }
            }
            ["channel", session] => Self::Channel(session.parse().ok()?),
            _ => return None,
        })
    }

    fn method(&self) -> Method {
        if matches!(self, Self::Posted { .. }) { Method::POST } else { Method::GET }
    }
}

/// Answers one request; never fails, since every fault is an answer.
pub(super) async fn answer(
    shared: Arc<Shared>,
    guest: Arc<Guest>,
    request: Request<Incoming>,
) -> Result<Answer, Infallible> {
    let mut answer = match admit(&shared, &request) {
        Err(status) => refuse(status),
        Ok(_) if !guest.show_token() => refuse(StatusCode::SERVICE_UNAVAILABLE),
        Ok(path) => match Route::of(&path) {
            None => refuse(StatusCode::NOT_FOUND),
            Some(route) if request.method() != route.method() => refuse(StatusCode::METHOD_NOT_ALLOWED),
            Some(route) => follow(&shared, route, request).await,
        },
    };
    let headers = answer.headers_mut();
    // Cross-origin isolation: without it clocks are coarse and there is no SharedArrayBuffer.
    headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    headers.insert("cross-origin-embedder-policy", HeaderValue::from_static("require-corp"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if !guest.is_known() {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(answer)
}

/// The path below the token, for a request that names this host, comes from no other origin, and knows the token.
fn admit(shared: &Shared, request: &Request<Incoming>) -> Result<String, StatusCode> {
    let named = |header: &header::HeaderName| request.headers().get(header).map(HeaderValue::as_bytes);
    let host = shared.origin.authority.as_str();
    if request.headers().get_all(header::HOST).iter().count() > 1 {
        return Err(StatusCode::BAD_REQUEST);
    }
    // A target in absolute form names a host as well, and goes before the header (RFC 9112, 3.2.2).
    let uri = request.uri();
    let is_other = uri.scheme().is_some() && uri.authority().is_none_or(|name| name.as_str() != host);
    if named(&header::HOST) != Some(host.as_bytes()) || is_other {
        return Err(StatusCode::MISDIRECTED_REQUEST);
    }
    let origin = shared.origin.text();
    if named(&header::ORIGIN).is_some_and(|found| found != origin.as_bytes()) {
        return Err(StatusCode::FORBIDDEN);
    }
    let upgrade = hyper_tungstenite::is_upgrade_request(request);
    if upgrade && named(&header::ORIGIN).is_none() {
        return Err(StatusCode::FORBIDDEN);
    }
    if request.uri().path() == "/favicon.ico" {
        return Err(StatusCode::NO_CONTENT);
    }
    let path = request.uri().path().strip_prefix('/').and_then(|path| path.split_once('/'));
    path.filter(|(token, _)| *token == shared.token).map(|(_, path)| path.to_owned()).ok_or(StatusCode::NOT_FOUND)
}

async fn follow(shared: &Arc<Shared>, route: Route<'_>, request: Request<Incoming>) -> Answer {
    let missing = || refuse(StatusCode::NOT_FOUND);
    match route {
        Route::Page(session) => {
            let session = lock(&shared.sessions).get(&session).cloned();
            session.map_or_else(missing, |session| whole("text/html; charset=utf-8", session.html.clone()))
        }
        Route::Module(name) => {
            shared.modules.get(name).map_or_else(missing, |module| whole("text/javascript", module.clone()))
        }
        Route::JobModule(job) => {
            let job = lock(&shared.jobs).get(&job).cloned();
            job.map_or_else(missing, |job| whole("text/javascript", job.published.module.clone()))
        }
        Route::Library { runtime, path } => {
            let found = shared.libraries.get(runtime).and_then(|libraries| libraries.file(&path));
            let Some((path, kind)) = found else { return missing() };
            tokio::fs::read(path).await.map_or_else(|_| missing(), |bytes| whole(kind, bytes.into()))
        }
        Route::JobFrame(job) => {
            let frame = lock(&shared.jobs).get(&job).and_then(|job| job.published.frame.clone());
            frame.map_or_else(missing, |frame| whole("text/html; charset=utf-8", frame))
        }
        Route::JobFile { job, path } => {
            let file = lock(&shared.jobs).get(&job).and_then(|job| job.published.files.get(&path).cloned());
            let Some(file) = file else { return missing() };
            shared.link.answer().await;
            streamed(file, shared.clone()).await.unwrap_or_else(|_| missing())
        }
        Route::Program { job, path } => {
            let program = lock(&shared.jobs).get(&job).and_then(|job| job.published.program.clone());
            let file = program.and_then(|program| beside(&program.folder, &path));
            let Some(file) = file else { return missing() };
            shared.link.answer().await;
            // Weights may lie there.
            if kind_of(&path) == BYTES {
                return streamed(file, shared.clone()).await.unwrap_or_else(|_| missing());
            }
            tokio::fs::read(file).await.map_or_else(|_| missing(), |bytes| whole(kind_of(&path), bytes.into()))
        }
        Route::Package { job, root, path } => {
            let program = lock(&shared.jobs).get(&job).and_then(|job| job.published.program.clone());
            let file = program.and_then(|program| packages::file(&program.packages, root, &path));
            let Some(file) = file else { return missing() };
            shared.link.answer().await;
            tokio::fs::read(file).await.map_or_else(|_| missing(), |bytes| whole(kind_of(&path), bytes.into()))
        }
        Route::Part { job, part } => {
            let job = lock(&shared.jobs).get(&job).cloned();
            let Some(bytes) = job.and_then(|job| job.published.parts.get(part).cloned()) else { return missing() };
            shared.link.answer().await;
            paced(bytes, shared.clone())
        }
        Route::Posted { job, subject, from } => posted(shared, job, (subject, from), request).await,
        Route::Channel(session) => upgrade(shared, session, request),
    }
}

/// Takes tensors that a page posts, from a byte of all that its job posts on and as many bytes as the job allows, and
/// answers with the verdict.
async fn posted(
    shared: &Arc<Shared>,
    number: u64,
    (subject, from): (Subject, u64),
    request: Request<Incoming>,
) -> Answer {
    let Some(job) = lock(&shared.jobs).get(&number).cloned() else { return refuse(StatusCode::NOT_FOUND) };
    if request.headers().get(KEY).is_none_or(|key| key.as_bytes() != job.key.as_bytes()) {
        return refuse(StatusCode::FORBIDDEN);
    }
    let job = &job.published;
    let session = lock(&shared.sessions).get(&job.session).cloned();
    let Some(session) = session.filter(|session| session.is_open.load(Ordering::Acquire)) else {
        return refuse(StatusCode::GONE);
    };
    let most = job.posted.most(from);
    if request.body().size_hint().lower() > most {
        return refuse(StatusCode::PAYLOAD_TOO_LARGE);
    }
    let limit = usize::try_from(most).unwrap_or(usize::MAX);
    let body = tokio::time::timeout(POST_WITHIN, Limited::new(request.into_body(), limit).collect()).await;
    let bytes = match body {
        Err(_) => return refuse(StatusCode::REQUEST_TIMEOUT),
        Ok(Err(_)) => return refuse(StatusCode::PAYLOAD_TOO_LARGE),
        Ok(Ok(body)) => body.to_bytes(),
    };
    if !job.posted.admits(from, bytes.len() as u64) {
        return refuse(StatusCode::BAD_REQUEST);
    }
    let (reply, verdict) = oneshot::channel();
    if session.events.send(SessionEvent::Posted { job: number, subject, from, bytes, reply }).await.is_err() {
        return refuse(StatusCode::GONE);
    }
    match verdict.await {
        Ok(verdict) => whole("application/json", Bytes::from(verdict)),
        Err(_) => refuse(StatusCode::GONE),
    }
}

/// Turns a request into the session's one WebSocket.
fn upgrade(shared: &Arc<Shared>, number: u64, mut request: Request<Incoming>) -> Answer {
    let Some(session) = lock(&shared.sessions).get(&number).cloned() else { return refuse(StatusCode::NOT_FOUND) };
    if !hyper_tungstenite::is_upgrade_request(&request) {
        return refuse(StatusCode::UPGRADE_REQUIRED);
    }
    let Some(commands) = lock(&session.commands).take() else { return refuse(StatusCode::CONFLICT) };
    let config =
        WebSocketConfig::default().max_message_size(Some(LARGEST_MESSAGE)).max_frame_size(Some(LARGEST_MESSAGE));
    match hyper_tungstenite::upgrade(&mut request, Some(config)) {
        Ok((response, socket)) => {
            session.is_open.store(true, Ordering::Release);
            tokio::spawn(carry(shared.clone(), socket, session, commands));
            response.map(BodyExt::boxed_unsync)
        }
        Err(_) => refuse(StatusCode::BAD_REQUEST),
    }
}

/// The content type of a file, by its ending.
fn kind_of(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("js" | "mjs") => "text/javascript",
        Some("json") => "application/json",
        Some("wasm") => "application/wasm",
        _ => BYTES,
    }
}

fn refuse(status: StatusCode) -> Answer {
    let mut answer = whole("text/plain", Bytes::from_static(status.canonical_reason().unwrap_or("refused").as_bytes()));
    if status == StatusCode::NO_CONTENT {
        answer = Response::new(Full::default().boxed_unsync());
    }
    *answer.status_mut() = status;
    answer
}

fn whole(kind: &'static str, bytes: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(bytes).boxed_unsync());
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}

/// The bytes, no faster than the link lets them through.
fn paced(bytes: Bytes, shared: Arc<Shared>) -> Answer {
    let length = bytes.len() as u64;
    let chunks = stream::unfold((bytes, shared), |(mut rest, shared)| async move {
        if rest.is_empty() {
            return None;
        }
        let chunk = rest.split_to(rest.len().min(CHUNK));
        shared.link.pass(chunk.len()).await;
        Some((Ok(Frame::data(chunk)), (rest, shared)))
    });
    streaming(StreamBody::new(Box::pin(chunks)).boxed_unsync(), length)
}

/// A file, no faster than the link lets it through. One that ends early breaks the connection, which the page reports.
async fn streamed(path: PathBuf, shared: Arc<Shared>) -> io::Result<Answer> {
    let file = tokio::fs::File::open(&path).await?;
    let length = file.metadata().await?.len();
    let chunks = stream::unfold((file, shared), |(mut file, shared)| async move {
        let mut chunk = vec![0; CHUNK];
        let count = file.read(&mut chunk).await.unwrap_or(0);
        if count == 0 {
            return None;
        }
        chunk.truncate(count);
        shared.link.pass(count).await;
        Some((Ok(Frame::data(Bytes::from(chunk))), (file, shared)))
    });
    Ok(streaming(StreamBody::new(Box::pin(chunks)).boxed_unsync(), length))
}

fn streaming(body: Body, length: u64) -> Answer {
    let mut answer = Response::new(body);
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(BYTES));
    answer.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    answer
}
