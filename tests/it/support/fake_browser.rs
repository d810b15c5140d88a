//! A stand-in for a browser with a local driver: the driver is a script that names the port of a [`FakeDriver`], and the page
//! that it is sent to is a function of the test, which speaks over gpujobs' own WebSocket as the harness does.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use hyper_tungstenite::tungstenite::protocol::{Role, WebSocket};
use hyper_tungstenite::tungstenite::{Message, Utf8Bytes};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use url::Url;

use super::fake_driver::{FakeDriver, Fault};
use super::workshop::Workshop;

/// A running stand-in; it ends with its value.
pub(crate) struct FakeBrowser {
    _runtime: Runtime,
    /// The script to name as `driver` and `binary`.
    pub(crate) program: PathBuf,
}

/// What a page does from its first word on.
pub(crate) type PageScript = fn(FakePage);

/// A page that a browser was sent to.
pub(crate) struct FakePage {
    socket: WebSocket<TcpStream>,
}

impl FakeBrowser {
    /// One whose driver has this fault, whose pages do this, and whose driver's process first runs these shell commands.
    pub(crate) fn start(
        shop: &Workshop,
        fault: Fault,
        page: impl Fn(FakePage) + Clone + Send + Sync + 'static,
        first: &str,
    ) -> Self {
        let runtime = Runtime::new().unwrap();
        let driver = runtime.block_on(FakeDriver::start_with_pages(fault, json!({}), move |url| {
            // One that gpujobs gives up is a broken connection, and of no more interest.
            let page = page.clone();
            std::thread::spawn(move || FakePage::open(&url).map(page));
        }));
        let port = driver.url.port().unwrap();
        let script =
            format!("#!/bin/sh\n{first}\necho ChromeDriver was started successfully on port {port}.\nexec sleep 600\n");
        let program = shop.write("browser/chromedriver", &script);
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        Self { _runtime: runtime, program }
    }

    /// The table of a manifest that has `chrome` be this one.
    pub(crate) fn table(&self) -> String {
        format!("[browser.chrome]\ndriver = '{0}'\nbinary = '{0}'\n", self.program.display())
    }
}

impl FakePage {
    /// Loads the page and opens its WebSocket; `None` where gpujobs does not answer as it should.
    fn open(url: &Url) -> Option<Self> {
        let host = format!("{}:{}", url.host_str()?, url.port()?);
        let html =
            request(&host, &format!("GET {} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n", url.path()), &[]);
        let html = String::from_utf8(html?).ok()?;
        let (_, rest) = html.split_once("ws://")?;
        let channel: Url = format!("ws://{}", rest.split_once('"')?.0).parse().ok()?;
        let mut stream = TcpStream::connect(&host).ok()?;
        let head = format!(
            "GET {} HTTP/1.1\r\nhost: {host}\r\norigin: http://{host}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            channel.path()
        );
        stream.write_all(head.as_bytes()).ok()?;
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).ok()?;
            answer.extend(byte);
        }
        answer
            .starts_with(b"HTTP/1.1 101")
            .then(|| Self { socket: WebSocket::from_raw_socket(stream, Role::Client, None) })
    }

    /// Sends a text; a page whose runner is gone says it to nobody.
    pub(crate) fn send(&mut self, text: impl Into<Utf8Bytes>) {
        let _ = self.socket.send(Message::Text(text.into()));
    }

    /// Sends bytes, which no page does.
    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) {
        let _ = self.socket.send(Message::Binary(bytes.to_vec().into()));
    }

    /// Sends an event about a job.
    pub(crate) fn say(&mut self, job: &Value, kind: &str, rest: Value) {
        let mut event = json!({ "job": job, "kind": kind });
        let Value::Object(rest) = rest else { panic!("an event has fields: {rest}") };
        event.as_object_mut().unwrap().extend(rest);
        self.send(event.to_string());
    }

    /// Its first word: that it has no WebGPU, so that nobody asks for an adapter.
    pub(crate) fn hello(&mut self) {
        self.greet(false);
    }

    /// Its first word, with what it has.
    pub(crate) fn greet(&mut self, webgpu: bool) {
        let facts = json!({
            "userAgent": "stand-in", "secureContext": true, "crossOriginIsolated": true, "sharedMemory": true, "cores": 2, "webgpu": webgpu,
            "webnn": false, "webnnRefusal": "",
        });
        self.say(&Value::Null, "hello", json!({ "facts": facts }));
    }

    /// The next command to prepare a job; `None` once the runner is gone. Who asks for its adapter hears of one whose buffers
    /// have a GiB at most; other commands are passed over.
    pub(crate) fn prepare(&mut self) -> Option<Value> {
        loop {
            let Ok(Message::Text(text)) = self.socket.read() else { return None };
            let command: Value = serde_json::from_str(&text).unwrap();
            if command["do"] == "prepare" {
                return Some(command);
            }
            if command["do"] == "probe" {
                let adapter = json!({
                    "vendor": "stand-in", "architecture": "", "device": "", "description": "", "backend": "", "driver": "",
                    "kind": "software",
                });
                self.say(&Value::Null, "probed", json!({ "adapter": adapter, "largestBuffer": 1 << 30 }));
            }
        }
    }

    /// Says of every job that is still to come that it can't run here: the run has gone on.
    pub(crate) fn decline_the_rest(&mut self) {
        while let Some(command) = self.prepare() {
            self.say(&command["job"], "unsupported", json!({ "message": "a later job" }));
        }
    }

    /// Posts what a job computed, from a byte on, with this key; the status of the answer, and its body.
    pub(crate) fn post(command: &Value, from: usize, key: &Value, bytes: &[u8]) -> (String, String) {
        let url: Url = format!("{}/{from}", command["tensors"].as_str().unwrap()).parse().unwrap();
        let host = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap());
        let key = key.as_str().map(|key| format!("x-gpujobs-key: {key}\r\n")).unwrap_or_default();
        let head = format!(
            "POST {} HTTP/1.1\r\nhost: {host}\r\n{key}content-length: {}\r\nconnection: close\r\n\r\n",
            url.path(),
            bytes.len()
        );
        let answer = String::from_utf8(request(&host, &head, bytes).unwrap_or_default()).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
        (head.split(' ').nth(1).unwrap_or_default().to_owned(), body.to_owned())
    }
}

/// What a server answers, head and body.
fn request(host: &str, head: &str, body: &[u8]) -> Option<Vec<u8>> {
    let mut stream = TcpStream::connect(host).ok()?;
    stream.set_read_timeout(Some(Duration::from_mins(5))).ok()?;
    stream.write_all(head.as_bytes()).ok()?;
    // A server that refuses may close before it has read everything.
    let _ = stream.write_all(body);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    Some(answer)
}
