//! The page server against raw requests: what does not belong to the run is turned away, and everything is bounded.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use gpujobs::serve::{Listen, Network, PageChannel, Posted, Published, Server, SessionEvent, Subject};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use url::Url;

/// A server with one module, one session and one job of two parts that posts eight bytes.
struct Served {
    server: Server,
    channel: PageChannel,
    base: Url,
    /// What a post of the job's tensors shows.
    key: String,
}

/// What came back.
struct Reply {
    status: u16,
    head: String,
    body: Vec<u8>,
}

async fn serve(network: Network) -> Served {
    let modules = HashMap::from([("clock.js".to_owned(), Bytes::from("export {};"))]);
    let server = Server::start(Listen::default(), modules, HashMap::new(), network).await.unwrap();
    let channel = server.open_session(|number| Ok::<_, ()>(format!("<p>{number}</p>"))).unwrap();
    let parts =
        vec![Bytes::from("part 0"), Bytes::from((0..200_000_u32).map(|n| n.to_le_bytes()[0]).collect::<Vec<_>>())];
    let job = Published {
        module: Bytes::from("export const job = 1;"),
        frame: None,
        parts,
        files: HashMap::new(),
        program: None,
        posted: Posted::InPieces(8),
        session: channel.number,
    };
    let key = server.publish(7, job);
    let base = Url::parse(&server.url("")).unwrap();
    Served { server, channel, base, key }
}

impl Served {
    fn host(&self) -> String {
        format!("{}:{}", self.base.host_str().unwrap(), self.base.port().unwrap())
    }

    /// A path below the token, as it goes over the wire.
    fn path(&self, path: &str) -> String {
        format!("{}{path}", self.base.path())
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.host()).await.unwrap()
    }

    /// Sends the bytes of a request and reads to the end of the connection.
    async fn raw(&self, request: &[u8]) -> Reply {
        let mut stream = self.connect().await;
        // The server may answer and close before it has read everything.
        let _ = stream.write_all(request).await;
        reply(&mut stream).await
    }

    async fn request(&self, method: &str, path: &str, headers: &str, body: &str) -> Reply {
        let host = if headers.starts_with("host:") { String::new() } else { format!("host: {}\r\n", self.host()) };
        let length = if body.is_empty() { String::new() } else { format!("content-length: {}\r\n", body.len()) };
        let text = format!("{method} {path} HTTP/1.1\r\n{host}{headers}{length}connection: close\r\n\r\n{body}");
        self.raw(text.as_bytes()).await
    }

    async fn get(&self, path: &str) -> Reply {
        self.request("GET", &self.path(path), "", "").await
    }

    /// Asks for the WebSocket of a session.
    async fn websocket(&self, session: u64, origin: &str) -> (TcpStream, u16) {
        let mut stream = self.connect().await;
        let text = format!(
            "GET {} HTTP/1.1\r\nhost: {}\r\n{origin}connection: Upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            self.path(&format!("channel/{session}")),
            self.host()
        );
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        (stream, status(&String::from_utf8(head).unwrap()))
    }

    fn origin(&self) -> String {
        format!("origin: http://{}\r\n", self.host())
    }
}

async fn reply(stream: &mut TcpStream) -> Reply {
    let mut bytes = Vec::new();
    // A reset after the answer is an end as well.
    let _ = tokio::time::timeout(Duration::from_mins(1), stream.read_to_end(&mut bytes)).await.expect("an end");
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").map_or(bytes.len(), |at| at + 4);
    let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
    Reply { status: status(&head), head, body: bytes.split_off(end) }
}

fn status(head: &str) -> u16 {
    head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0)
}

/// A masked text frame, as a page sends it.
fn frame(length: usize) -> Vec<u8> {
    let mut bytes = vec![0x81, 0x80 | 127];
    bytes.extend((length as u64).to_be_bytes());
    bytes.extend([0; 4]);
    bytes.extend(std::iter::repeat_n(b'a', length));
    bytes
}

#[tokio::test]
async fn what_belongs_to_the_run_is_served_isolated_and_uncached() {
    let served = serve(Network::default()).await;
    let page = format!("page/{}", served.channel.number);
    for (path, kind, body) in [
        (page.as_str(), "text/html; charset=utf-8", format!("<p>{}</p>", served.channel.number)),
        ("harness/clock.js", "text/javascript", "export {};".to_owned()),
        ("jobs/7/job.js", "text/javascript", "export const job = 1;".to_owned()),
        ("jobs/7/parts/0", "application/octet-stream", "part 0".to_owned()),
    ] {
        let reply = served.get(path).await;
        assert_eq!((reply.status, reply.body), (200, body.into_bytes()), "{path}");
        for header in [
            &format!("content-type: {kind}\r\n"),
            "cross-origin-opener-policy: same-origin\r\n",
            "cross-origin-embedder-policy: require-corp\r\n",
            "cross-origin-resource-policy: same-origin\r\n",
            "cache-control: no-store\r\n",
            "x-content-type-options: nosniff\r\n",
        ] {
            assert!(reply.head.contains(header), "{path} without {header}: {}", reply.head);
        }
        assert!(!reply.head.contains("access-control-allow-origin"));
    }
    let icon = served.request("GET", "/favicon.ico", "", "").await;
    assert_eq!((icon.status, icon.body.len()), (204, 0));
}

#[tokio::test]
async fn strangers_are_turned_away() {
    let served = serve(Network::default()).await;
    let page = served.path(&format!("page/{}", served.channel.number));
    let token = served.base.path().trim_matches('/');
    let other = token.replace(|c: char| c.is_ascii_digit(), "f");
    assert_eq!(token.len(), 32);
    for path in ["/", "/page/1", &format!("/{other}x/page/1"), &format!("/{}/page/1", &token[..31]), "//page/1", token]
    {
        assert!([400, 404].contains(&served.request("GET", path, "", "").await.status), "{path}");
    }
    let port = served.base.port().unwrap();
    for host in ["evil.example", "localhost", "127.0.0.1", &format!("localhost:{port}"), ""] {
        assert_eq!(served.request("GET", &page, &format!("host: {host}\r\n"), "").await.status, 421, "{host}");
    }
    for origin in ["http://evil.example", "null", "https://127.0.0.1", &format!("http://localhost:{port}")] {
        let reply = served.request("GET", &page, &format!("origin: {origin}\r\n"), "").await;
        assert_eq!(reply.status, 403, "{origin}");
    }
    assert_eq!(served.request("GET", &page, &served.origin(), "").await.status, 200);
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "HEAD"] {
        assert_eq!(served.request(method, &page, "", "").await.status, 405, "{method}");
    }
    assert_eq!(served.request("GET", &served.path("jobs/7/tensors/0"), "", "").await.status, 405);
}

#[tokio::test]
async fn a_request_names_one_host_and_it_is_this_one() {
    let served = serve(Network::default()).await;
    let (host, path) = (served.host(), served.path("harness/clock.js"));
    let raw = async |target: &str, headers: &str| {
        served.raw(format!("GET {target} HTTP/1.1\r\n{headers}connection: close\r\n\r\n").as_bytes()).await.status
    };
    let ours = format!("host: {host}\r\n");
    assert_eq!(raw(&path, &format!("{ours}host: evil.example\r\n")).await, 400);
    assert_eq!(raw(&path, &format!("host: evil.example\r\n{ours}")).await, 400);
    assert_eq!(raw(&path, &format!("{ours}{ours}")).await, 400);
    for authority in ["evil.example", "evil.example:80", &format!("user@{host}"), "localhost"] {
        assert_eq!(raw(&format!("http://{authority}{path}"), &ours).await, 421, "{authority}");
    }
    assert_eq!(raw(&format!("http://{host}{path}"), &ours).await, 200);
}

#[tokio::test]
async fn strangers_have_few_places_and_one_answer_each() {
    let served = serve(Network::default()).await;
    // More than there are places for: idle ones, and some that asked for something.
    let mut strangers = Vec::new();
    for index in 0..300 {
        let mut stranger = served.connect().await;
        if index % 2 == 0 {
            stranger.write_all(format!("GET /x HTTP/1.1\r\nhost: {}\r\n\r\n", served.host()).as_bytes()).await.unwrap();
        }
        strangers.push(stranger);
    }
    let path = served.path("harness/clock.js");
    assert_eq!(served.get("harness/clock.js").await.status, 200);
    let refused = served.raw(format!("GET /x HTTP/1.1\r\nhost: {}\r\n\r\n", served.host()).as_bytes()).await;
    assert!(refused.status == 404 && refused.head.contains("connection: close\r\n"), "{}", refused.head);
    // Who has shown the token is heard again on the same connection.
    let mut page = served.connect().await;
    for last in ["", "", "connection: close\r\n"] {
        page.write_all(format!("GET {path} HTTP/1.1\r\nhost: {}\r\n{last}\r\n", served.host()).as_bytes())
            .await
            .unwrap();
    }
    let answers = String::from_utf8(reply(&mut page).await.body).unwrap();
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 2, "and the first one: {answers}");
}

#[tokio::test]
async fn no_path_leads_out() {
    let served = serve(Network::default()).await;
    for path in [
        "harness/../../etc/passwd",
        "jobs/7/module/job.js",
        "jobs/7/module/../job.js/",
        "jobs/7/packages/0/package.json",
        "harness/..%2f..%2fetc%2fpasswd",
        "harness/%2e%2e/job.js",
        "harness//etc/passwd",
        "harness/..\\..\\etc\\passwd",
        "harness/",
        "harness/clock.js/",
        "harness/./clock.js",
        "harness/Clock.js",
        "jobs/7/parts/2",
        "jobs/7/parts/-1",
        "jobs/8/job.js",
        "jobs/+7/../7/job.js",
        "jobs/7/parts/99999999999999999999",
        "page/999",
        "page/x",
        "",
        "..",
        "../favicon.ico",
    ] {
        let status = served.get(path).await.status;
        assert!([400, 404].contains(&status), "{path}: {status}");
    }
    served.server.withdraw(7);
    assert_eq!(served.get("jobs/7/job.js").await.status, 404);
}

#[tokio::test]
async fn posted_tensors_are_no_more_bytes_than_the_job_computes() {
    let mut served = serve(Network::default()).await;
    let _page = served.websocket(served.channel.number, &served.origin()).await;
    let key = format!("x-gpujobs-key: {}\r\n", served.key);
    let tensors = served.path("jobs/7/tensors/0");
    for (body, status) in [("", 400), ("1234567", 400), ("123456789", 413), (&"x".repeat(1 << 20), 413)] {
        assert_eq!(served.request("POST", &tensors, &key, body).await.status, status, "{} bytes", body.len());
    }
    // A piece that begins within a value, beyond the end, or would end there.
    for (from, body, status) in [("2", "1234", 400), ("8", "1234", 413), ("4", "12345678", 413), ("-4", "1234", 404)] {
        let path = served.path(&format!("jobs/7/tensors/{from}"));
        assert_eq!(served.request("POST", &path, &key, body).await.status, status, "from {from}");
    }
    // A length that is not kept to, and one that is not told.
    let lying = format!(
        "POST {tensors} HTTP/1.1\r\nhost: {}\r\n{key}content-length: 99999999999\r\n\r\n12345678",
        served.host()
    );
    assert_eq!(served.raw(lying.as_bytes()).await.status, 413);
    let chunked = "transfer-encoding: chunked\r\n";
    let text =
        format!("POST {tensors} HTTP/1.1\r\nhost: {}\r\n{key}{chunked}\r\n9\r\n123456789\r\n0\r\n\r\n", served.host());
    assert_eq!(served.raw(text.as_bytes()).await.status, 413);

    for (path, expected) in
        [(tensors.clone(), Subject::Computed), (tensors.replace("tensors", "outputs"), Subject::Outputs)]
    {
        let (base, host, key) = (path, served.host(), key.clone());
        let posting = tokio::spawn(async move {
            let mut stream = TcpStream::connect(&host).await.unwrap();
            let text = format!(
                "POST {base} HTTP/1.1\r\nhost: {host}\r\n{key}content-length: 8\r\nconnection: close\r\n\r\n12345678"
            );
            stream.write_all(text.as_bytes()).await.unwrap();
            reply(&mut stream).await
        });
        let SessionEvent::Posted { job, subject, from, bytes, reply } = served.channel.next().await else {
            panic!("nothing was posted")
        };
        assert_eq!((job, subject, from, &bytes[..]), (7, expected, 0, &b"12345678"[..]));
        reply.send("{\"verdict\":\"ok\"}".to_owned()).unwrap();
        let answer = posting.await.unwrap();
        assert_eq!((answer.status, answer.body), (200, b"{\"verdict\":\"ok\"}".to_vec()));
    }
}

#[tokio::test]
async fn tensors_are_taken_with_the_key_of_their_job_from_a_page_that_is_there() {
    let mut served = serve(Network::default()).await;
    let path = served.path("jobs/7/tensors/0");
    let key = format!("x-gpujobs-key: {}\r\n", served.key);
    let zeros = "\0".repeat(8);
    // Who knows the address does not know the key, nor that of another job.
    for stranger in ["", "x-gpujobs-key: \r\n", &key.replace(|c: char| c.is_ascii_digit(), "f")] {
        assert_eq!(served.request("POST", &path, stranger, &zeros).await.status, 403, "{stranger:?}");
    }
    assert_eq!(served.request("POST", &path, &key, &zeros).await.status, 410, "no page is there yet");
    let (page, _) = served.websocket(served.channel.number, &served.origin()).await;
    let wrong_size = served.request("POST", &path, &key, "x").await.status;
    assert_eq!(wrong_size, 400, "the key is right and the page is there");
    drop(page);
    assert!(matches!(served.channel.next().await, SessionEvent::Gone), "and nothing was posted before");
    assert_eq!(served.request("POST", &path, &key, &zeros).await.status, 410);
    // Made ready anew, the job has another key.
    let again = Published {
        module: Bytes::new(),
        frame: None,
        parts: Vec::new(),
        files: HashMap::new(),
        program: None,
        posted: Posted::InPieces(8),
        session: served.channel.number,
    };
    assert_ne!(served.server.publish(7, again), served.key);
    assert_eq!(served.request("POST", &path, &key, &zeros).await.status, 403);
}

#[tokio::test]
async fn who_knows_a_page_does_not_know_the_next_one() {
    let served = serve(Network::default()).await;
    let next = served.server.open_session(|number| Ok::<_, ()>(number.to_string())).unwrap();
    assert!(served.channel.number.abs_diff(next.number) > 1 << 20, "{} {}", served.channel.number, next.number);
}

#[tokio::test]
async fn a_session_has_one_websocket_from_its_own_page() {
    let mut served = serve(Network::default()).await;
    let (number, origin) = (served.channel.number, served.origin());
    assert_eq!(served.websocket(number, "").await.1, 403);
    assert_eq!(served.websocket(number, "origin: http://evil.example\r\n").await.1, 403);
    assert_eq!(served.websocket(999, &origin).await.1, 404);
    assert_eq!(served.get(&format!("channel/{number}")).await.status, 426);
    let (mut first, status) = served.websocket(number, &origin).await;
    assert_eq!(status, 101);
    assert_eq!(served.websocket(number, &origin).await.1, 409);
    first.write_all(&frame(5)).await.unwrap();
    assert!(matches!(served.channel.next().await, SessionEvent::Said(text) if text == "aaaaa"));
    assert!(served.channel.send("{}".to_owned()).await);
    let mut said = [0; 4];
    first.read_exact(&mut said).await.unwrap();
    assert_eq!(said, [0x81, 2, b'{', b'}']);
    drop(first);
    assert!(matches!(served.channel.next().await, SessionEvent::Gone));
}

#[tokio::test]
async fn a_message_beyond_the_limit_ends_the_channel() {
    for length in [(1 << 20) + 1, 1 << 40] {
        let mut served = serve(Network::default()).await;
        let (mut socket, status) = served.websocket(served.channel.number, &served.origin()).await;
        assert_eq!(status, 101);
        // Only the head of the larger one: the server must not wait for the rest.
        let mut bytes = frame(length.min((1 << 20) + 1));
        bytes[2..10].copy_from_slice(&(length as u64).to_be_bytes());
        let _ = socket.write_all(&bytes).await;
        assert!(matches!(served.channel.next().await, SessionEvent::Gone));
    }
    let mut served = serve(Network::default()).await;
    let (mut socket, _) = served.websocket(served.channel.number, &served.origin()).await;
    socket.write_all(&frame(1 << 20)).await.unwrap();
    assert!(
        matches!(served.channel.next().await, SessionEvent::Said(text) if text.len() == 1 << 20),
        "the limit itself"
    );
}

#[tokio::test]
async fn a_binary_message_ends_the_channel() {
    let mut served = serve(Network::default()).await;
    let (mut socket, _) = served.websocket(served.channel.number, &served.origin()).await;
    let mut bytes = frame(5);
    bytes[0] = 0x82;
    socket.write_all(&bytes).await.unwrap();
    assert!(matches!(served.channel.next().await, SessionEvent::Gone));
}

#[tokio::test]
async fn headers_that_trickle_or_never_end_are_cut_off() {
    let served = serve(Network::default()).await;
    let mut slow = served.connect().await;
    slow.write_all(b"GET / HTTP/1.1\r\nhost: a").await.unwrap();
    let endless = format!("GET / HTTP/1.1\r\nx: {}", "a".repeat(200 << 10));
    assert_ne!(served.raw(endless.as_bytes()).await.status, 200);
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(1000));
    assert_ne!(served.raw(many.as_bytes()).await.status, 200);
    // Its end comes by itself; `reply` waits for a minute.
    assert_ne!(reply(&mut slow).await.status, 200);
    assert_eq!(served.get("harness/clock.js").await.status, 200, "others are still served");
}

#[tokio::test]
async fn a_paced_part_arrives_whole() {
    let network = Network { latency: Duration::from_millis(5), bandwidth: Some(4 << 20) };
    let served = serve(network).await;
    let reply = served.get("jobs/7/parts/1").await;
    assert_eq!(reply.status, 200);
    assert!(reply.head.contains("content-length: 200000\r\n"), "{}", reply.head);
    assert!(reply.body.iter().zip(0_u32..).all(|(byte, n)| *byte == n.to_le_bytes()[0]) && reply.body.len() == 200_000);
}

#[tokio::test]
async fn nothing_answers_once_the_server_is_dropped() {
    let served = serve(Network::default()).await;
    let host = served.host();
    let mut open = served.connect().await;
    drop(served);
    let mut rest = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(30), open.read_to_end(&mut rest)).await.expect("an end");
    assert!(TcpStream::connect(host).await.is_err());
}
