//! Where a server listens, and the one origin under which its pages know it.
//!
//! Made by `commands` from a manifest; [`Server::start`](super::Server::start) follows it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use url::Url;

use crate::certificate::Certificate;

/// Where a server is to listen.
#[derive(Debug, Clone)]
pub struct Listen {
    /// Its address; port 0 stands for a free one.
    pub address: SocketAddr,
    /// Http or https, and no more than a host and a port: where browsers reach it through something that stands between.
    pub public_url: Option<Url>,
    /// With which it speaks https.
    pub certificate: Option<Certificate>,
}

impl Default for Listen {
    /// A free port of loopback, over http.
    fn default() -> Self {
        Self { address: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0), public_url: None, certificate: None }
    }
}

/// The origin of all pages of a run: what their addresses begin with and what their requests are held against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Origin {
    /// `http` or `https`.
    pub(super) scheme: &'static str,
    /// Host and port, as a browser writes them into `Host`: without a port that is the scheme's own.
    pub(super) authority: String,
}

impl Origin {
    /// As a browser writes it into `Origin`.
    pub(super) fn text(&self) -> String {
        format!("{}://{}", self.scheme, self.authority)
    }

    /// The scheme of its channels.
    pub(super) fn websocket_scheme(&self) -> &'static str {
        if self.scheme == "https" { "wss" } else { "ws" }
    }

    fn new(scheme: &str, authority: &str) -> Self {
        let (scheme, usual) = if scheme == "https" { ("https", ":443") } else { ("http", ":80") };
        Self { scheme, authority: authority.strip_suffix(usual).unwrap_or(authority).to_owned() }
    }
}

impl Listen {
    /// Binds the address; the origin of what is served there, and what makes connections https.
    pub(super) async fn bind(self) -> io::Result<(TcpListener, Origin, Option<TlsAcceptor>)> {
        let listener = TcpListener::bind(self.address).await?;
        let own = if self.certificate.is_some() { "https" } else { "http" };
        let origin = match &self.public_url {
            // Of such an address the authority is host and port.
            Some(url) => Origin::new(url.scheme(), url.authority()),
            None => Origin::new(own, &listener.local_addr()?.to_string()),
        };
        Ok((listener, origin, self.certificate.as_ref().map(Certificate::acceptor)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_written_as_browsers_write_it() {
        for (scheme, authority, text) in [
            ("http", "127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http", "127.0.0.1:80", "http://127.0.0.1"),
            ("https", "[fd00::1]:443", "https://[fd00::1]"),
            ("https", "x.test:80", "https://x.test:80"),
            ("https", "x.test", "https://x.test"),
        ] {
            let origin = Origin::new(scheme, authority);
            assert_eq!(origin.text(), text);
            assert_eq!(Url::parse(&origin.text()).unwrap().origin().ascii_serialization(), text);
        }
    }

    #[tokio::test]
    async fn what_stands_between_gives_pages_their_origin_and_not_the_server_its_protocol() {
        let public_url = Some(Url::parse("HTTPS://Bench.Example:443/").unwrap());
        let (listener, origin, acceptor) = Listen { public_url, ..Listen::default() }.bind().await.unwrap();
        assert_eq!((origin.text().as_str(), origin.websocket_scheme()), ("https://bench.example", "wss"));
        assert!(acceptor.is_none() && listener.local_addr().unwrap().ip().is_loopback());
    }
}
