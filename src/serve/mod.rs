//! The server is what pages load from and report to: their HTML and modules, the parts of models, one WebSocket a
//! session, and the tensors they post.
//!
//! `connections` lets clients in, `routes` says what each path is and turns away whatever does not belong to this run;
//! `channel` carries the words of one page. Made once a run; `harness` opens a session on it for each page and publishes jobs.
//!
//! The trust boundary: it binds loopback unless another address is named, and `listen` has the one origin under which pages know
//! it, whatever stands between; every path begins with a token that can't be guessed,
//! `Host` and `Origin` are checked, tensors are taken only with a key that the job's page alone has, nothing is read from disk
//! but the files of models that were published, what lies in the folder of a user's module, and the libraries, and every body, message, header and connection is
//! bounded in size, time and number.

pub mod channel;
mod connections;
mod guest;
pub mod libraries;
mod link;
mod listen;
mod routes;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

pub use channel::{PageChannel, SessionEvent, Subject};
pub use libraries::{Lacking, Libraries, home_of, lacking, versions_of};
pub use link::Network;
pub use listen::Listen;

use crate::certificate::Certificate;
use link::Link;
use listen::Origin;

/// Messages of a page that wait to be read, each of at most 1 MiB; the page is held back beyond that.
const QUEUED_EVENTS: usize = 64;

/// A running server; dropping it ends every connection.
#[derive(Debug)]
pub struct Server {
    shared: Arc<Shared>,
    address: SocketAddr,
    has_certificate_of_run: bool,
    _tasks: JoinSet<()>,
}

/// What the routes see.
#[derive(Debug)]
struct Shared {
    /// First segment of every path.
    token: String,
    /// That of all pages: a request that names another one is turned away.
    origin: Origin,
    /// Modules that every page may load, by file name.
    modules: HashMap<String, Bytes>,
    jobs: Mutex<HashMap<u64, Arc<Job>>>,
    sessions: Mutex<HashMap<u64, Arc<SessionEntry>>>,
    libraries: HashMap<String, Libraries>,
    link: Link,
}

/// A job that is published.
#[derive(Debug)]
struct Job {
    published: Published,
    /// What a post of its tensors has to show: known to its page alone, by its WebSocket.
    key: String,
}

/// What the server holds of one job while it runs.
#[derive(Debug)]
pub struct Published {
    /// The job's own module.
    pub module: Bytes,
    /// The document of a job that needs one of its own.
    pub frame: Option<Bytes>,
    /// The bytes of each part, in the order of the job's parts.
    pub parts: Vec<Bytes>,
    /// The model's files, by the names under which the page asks for them.
    pub files: HashMap<String, PathBuf>,
    /// What the page of a user's module loads besides.
    pub program: Option<Program>,
    /// How many bytes the page may post.
    pub posted: Posted,
    /// The session that runs it.
    pub session: u64,
}

/// Where the page of a user's module loads from.
#[derive(Debug, Clone)]
pub struct Program {
    /// The folder of the program.
    pub folder: PathBuf,
    /// The folders of packages, by their numbers.
    pub packages: Vec<PathBuf>,
}

/// The largest piece of a job's tensors that is taken at a time, in bytes.
pub const LARGEST_PIECE: u64 = 64 << 20;

/// How many bytes a page may post.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Posted {
    /// All computed tensors of a graph: so many bytes in pieces of whole f32 values, each at most [`LARGEST_PIECE`].
    InPieces(u64),
    /// No more than so many at once: what a runtime was given and returned.
    AtMost(u64),
}

impl Posted {
    /// The most that may come at once, of what begins at `from`.
    fn most(self, from: u64) -> u64 {
        match self {
            Self::InPieces(bytes) => bytes.saturating_sub(from).min(LARGEST_PIECE),
            Self::AtMost(bytes) => bytes,
        }
    }

    /// Whether so many bytes can begin at `from`.
    fn admits(self, from: u64, bytes: u64) -> bool {
        match self {
            Self::InPieces(_) => bytes > 0 && from.is_multiple_of(4) && bytes.is_multiple_of(4),
            Self::AtMost(_) => from == 0,
        }
    }
}

#[derive(Debug)]
struct SessionEntry {
    html: Bytes,
    events: mpsc::Sender<SessionEvent>,
    /// Taken by the page's WebSocket; a second one is turned away.
    commands: Mutex<Option<mpsc::Receiver<String>>>,
    /// Whether that WebSocket is open.
    is_open: AtomicBool,
}

impl Server {
    /// Binds an address and starts to answer; `libraries` by the name of their runtime.
    pub async fn start(
        listen: Listen,
        modules: HashMap<String, Bytes>,
        libraries: HashMap<String, Libraries>,
        network: Network,
    ) -> io::Result<Self> {
        let has_certificate_of_run = listen.certificate.as_ref().is_some_and(Certificate::is_of_the_run);
        let (listener, origin, acceptor) = listen.bind().await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            token: secret(),
            origin,
            modules,
            jobs: Mutex::default(),
            sessions: Mutex::default(),
            libraries,
            link: Link::new(network),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(connections::accept(listener, acceptor, shared.clone()));
        Ok(Self { shared, address, has_certificate_of_run, _tasks: tasks })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether it shows a certificate that was made for the run, which browsers don't know.
    #[must_use]
    pub fn has_certificate_of_run(&self) -> bool {
        self.has_certificate_of_run
    }

    /// The origin of its pages, such as `https://10.0.0.1:8443`.
    #[must_use]
    pub fn origin(&self) -> String {
        self.shared.origin.text()
    }

    /// A text that may name an address on this server, without what nobody else may know of it.
    #[must_use]
    pub fn without_token(&self, text: &str) -> String {
        self.shared.without_token(text)
    }

    /// The URL of `path` on this server.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}/{}/{path}", self.origin(), self.shared.token)
    }

    /// The URL of the WebSocket of a session.
    #[must_use]
    pub fn channel_url(&self, session: u64) -> String {
        let Origin { authority, .. } = &self.shared.origin;
        let scheme = self.shared.origin.websocket_scheme();
        format!("{scheme}://{authority}/{}/channel/{session}", self.shared.token)
    }

    /// Opens a session for one page, whose HTML is made from the session's number.
    pub fn open_session<E>(&self, html: impl FnOnce(u64) -> Result<String, E>) -> Result<PageChannel, E> {
        // Who knows the pages of earlier sessions must not guess this one's and take its WebSocket first.
        let number = rand::random::<u64>();
        let (events, received) = mpsc::channel(QUEUED_EVENTS);
        let (commands, sent) = mpsc::channel(16);
        let entry = SessionEntry {
            html: Bytes::from(html(number)?),
            events,
            commands: Mutex::new(Some(sent)),
            is_open: AtomicBool::new(false),
        };
        lock(&self.shared.sessions).insert(number, Arc::new(entry));
        let url = self.url(&format!("page/{number}"));
        Ok(PageChannel::new(number, url, commands, received, self.shared.clone()))
    }

    /// Makes a job's module and parts loadable, until [`Server::withdraw`]. The answer is the key that its page shows when it
    /// posts, which is for this once and for nobody else.
    #[must_use]
    pub fn publish(&self, number: u64, published: Published) -> String {
        let key = secret();
        lock(&self.shared.jobs).insert(number, Arc::new(Job { published, key: key.clone() }));
        key
    }

    /// Forgets a job.
    pub fn withdraw(&self, number: u64) {
        lock(&self.shared.jobs).remove(&number);
    }
}

impl Shared {
    fn without_token(&self, text: &str) -> String {
        text.replace(&self.token, "TOKEN")
    }
}

/// 128 random bits.
fn secret() -> String {
    format!("{:032x}", rand::random::<u128>())
}

/// A lock that a panic elsewhere does not take away: the maps behind it are whole after every statement.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
