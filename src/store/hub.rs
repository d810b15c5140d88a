//! A hub is a server that has models: huggingface.co, or whatever `HF_ENDPOINT` names (a mirror, a stand-in).
//!
//! Made from the environment by `gpujobs fetch`; asked by `listing` for what a model consists of and by `download` for
//! each file.

use std::time::Duration;

use miette::Diagnostic;
use ureq::http::header::{ACCEPT_ENCODING, AUTHORIZATION, LOCATION, RANGE};
use ureq::http::{HeaderMap, Response};
use ureq::{Agent, Body, Timeout};
use url::{Host, Url};

use super::ModelId;
use super::reply::{Reply, commit_of};

/// Names another hub.
pub const ENDPOINT_VARIABLE: &str = "HF_ENDPOINT";
/// Holds the token for models that not everybody may have.
pub const TOKEN_VARIABLE: &str = "HF_TOKEN";
/// The hub that is asked when none is named.
pub const DEFAULT_ENDPOINT: &str = "https://huggingface.co";

/// Files lie one or two redirects away; more is a loop.
const REDIRECTS: usize = 8;

/// How long a hub that fails is tried.
#[derive(Debug, Clone, Copy)]
pub struct RetryPolicy {
    /// How often in a row, without progress.
    pub tries: u32,
    /// How long before the second try; twice as long before each further one.
    pub pause: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        // 0.5 + 1 + 2 + 4 s: a router has come back by then.
        Self { tries: 5, pause: Duration::from_millis(500) }
    }
}

impl RetryPolicy {
    /// Waits before the next of `tried` tries.
    pub(super) fn wait(&self, tried: u32) {
        std::thread::sleep(self.pause * 2_u32.saturating_pow(tried.saturating_sub(1)));
    }
}

/// A hub and how it is talked to. Not `Debug`: it holds the token.
pub struct Hub {
    agent: Agent,
    endpoint: Url,
    token: Option<String>,
    /// How long it is tried.
    pub patience: RetryPolicy,
}

/// Why a hub does not give what it is asked for. Addresses are without their query, which may hold a signature.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum HubError {
    /// `HF_ENDPOINT` is faulty.
    #[error("HF_ENDPOINT is {found:?}: {why}")]
    #[diagnostic(help("expected an address such as {DEFAULT_ENDPOINT}; unset it for that one"))]
    Endpoint {
        /// What it is.
        found: String,
        /// What is wrong with it.
        why: String,
    },
    /// No answer came, or it broke off.
    #[error("can't reach {url}: {why}")]
    #[diagnostic(help("check the network, or set HF_ENDPOINT to a mirror"))]
    Unreachable {
        /// What was asked for.
        url: String,
        /// What the system says.
        why: String,
        /// Whether there was a connection, which makes another try worth it.
        connected: bool,
    },
    /// The hub is there and does not have it.
    #[error("{url} was not found (404)")]
    NotThere {
        /// What was asked for.
        url: String,
    },
    /// The hub has it, and not for everybody; or does not say whether it has it.
    #[error("{url} is not for everybody ({status})")]
    Closed {
        /// What was asked for.
        url: String,
        /// 401 or 403.
        status: u16,
        /// Whether a token was sent.
        token: bool,
    },
    /// Another status that is no success.
    #[error("{url} answered with status {status}")]
    #[diagnostic(help("try again later; HF_ENDPOINT names another hub or a mirror"))]
    Status {
        /// What was asked for.
        url: String,
        /// What came.
        status: u16,
    },
    /// An answer that makes no sense.
    #[error("{url} answered nonsense: {why}")]
    #[diagnostic(help("is HF_ENDPOINT a hub? Set it to another one, or to a mirror"))]
    Nonsense {
        /// What was asked for.
        url: String,
        /// What is wrong with it.
        why: String,
    },
}

impl HubError {
    /// Whether the same request may well succeed in a moment.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable { connected, .. } => *connected,
            Self::Status { status, .. } => matches!(status, 408 | 429 | 500..=599),
            _ => false,
        }
    }
}

impl Hub {
    /// The hub of `HF_ENDPOINT`, with the token of `HF_TOKEN`.
    pub fn from_env() -> Result<Self, HubError> {
        let set = |name| std::env::var(name).ok().map(|value| value.trim().to_owned()).filter(|it| !it.is_empty());
        Self::new(&set(ENDPOINT_VARIABLE).unwrap_or_else(|| DEFAULT_ENDPOINT.to_owned()), set(TOKEN_VARIABLE))
    }

    /// The hub at an address.
    pub fn new(endpoint: &str, token: Option<String>) -> Result<Self, HubError> {
        let faulty = |why: String| HubError::Endpoint { found: endpoint.to_owned(), why };
        let url = Url::parse(endpoint).map_err(|error| faulty(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err(faulty("it is no http address".to_owned()));
        }
        if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
            // It is shown in errors and written beside the model, so that nothing secret may stand in it.
            return Err(faulty("it holds a password, a query or a fragment; a token goes into HF_TOKEN".to_owned()));
        }
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(Duration::from_secs(15)))
            .timeout_recv_response(Some(Duration::from_mins(1)))
            // A body may take hours, but not fall silent.
            .timeout_per_read(Some(Duration::from_mins(1)))
            .user_agent(concat!("gpujobs/", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Self { agent: config.into(), endpoint: url, token, patience: RetryPolicy::default() })
    }

    /// Its address, without a slash at the end.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        self.endpoint.as_str().trim_end_matches('/')
    }

    /// Where it lists the files of a model.
    pub(super) fn tree_url(&self, id: &ModelId, revision: &str) -> Url {
        let path = ["api", "models"].into_iter().chain(id.segments()).chain(["tree", revision]);
        let mut url = self.url(path);
        url.set_query(Some("recursive=true"));
        url
    }

    /// Where a file of a model is; `path` is one of a listing.
    pub(super) fn file_url(&self, id: &ModelId, revision: &str, path: &str) -> Url {
        self.url(id.segments().chain(["resolve", revision]).chain(path.split('/')))
    }

    fn url<'a>(&self, path: impl Iterator<Item = &'a str>) -> Url {
        let mut url = self.endpoint.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            // Each is escaped, so that a revision like refs/pr/1 stays one segment.
            segments.pop_if_empty().extend(path);
        }
        url
    }

    /// Asks once, from byte `from` on, and follows redirects.
    pub(super) fn get(&self, url: &Url, from: u64) -> Result<Reply, HubError> {
        let mut at = url.clone();
        let mut commit = None;
        for _ in 0..REDIRECTS {
            let response = self.ask(&at, from)?;
            // The file's own server need not know it, the hub before it does.
            commit = commit.or_else(|| commit_of(response.headers()));
            let shown = shown(url);
            let token = self.token_for(&at).is_some();
            match response.status().as_u16() {
                301 | 302 | 303 | 307 | 308 => at = redirected(&at, response.headers())?,
                200 | 206 | 416 => return Ok(Reply::new(response, commit, shown)),
                404 => return Err(HubError::NotThere { url: shown }),
                status @ (401 | 403) => return Err(HubError::Closed { url: shown, status, token }),
                status => return Err(HubError::Status { url: shown, status }),
            }
        }
        Err(HubError::Nonsense { url: shown(url), why: format!("more than {REDIRECTS} redirects") })
    }

    fn ask(&self, url: &Url, from: u64) -> Result<Response<Body>, HubError> {
        // Checksums are of the bytes as they are stored.
        let mut request = self.agent.get(url.as_str()).header(ACCEPT_ENCODING, "identity");
        if from > 0 {
            request = request.header(RANGE, format!("bytes={from}-"));
        }
        if let Some(token) = self.token_for(url) {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        // No proxy knows this machine's loopback.
        let request = if is_loopback(url) { request.config().proxy(None).build() } else { request };
        request.call().map_err(|error| unreachable(url, &error))
    }

    /// The token is for the endpoint alone: redirects lead to servers of others.
    fn token_for(&self, url: &Url) -> Option<&str> {
        self.token.as_deref().filter(|_| url.origin() == self.endpoint.origin())
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn redirected(from: &Url, headers: &HeaderMap) -> Result<Url, HubError> {
    let nonsense = |why: &str| HubError::Nonsense { url: shown(from), why: why.to_owned() };
    let location = headers.get(LOCATION).and_then(|value| value.to_str().ok());
    let to = location.and_then(|location| from.join(location).ok()).ok_or_else(|| nonsense("a redirect to nowhere"))?;
    if to.scheme() != "https" && (from.scheme() == "https" || to.scheme() != "http") {
        return Err(nonsense("a redirect from https to something that is not"));
    }
    Ok(to)
}

fn unreachable(url: &Url, error: &ureq::Error) -> HubError {
    use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, TimedOut, UnexpectedEof};
    let connected = match error {
        ureq::Error::Io(error) => {
            matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | TimedOut | UnexpectedEof)
        }
        ureq::Error::Timeout(Timeout::Connect | Timeout::Resolve) => false,
        ureq::Error::Protocol(_) | ureq::Error::Timeout(_) => true,
        _ => false,
    };
    let why = match error {
        ureq::Error::HostNotFound => "its host is not found".to_owned(),
        ureq::Error::Io(error) => error.to_string(),
        error => error.to_string(),
    };
    HubError::Unreachable { url: shown(url), why, connected }
}

/// An address as users may see it.
pub(super) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    url.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_escaped() {
        let hub = Hub::new("https://mirror.example/hf/", None).unwrap();
        let id = "org/name".parse().unwrap();
        let tree = "https://mirror.example/hf/api/models/org/name/tree/refs%2Fpr%2F1?recursive=true";
        assert_eq!(hub.tree_url(&id, "refs/pr/1").as_str(), tree);
        let file = "https://mirror.example/hf/org/name/resolve/main/onnx/a%20%3Fb%23.onnx";
        assert_eq!(hub.file_url(&id, "main", "onnx/a ?b#.onnx").as_str(), file);
        assert_eq!(hub.endpoint(), "https://mirror.example/hf");
    }

    #[test]
    fn what_is_no_address_or_holds_a_secret_is_refused() {
        for endpoint in ["", "huggingface.co", "ftp://x", "file:///etc", "https://me:secret@x", "https://x/?token=1"] {
            assert!(matches!(Hub::new(endpoint, None), Err(HubError::Endpoint { .. })), "{endpoint}");
        }
    }

    #[test]
    fn the_token_is_for_the_endpoint_alone() {
        let hub = Hub::new("https://hub.example", Some("secret".to_owned())).unwrap();
        let sent = |url: &str| hub.token_for(&Url::parse(url).unwrap()).is_some();
        assert!(sent("https://hub.example/x"));
        for other in ["https://cdn.example/x", "http://hub.example/x", "https://hub.example:8443/x"] {
            assert!(!sent(other), "{other}");
        }
    }

    #[test]
    fn a_redirect_never_leaves_https() {
        let to = |from: &str, to: &str| {
            let headers = HeaderMap::from_iter([(LOCATION, to.parse().unwrap())]);
            redirected(&Url::parse(from).unwrap(), &headers).map(String::from)
        };
        assert_eq!(to("https://a.example/x/y", "../z").unwrap(), "https://a.example/z");
        assert_eq!(to("http://a.example/x", "http://b.example/").unwrap(), "http://b.example/");
        assert!(to("https://a.example/x", "http://a.example/x").is_err());
        assert!(to("http://a.example/x", "file:///etc/passwd").is_err());
    }
}
