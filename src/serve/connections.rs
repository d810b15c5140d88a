//! Connections to the server: so many at a time, each for so long.
//!
//! Other users of the machine can connect as well as browsers can. A connection that has not shown the run's token has one of
//! a few places, is closed with its first answer, and where all those places are taken the oldest is given up for the newest
//! after a short time. Whoever holds them delays a browser, which asks at once, by so much; a flood can delay it for longer.

use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::guest::{Guest, Places};
use super::{Shared, routes};

/// How long a client may take to send its headers, from its connection or the last answer on: also the time that a connection
/// may be idle.
const HEADERS_WITHIN: Duration = Duration::from_secs(10);

/// How long it may take to agree on the keys of https, as who has not done it is a stranger: a browser elsewhere needs two of the
/// ways there and back.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);

/// Takes connections and answers them, over https where there is an acceptor, for as long as the server lives.
pub(super) async fn accept(listener: TcpListener, acceptor: Option<TlsAcceptor>, shared: Arc<Shared>) {
    let places = Places::new();
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors, most likely: the next attempt may succeed.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        // An event must not wait for more bytes to fill a packet.
        let _ = stream.set_nodelay(true);
        let (guest, shared) = (Arc::new(places.enter().await), shared.clone());
        let acceptor = acceptor.clone();
        connections.spawn(async move {
            tokio::select! {
                () = meet(stream, acceptor, shared, guest.clone()) => {}
                () = guest.ended() => {}
            }
        });
    }
}

/// Agrees on keys with a client where that is to be, and answers it.
async fn meet(stream: TcpStream, acceptor: Option<TlsAcceptor>, shared: Arc<Shared>, guest: Arc<Guest>) {
    let Some(acceptor) = acceptor else { return answer(stream, shared, guest).await };
    // Nothing is said to who speaks something else, or nothing.
    if let Ok(Ok(stream)) = timeout(HANDSHAKE_WITHIN, acceptor.accept(stream)).await {
        answer(stream, shared, guest).await;
    }
}

/// Answers the requests of one connection.
async fn answer(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, shared: Arc<Shared>, guest: Arc<Guest>) {
    let service = service_fn(move |request| routes::answer(shared.clone(), guest.clone(), request));
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEADERS_WITHIN).max_buf_size(64 << 10);
    // A connection that breaks is the page's to report.
    let _ = builder.serve_connection(TokioIo::new(stream), service).with_upgrades().await;
}
