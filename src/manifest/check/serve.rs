//! Checking where the page server listens and how browsers reach it.

use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::time::Duration;

use url::Url;

use super::Checker;
use crate::certificate::{Certificate, CertificateError};
use crate::manifest::problem::Problem;
use crate::manifest::serve::{CertificateFile, Serve, ServeFile, Tls, TlsFile};
use crate::manifest::values::At;
use crate::webdriver::without_logins;

impl Checker<'_> {
    pub(super) fn serve(&mut self, file: &ServeFile) -> Serve {
        if let Some(bandwidth) = &file.bandwidth
            && bandwidth.get().0.0 == 0
        {
            self.note(Problem::at(bandwidth.span(), "impossible `bandwidth`", "expected at least 1 B/s"));
        }
        if let Some(latency) = &file.latency
            && latency.get().0 > Duration::from_mins(1)
        {
            self.note(Problem::at(latency.span(), "impossible `latency`", "expected at most 60s"));
        }
        let default = Serve::default();
        let public_url = file.public_url.as_ref().and_then(|url| self.public_url(url));
        let address = file.address.as_ref().and_then(|address| {
            let found = self.address(address)?;
            self.reachable(found, address.span(), file.public_url.as_ref());
            Some(found)
        });
        let address = address.unwrap_or(default.address);
        let is_plain = public_url.as_ref().is_some_and(|url| url.scheme() == "http");
        let usual = if address.ip().is_loopback() || is_plain { Tls::Off } else { Tls::ForTheRun };
        Serve {
            latency: file.latency.as_ref().map_or(Duration::ZERO, |latency| latency.get().0),
            bytes_per_second: file.bandwidth.as_ref().map(|bandwidth| bandwidth.get().0.0),
            address,
            public_url,
            tls: file.tls.as_ref().map_or(Some(usual), |tls| self.tls(tls)).unwrap_or(Tls::Off),
        }
    }

    fn address(&mut self, written: &At<String>) -> Option<SocketAddr> {
        let text = written.get();
        let found = text.parse().or_else(|_| text.parse().map(|address: IpAddr| SocketAddr::new(address, 0)));
        // A page's address can't name the interface of a link-local one.
        let is_scoped = matches!(&found, Ok(SocketAddr::V6(address)) if address.scope_id() != 0);
        if let Some(address) = found.ok().filter(|_| !is_scoped) {
            return Some(address);
        }
        let host = text.rsplit_once(':').map_or(text.as_str(), |(host, _)| host);
        let help = match host {
            "localhost" => "write address = \"127.0.0.1\", which is the default",
            _ if is_scoped => {
                "an address of one link alone can't stand in the address of a page: name another one of this machine"
            }
            _ if text.contains("://") => "the address under which browsers reach the server is its `public_url`",
            _ => {
                "name an address of this machine by its number, with a port or without: \"10.0.0.1:8443\", \"[fd00::1]:8443\"; \
                 a name that browsers are to see goes into `public_url`"
            }
        };
        let message = format!("`address` is no IP address: {text:?}");
        self.note(Problem::at(written.span(), message, "expected a number, such as 10.0.0.1:8443").help(help));
        None
    }

    /// Whether browsers can be sent to what listens at an address, beside what `public_url` says.
    fn reachable(&mut self, address: SocketAddr, span: Range<usize>, public_url: Option<&At<String>>) {
        let port = if address.port() == 0 { 8443 } else { address.port() };
        if address.ip().is_unspecified() && public_url.is_none() {
            let message = format!("browsers can't be sent to {}", address.ip());
            self.note_missing(Problem::at(span, message, "all addresses of this machine").help(format!(
                "name the one that they reach, address = \"10.0.0.1:{port}\", or say it beside this one: \
                 public_url = \"https://HOST:{port}\""
            )));
        } else if !address.ip().is_loopback() && address.port() == 0 && public_url.is_some() {
            let example = SocketAddr::new(address.ip(), port);
            self.note(
                Problem::at(span, "`address` has no port beside `public_url`", "a free port, another one in each run")
                    .help(format!("name the port that `public_url` leads to: address = \"{example}\"")),
            );
        }
    }

    fn public_url(&mut self, written: &At<String>) -> Option<Url> {
        let example = "write it like public_url = \"https://bench.example.org:8443\"";
        let url = match Url::parse(written.get()) {
            Ok(url) => url,
            Err(error) => {
                let message = "`public_url` is no address";
                self.note(Problem::at(written.span(), message, error.to_string()).help(example));
                return None;
            }
        };
        let (label, help) = if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            ("expected http:// or https://", example)
        } else if !url.username().is_empty() || url.password().is_some() {
            ("a user's name or password", "leave it out: the pages' token keeps strangers away")
        } else if url.path() != "/" {
            let help = "leave it out: paths of the server begin with the run's token, and what stands between has to pass \
                        them on as they are";
            ("a path", help)
        } else if url.query().is_some() || url.fragment().is_some() {
            ("a query or a fragment", "leave it out")
        } else if url.port() == Some(0) {
            ("port 0", "name the port that browsers are to ask for")
        } else {
            return Some(url);
        };
        let message = format!("`public_url` is no origin: {:?}", without_logins(written.get()));
        self.note(Problem::at(written.span(), message, label).help(help));
        None
    }

    fn tls(&mut self, written: &At<TlsFile>) -> Option<Tls> {
        match written.get() {
            TlsFile::Switch(false) => Some(Tls::Off),
            TlsFile::Switch(true) => Some(Tls::ForTheRun),
            TlsFile::Files(files) => self.certificate(files, written.span()),
        }
    }

    fn certificate(&mut self, files: &CertificateFile, span: Range<usize>) -> Option<Tls> {
        let (Some(certificate), Some(key)) = (&files.certificate, &files.key) else {
            let lacks = if files.certificate.is_none() { "certificate" } else { "key" };
            let message = format!("`tls` names no `{lacks}`");
            self.note_missing(Problem::at(span, message, "one of the two files").help(
                "write tls = { certificate = \"cert.pem\", key = \"key.pem\" }, or tls = true for a certificate that is \
                 made for the run",
            ));
            return None;
        };
        let [at, of] = [certificate, key].map(|path| self.folder.join(path.get()));
        let (message, span) = match Certificate::read(&at, &of) {
            Ok(_) => return Some(Tls::Files { certificate: at, key: of }),
            Err(CertificateError::Certificate(message)) => (message, certificate.span()),
            Err(CertificateError::Key(message)) => (message, key.span()),
        };
        self.note(Problem::at(span, message, "expected a PEM file").help(
            "both paths are relative to the manifest; tls = true serves a certificate that is made for the run, and browsers \
             are told to accept it",
        ));
        None
    }
}
