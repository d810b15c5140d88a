//! A hub stand-in on loopback: it has one model and fails in the ways that hubs, mirrors and networks do.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use sha1::Sha1;
use sha2::{Digest, Sha256};

/// The model that it is asked for; it has one, and gives it under every id.
pub(crate) const ID: &str = "tests/tiny";
/// The commit that it says `main` is.
pub(crate) const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
/// What faults of the listing are filed under.
pub(crate) const LISTING: &str = "";

/// What goes wrong with an answer.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// The connection ends after so many bytes of the body.
    Cuts(usize),
    /// Nothing comes for a minute after so many bytes of the body.
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "of tests for Linux alone"))]
    Stalls(usize),
    /// The connection ends before any answer.
    Silent,
    /// `Content-Length` says so many bytes, and all of them come nevertheless.
    SaysLength(usize),
    /// The right number of other bytes.
    WrongBytes,
    /// The whole file, whatever part was asked for.
    IgnoresRange,
    /// Another part than the one that was asked for.
    WrongRange,
    /// No length, and bytes without end.
    Endless,
    /// This status and nothing else.
    Status(u16),
    /// The same path on another server.
    Redirects(String),
    /// This text instead of the listing.
    Lists(String),
}

/// A request as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Of a file its place in the model's folder, of anything else the path.
    pub(crate) path: String,
    pub(crate) range: Option<String>,
    pub(crate) token: Option<String>,
}

#[derive(Default)]
struct State {
    /// Bytes, and whether they are stored by git LFS.
    files: Vec<(String, Vec<u8>, bool)>,
    /// How often each fault is still to happen.
    faults: HashMap<String, Vec<(usize, Fault)>>,
    seen: Vec<Seen>,
    /// Where the next page of a listing is, if not here.
    elsewhere: Option<String>,
    page: usize,
}

/// The stand-in; its thread ends with the test's process.
pub(crate) struct FakeHub {
    pub(crate) url: String,
    state: Arc<Mutex<State>>,
}

impl FakeHub {
    /// A hub with these files; those that end in `.onnx` are in LFS.
    pub(crate) fn with(files: &[(&str, &[u8])]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let files =
            files.iter().map(|(path, bytes)| ((*path).to_owned(), bytes.to_vec(), path.contains(".onnx"))).collect();
        let state = Arc::new(Mutex::new(State { files, page: 1000, ..State::default() }));
        let (shared, own) = (state.clone(), url.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (state, url) = (shared.clone(), own.clone());
                // A client that has seen enough hangs up.
                std::thread::spawn(move || drop(answer(&stream, &state, &url)));
            }
        });
        Self { url, state }
    }

    /// A small model in two dtypes.
    pub(crate) fn tiny() -> Self {
        Self::with(&[
            ("README.md", b"# Tiny\n"),
            ("config.json", b"{}\n"),
            ("onnx/model.onnx", &weights(1)),
            ("onnx/model_quantized.onnx", &weights(2)),
            ("tokenizer.json", b"{\"a\":1}"),
        ])
    }

    /// The next `times` answers for `path` have this fault, after those said before.
    pub(crate) fn fails(self, path: &str, times: usize, fault: Fault) -> Self {
        self.state.lock().unwrap().faults.entry(path.to_owned()).or_default().push((times, fault));
        self
    }

    /// The listing comes in pages of so many entries.
    pub(crate) fn in_pages_of(self, entries: usize) -> Self {
        self.state.lock().unwrap().page = entries;
        self
    }

    /// The next page of the listing is said to be at another server.
    pub(crate) fn links_to(self, server: &str) -> Self {
        self.state.lock().unwrap().elsewhere = Some(server.to_owned());
        self
    }

    /// Another content, as of a new commit.
    pub(crate) fn change(&self, path: &str, bytes: &[u8]) {
        let mut state = self.state.lock().unwrap();
        state.files.iter_mut().filter(|file| file.0 == path).for_each(|file| file.1 = bytes.to_vec());
    }

    /// The requests since the last call.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.state.lock().unwrap().seen)
    }

    /// Of the requests since the last call, those for files: each with the range that it asked for.
    pub(crate) fn files_seen(&self) -> Vec<(String, String)> {
        let files = self.seen().into_iter().filter(|seen| !seen.path.starts_with('/'));
        files.map(|seen| (seen.path, seen.range.unwrap_or_default())).collect()
    }
}

/// Bytes that look like nothing else, some thousand of them.
pub(crate) fn weights(seed: u32) -> Vec<u8> {
    (0..2500_u32).flat_map(|i| (i.wrapping_mul(2_654_435_761) ^ seed).to_le_bytes()).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

fn answer(stream: &TcpStream, state: &Mutex<State>, url: &str) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let request = lines.next().unwrap_or(Ok(String::new()))?;
    let target = request.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut headers = HashMap::new();
    for line in lines {
        let line = line?;
        let Some((name, value)) = line.split_once(": ") else { break };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let resolve = [format!("/resolve/{COMMIT}/"), "/resolve/main/".to_owned()];
    let path = resolve.iter().find_map(|way| Some(target.split_once(way)?.1)).unwrap_or(&target).to_owned();
    let mut state = state.lock().unwrap();
    let (range, token) = (headers.remove("range"), headers.remove("authorization"));
    state.seen.push(Seen { path: path.clone(), range: range.clone(), token });
    let is_listing = target.starts_with("/api/models/") && target.contains("/tree/main?");
    let fault = state.next_fault(if is_listing { LISTING } else { &path });
    let (body, link) = if is_listing {
        state.listing(&target, url)
    } else {
        let file = state.files.iter().find(|file| file.0 == path);
        let Some(file) = file else { return write!(&*stream, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n") };
        (file.1.clone(), String::new())
    };
    drop(state);
    let asked = Asked { target: &target, range: range.as_deref() };
    respond(stream, fault.as_ref(), body, &link, asked)
}

/// What was asked for, and the part of it.
struct Asked<'a> {
    target: &'a str,
    range: Option<&'a str>,
}

/// Writes an answer with its fault.
fn respond(
    mut stream: &TcpStream,
    fault: Option<&Fault>,
    mut body: Vec<u8>,
    link: &str,
    Asked { target, range }: Asked<'_>,
) -> std::io::Result<()> {
    let total = body.len();
    let from = range.and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()).unwrap_or(0);
    let (mut status, mut header) = ("200 OK".to_owned(), String::new());
    if from > 0 && !matches!(fault, Some(Fault::IgnoresRange)) {
        let begin = if matches!(fault, Some(Fault::WrongRange)) { from + 1 } else { from };
        "206 Partial Content".clone_into(&mut status);
        header = format!("Content-Range: bytes {begin}-{}/{total}\r\n", total - 1);
        body.drain(..begin);
    }
    let mut said = Some(body.len());
    match fault {
        Some(Fault::Silent) => return Ok(()),
        Some(Fault::Status(code)) => (status, body, said) = (format!("{code} Said"), vec![], Some(0)),
        Some(Fault::Redirects(to)) => {
            (status, body, said) = ("302 Found".to_owned(), vec![], Some(0));
            header = format!("Location: {to}{target}\r\n");
        }
        Some(Fault::Lists(text)) => (body, said) = (text.clone().into_bytes(), Some(text.len())),
        Some(Fault::SaysLength(length)) => said = Some(*length),
        Some(Fault::WrongBytes) => body.iter_mut().for_each(|byte| *byte ^= 1),
        Some(Fault::Cuts(after) | Fault::Stalls(after)) => body.truncate(*after),
        Some(Fault::Endless) => said = None,
        Some(Fault::IgnoresRange | Fault::WrongRange) | None => {}
    }
    let length = said.map_or(String::new(), |length| format!("Content-Length: {length}\r\n"));
    let always = format!("X-Repo-Commit: {COMMIT}\r\nConnection: close\r\n");
    write!(stream, "HTTP/1.1 {status}\r\n{length}{header}{link}{always}\r\n")?;
    stream.write_all(&body)?;
    if matches!(fault, Some(Fault::Endless)) {
        // Until the client hangs up.
        loop {
            stream.write_all(&[0; 4096])?;
        }
    }
    if matches!(fault, Some(Fault::Stalls(_))) {
        std::thread::sleep(std::time::Duration::from_mins(1));
    }
    Ok(())
}

impl State {
    fn next_fault(&mut self, path: &str) -> Option<Fault> {
        let faults = self.faults.get_mut(path)?;
        let (times, fault) = faults.first_mut()?;
        let fault = fault.clone();
        *times -= 1;
        if *times == 0 {
            faults.remove(0);
        }
        Some(fault)
    }

    /// A page of the listing, and the header that names the next.
    fn listing(&self, target: &str, url: &str) -> (Vec<u8>, String) {
        let first: usize = target.split_once("cursor=").map_or(0, |(_, cursor)| cursor.parse().unwrap());
        let entry = |(path, bytes, lfs): &(String, Vec<u8>, bool)| {
            let mut git = Sha1::new_with_prefix(format!("blob {}\0", bytes.len()));
            git.update(bytes);
            let mut entry = serde_json::json!({
                "type": "file", "path": path, "size": bytes.len(), "oid": hex(&git.finalize()),
            });
            if *lfs {
                let oid = hex(&Sha256::digest(bytes));
                entry["oid"] = "0".repeat(40).into();
                entry["lfs"] = serde_json::json!({ "oid": oid, "size": bytes.len(), "pointerSize": 130 });
            }
            entry
        };
        let mut entries = vec![serde_json::json!({ "type": "directory", "path": "onnx", "size": 0, "oid": "" })];
        entries.extend(self.files.iter().map(entry));
        let next = first + self.page;
        let more = next < entries.len();
        let page: Vec<_> = entries.into_iter().skip(first).take(self.page).collect();
        let path = target.split('?').next().unwrap_or_default();
        let url = self.elsewhere.as_deref().unwrap_or(url);
        let link = format!("Link: <{url}{path}?recursive=true&cursor={next}>; rel=\"next\"\r\n");
        (serde_json::to_vec(&page).unwrap(), if more { link } else { String::new() })
    }
}
