//! A channel is the connection of one page: its events in, commands out, and the tensors that it posts.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use hyper_tungstenite::HyperWebsocket;
use hyper_tungstenite::tungstenite::Message;
use tokio::sync::{mpsc, oneshot};

use super::{SessionEntry, Shared, lock};

/// Bytes of one message; the longest real one is a shader's error message.
pub(super) const LARGEST_MESSAGE: usize = 1 << 20;
/// How long a page may take to accept a command.
const SEND_WITHIN: Duration = Duration::from_secs(10);

/// What a page posts to be checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// All that was computed: of stages by a recorded run, of an ONNX model with what went in.
    Computed,
    /// The model's outputs alone, of an inference in which they were others.
    Outputs,
}

/// What a page does.
#[derive(Debug)]
pub enum SessionEvent {
    /// It said something.
    Said(String),
    /// It posted a piece of what a job computed and waits for the verdict as JSON.
    Posted {
        /// The job.
        job: u64,
        /// What it is a piece of.
        subject: Subject,
        /// Where the piece begins in all of it, in bytes.
        from: u64,
        /// Of stages the values of each tensor, little-endian, one after the other.
        bytes: Bytes,
        /// Where the answer goes.
        reply: oneshot::Sender<String>,
    },
    /// Its WebSocket closed: the page is gone.
    Gone,
}

/// The runner's end of a page's channel; dropping it closes the session.
#[derive(Debug)]
pub struct PageChannel {
    /// The session's number.
    pub number: u64,
    /// Where the page is.
    pub url: String,
    commands: mpsc::Sender<String>,
    events: mpsc::Receiver<SessionEvent>,
    shared: Arc<Shared>,
}

impl PageChannel {
    pub(super) fn new(
        number: u64,
        url: String,
        commands: mpsc::Sender<String>,
        events: mpsc::Receiver<SessionEvent>,
        shared: Arc<Shared>,
    ) -> Self {
        Self { number, url, commands, events, shared }
    }

    /// A text that may name an address on its server, without what nobody else may know of it.
    #[must_use]
    pub fn without_token(&self, text: &str) -> String {
        self.shared.without_token(text)
    }

    /// Sends a command; false when the page is gone.
    pub async fn send(&self, command: String) -> bool {
        self.commands.send(command).await.is_ok()
    }

    /// The next thing that the page does; [`SessionEvent::Gone`] for ever once it is gone.
    pub async fn next(&mut self) -> SessionEvent {
        self.events.recv().await.unwrap_or(SessionEvent::Gone)
    }
}

impl Drop for PageChannel {
    fn drop(&mut self) {
        lock(&self.shared.sessions).remove(&self.number);
    }
}

/// Carries one WebSocket until either side ends.
pub(super) async fn carry(
    shared: Arc<Shared>,
    socket: HyperWebsocket,
    session: Arc<SessionEntry>,
    mut commands: mpsc::Receiver<String>,
) {
    let Ok(socket) = socket.await else {
        session.is_open.store(false, Ordering::Release);
        return;
    };
    let (mut sink, mut stream) = socket.split();
    loop {
        tokio::select! {
            command = commands.recv() => {
                let Some(command) = command else { break };
                let sent = tokio::time::timeout(SEND_WITHIN, sink.send(Message::text(command))).await;
                if !matches!(sent, Ok(Ok(()))) { break }
            }
            message = stream.next() => match message {
                Some(Ok(Message::Text(text))) => {
                    // What it says ends in rows and logs, which others may read: the run's token must not.
                    let text = shared.without_token(&text);
                    if session.events.send(SessionEvent::Said(text)).await.is_err() { break }
                }
                // Pings are answered by the library; a page sends no binary message.
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                _ => break,
            }
        }
    }
    session.is_open.store(false, Ordering::Release);
    let _ = session.events.send(SessionEvent::Gone).await;
}
