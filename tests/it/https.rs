//! The page server over https, and behind something that gives it another origin, against clients that are no browsers: what
//! does not belong to the run is turned away there as it is on loopback.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use gpujobs::certificate::Certificate;
use gpujobs::serve::{Listen, Network, PageChannel, Server};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::client::verify_server_name;
use tokio_rustls::rustls::crypto::{ring, verify_tls12_signature, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::server::ParsedCertificate;
use tokio_rustls::rustls::{
    ClientConfig, DigitallySignedStruct, Error, ProtocolVersion, SignatureScheme, SupportedProtocolVersion, version,
};
use url::Url;

/// Takes a certificate as a browser does that was told to: whoever signed it, it is for the host that was asked and its key is
/// there. Keeps it.
#[derive(Debug, Default)]
struct AnySigner(Mutex<Vec<u8>>);

impl ServerCertVerifier for AnySigner {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
        *self.0.lock().unwrap() = certificate.to_vec();
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = ring::default_provider().signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, &known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = ring::default_provider().signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, &known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

/// A server with one module and one session.
struct Served {
    server: Server,
    channel: PageChannel,
    base: Url,
}

async fn serve(listen: Listen) -> Served {
    let modules = HashMap::from([("clock.js".to_owned(), Bytes::from("export {};"))]);
    let server = Server::start(listen, modules, HashMap::new(), Network::default()).await.unwrap();
    let channel = server.open_session(|number| Ok::<_, ()>(format!("<p>{number}</p>"))).unwrap();
    let base = Url::parse(&server.url("")).unwrap();
    Served { server, channel, base }
}

async fn serve_https() -> Served {
    let certificate = Certificate::for_run("127.0.0.1").unwrap();
    serve(Listen { certificate: Some(certificate), ..Listen::default() }).await
}

impl Served {
    fn path(&self, path: &str) -> String {
        format!("{}{path}", self.base.path())
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.server.address()).await.unwrap()
    }

    /// Connects with these protocols and versions, asking for a host; what the server shows is kept by `signer`.
    async fn handshake(
        &self,
        host: &str,
        protocols: &[&str],
        versions: &[&'static SupportedProtocolVersion],
        signer: Arc<AnySigner>,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_protocol_versions(versions).unwrap();
        let mut config = builder.dangerous().with_custom_certificate_verifier(signer).with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        let name = ServerName::try_from(host.to_owned()).unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, self.connect().await).await
    }

    async fn secure(&self) -> TlsStream<TcpStream> {
        self.handshake("127.0.0.1", &["h2", "http/1.1"], &[&version::TLS13], Arc::default()).await.unwrap()
    }

    /// The status of the answer to a request over https, and its text.
    async fn get(&self, path: &str, headers: &str) -> (u16, String) {
        ask(self.secure().await, path, headers).await
    }
}

/// Asks, and reads to the end of the connection.
async fn ask(mut stream: impl AsyncRead + AsyncWrite + Unpin, path: &str, headers: &str) -> (u16, String) {
    let _ = stream.write_all(format!("GET {path} HTTP/1.1\r\n{headers}connection: close\r\n\r\n").as_bytes()).await;
    let text = to_the_end(stream).await;
    (text.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0), text)
}

/// All that comes until the other side ends, however it does.
async fn to_the_end(mut stream: impl AsyncRead + Unpin) -> String {
    let mut bytes = Vec::new();
    let _ = tokio::time::timeout(Duration::from_mins(1), stream.read_to_end(&mut bytes)).await.expect("an end");
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test]
async fn what_belongs_to_the_run_is_served_over_https() {
    let served = serve_https().await;
    assert_eq!(served.server.origin(), format!("https://{}", served.server.address()));
    assert!(served.server.channel_url(1).starts_with(&format!("wss://{}/", served.server.address())));
    let host = format!("host: {}\r\n", served.server.address());
    for (path, body) in [
        (format!("page/{}", served.channel.number), format!("<p>{}</p>", served.channel.number)),
        ("harness/clock.js".to_owned(), "export {};".to_owned()),
    ] {
        let (status, text) = served.get(&served.path(&path), &host).await;
        assert!(status == 200 && text.ends_with(&body), "{text}");
        assert!(text.contains("cross-origin-opener-policy: same-origin\r\n"), "{text}");
        assert!(text.contains("cross-origin-embedder-policy: require-corp\r\n"), "{text}");
    }
}

#[tokio::test]
async fn strangers_are_turned_away_over_https_as_well() {
    let served = serve_https().await;
    let address = served.server.address();
    let page = served.path("harness/clock.js");
    let ours = format!("host: {address}\r\n");
    for path in ["/", "/harness/clock.js", &page.replace(|c: char| c.is_ascii_digit(), "f")] {
        let (status, text) = served.get(path, &ours).await;
        assert!(status == 404 && text.contains("connection: close\r\n"), "{path}: {text}");
    }
    for host in ["evil.example", "127.0.0.1", &format!("localhost:{}", address.port()), ""] {
        assert_eq!(served.get(&page, &format!("host: {host}\r\n")).await.0, 421, "{host}");
    }
    for origin in ["https://evil.example", "null", &format!("http://{address}"), "https://127.0.0.1"] {
        assert_eq!(served.get(&page, &format!("{ours}origin: {origin}\r\n")).await.0, 403, "{origin}");
    }
    assert_eq!(served.get(&page, &format!("{ours}origin: https://{address}\r\n")).await.0, 200);
}

#[tokio::test]
async fn a_channel_is_opened_from_a_page_of_the_https_origin_alone() {
    let served = serve_https().await;
    let address = served.server.address();
    let path = served.path(&format!("channel/{}", served.channel.number));
    let upgrade = "upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let status = async |origin: &str| {
        let mut stream = served.secure().await;
        let text = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n{origin}connection: Upgrade\r\n{upgrade}\r\n");
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        String::from_utf8(head).unwrap()
    };
    assert!(status("").await.contains(" 403 "));
    assert!(status(&format!("origin: http://{address}\r\n")).await.contains(" 403 "));
    assert!(status(&format!("origin: https://{address}\r\n")).await.contains(" 101 "));
}

#[tokio::test]
async fn nothing_is_served_to_who_does_not_speak_https() {
    let served = serve_https().await;
    let host = format!("host: {}\r\n", served.server.address());
    let (status, text) = ask(served.connect().await, &served.path("harness/clock.js"), &host).await;
    assert!(status == 0 && !text.contains("HTTP") && !text.contains("export"), "{text}");
    let mut garbage = served.connect().await;
    garbage.write_all(&[0; 4096]).await.unwrap();
    assert!(!to_the_end(garbage).await.contains("HTTP"));
    // What was agreed on is http/1.1, or nothing.
    let stream = served.secure().await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    assert!(served.handshake("127.0.0.1", &["h2"], &[&version::TLS13], Arc::default()).await.is_err());
}

#[tokio::test]
async fn handshakes_that_never_end_have_few_places_and_little_time() {
    let served = serve_https().await;
    let host = format!("host: {}\r\n", served.server.address());
    // The head of a record of TLS with a greeting of 512 bytes, of which some come.
    let part = [0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03];
    let mut stalled = Vec::new();
    // More than there are places for.
    for index in 0..200 {
        let mut stream = served.connect().await;
        if index % 2 == 0 {
            stream.write_all(&part).await.unwrap();
        }
        stalled.push(stream);
    }
    assert_eq!(served.get(&served.path("harness/clock.js"), &host).await.0, 200);
    // The first ones had to give up their places; the last ones still have theirs, with nobody to give these up for, and not for
    // long.
    let mut last = Box::pin(futures_util::future::join_all(stalled.drain(198..).map(to_the_end)));
    let first = futures_util::future::join_all(stalled.drain(..100).map(to_the_end));
    let first = tokio::select! {
        biased;
        _ = &mut last => panic!("all had the same time"),
        first = first => first,
    };
    let texts: Vec<String> = [first, last.await].concat();
    assert!(texts.iter().all(String::is_empty), "no word was said: {texts:?}");
}

#[tokio::test]
async fn the_certificate_of_a_run_is_for_its_host_and_of_the_run_alone() {
    let served = serve_https().await;
    let shown = async |served: &Served, host: &str, version: &'static SupportedProtocolVersion| {
        let signer = Arc::new(AnySigner::default());
        let stream = served.handshake(host, &["http/1.1"], &[version], signer.clone()).await?;
        assert_eq!(stream.get_ref().1.protocol_version(), Some(version.version));
        Ok::<_, std::io::Error>(signer.0.lock().unwrap().clone())
    };
    let first = shown(&served, "127.0.0.1", &version::TLS13).await.unwrap();
    assert_eq!(shown(&served, "127.0.0.1", &version::TLS12).await.unwrap(), first);
    assert_eq!(version::TLS12.version, ProtocolVersion::TLSv1_2);
    for host in ["127.0.0.2", "localhost", "gpu.lab.test"] {
        assert!(shown(&served, host, &version::TLS13).await.is_err(), "{host}");
    }
    assert_ne!(shown(&serve_https().await, "127.0.0.1", &version::TLS13).await.unwrap(), first);
    assert!(served.server.has_certificate_of_run());
}

#[tokio::test]
async fn a_certificate_of_the_users_is_shown_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let [certificate, key] = crate::support::certificate::write(folder.path(), "127.0.0.1");
    let read = Certificate::read(&certificate, &key).unwrap();
    let served = serve(Listen { certificate: Some(read), ..Listen::default() }).await;
    assert!(!served.server.has_certificate_of_run(), "a browser knows it, or is not to accept it");
    let signer = Arc::new(AnySigner::default());
    served.handshake("127.0.0.1", &["http/1.1"], &[&version::TLS13], signer.clone()).await.unwrap();
    let der = |path: &Path| CertificateDer::from_pem_file(path).unwrap().to_vec();
    assert_eq!(*signer.0.lock().unwrap(), der(&certificate));
}

#[tokio::test]
async fn behind_something_that_stands_between_the_public_origin_is_the_only_one() {
    let public_url = Some(Url::parse("https://bench.example").unwrap());
    let served = serve(Listen { public_url, ..Listen::default() }).await;
    assert!(served.channel.url.starts_with("https://bench.example/"), "{}", served.channel.url);
    assert!(served.server.channel_url(1).starts_with("wss://bench.example/"));
    let path = served.path("harness/clock.js");
    let get = async |headers: &str| ask(served.connect().await, &path, headers).await.0;
    let address = served.server.address();
    assert_eq!(get("host: bench.example\r\n").await, 200);
    assert_eq!(get("host: bench.example\r\norigin: https://bench.example\r\n").await, 200);
    for host in [&address.to_string(), "bench.example:443", "bench.example:80", "evil.example"] {
        assert_eq!(get(&format!("host: {host}\r\n")).await, 421, "{host}");
    }
    for origin in ["http://bench.example", &format!("http://{address}"), "https://bench.example:8443"] {
        assert_eq!(get(&format!("host: bench.example\r\norigin: {origin}\r\n")).await, 403, "{origin}");
    }
}
