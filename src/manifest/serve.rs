//! `[serve]`: where the page server listens, how browsers reach it, and what their network is like.
//!
//! Read here, checked by `check`; `commands` starts the server by it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use url::{Host, Url};

use super::values::{At, Bandwidth, Written};

/// `[serve]`; by default a free port of loopback, as fast as that is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Serve {
    /// Added before each reply.
    pub latency: Duration,
    /// The most that all replies together get.
    pub bytes_per_second: Option<u64>,
    /// Where the server listens; port 0 stands for a free one.
    pub address: SocketAddr,
    /// The origin under which browsers reach it, http or https without a path; its own address where there is none.
    pub public_url: Option<Url>,
    /// Whether it speaks https.
    pub tls: Tls,
}

/// Whether and how the server speaks https.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tls {
    /// It speaks http.
    Off,
    /// With a certificate that is made for the run.
    ForTheRun,
    /// With a certificate of the user's.
    Files {
        /// PEM, with those that lead to its root.
        certificate: PathBuf,
        /// Its private key, PEM.
        key: PathBuf,
    },
}

impl Default for Serve {
    fn default() -> Self {
        Self {
            latency: Duration::ZERO,
            bytes_per_second: None,
            address: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
            public_url: None,
            tls: Tls::Off,
        }
    }
}

impl Serve {
    /// The host under which browsers reach the server: an IP address without brackets, or a name.
    #[must_use]
    pub fn host(&self) -> String {
        match self.public_url.as_ref().and_then(Url::host) {
            Some(Host::Domain(name)) => name.to_owned(),
            Some(Host::Ipv4(address)) => address.to_string(),
            Some(Host::Ipv6(address)) => address.to_string(),
            None => self.address.ip().to_string(),
        }
    }

    /// Whether a browser takes its pages for a secure context: they come over https, or from the browser's own loopback.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        let is_https = self.public_url.as_ref().map_or(self.tls != Tls::Off, |url| url.scheme() == "https");
        let host = self.host();
        let is_own = host.parse().map_or_else(
            |_| host == "localhost" || host.ends_with(".localhost"),
            |address: IpAddr| address.is_loopback(),
        );
        is_https || is_own
    }
}

/// How browsers reach the pages, and what that network is like.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ServeFile {
    /// Added before each reply, such as "50ms"; default none.
    pub latency: Option<At<Written<Duration>>>,
    /// The most that all replies together get, such as "20MB/s"; default unlimited.
    pub bandwidth: Option<At<Written<Bandwidth>>>,
    /// Where the page server listens, such as "10.0.0.1:8443"; default a free port of 127.0.0.1.
    pub address: Option<At<String>>,
    /// The address under which browsers reach it, such as `"https://bench.example.org:8443"`; default its own.
    #[schemars(schema_with = "origin")]
    pub public_url: Option<At<String>>,
    /// Whether it speaks https: true, with a certificate made for the run, false, or { certificate = "cert.pem", key =
    /// "key.pem" }; default true where `address` is not loopback, unless `public_url` begins with http:.
    pub tls: Option<At<TlsFile>>,
}

/// `tls` as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TlsFile {
    /// `true` or `false`.
    Switch(bool),
    /// Files of the user's.
    Files(CertificateFile),
}

/// The files of a certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CertificateFile {
    /// The certificate, PEM, relative to this file; those that lead to its root may follow it.
    pub certificate: Option<At<String>>,
    /// Its private key, PEM, relative to this file.
    pub key: Option<At<String>>,
}

impl<'de> Deserialize<'de> for TlsFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TlsVisitor)
    }
}

struct TlsVisitor;

impl<'de> Visitor<'de> for TlsVisitor {
    type Value = TlsFile;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("true, false, or { certificate = \"cert.pem\", key = \"key.pem\" }")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<TlsFile, E> {
        Ok(TlsFile::Switch(value))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<TlsFile, A::Error> {
        CertificateFile::deserialize(MapAccessDeserializer::new(map)).map(TlsFile::Files)
    }
}

impl JsonSchema for TlsFile {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Tls".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let files = generator.subschema_for::<CertificateFile>();
        json_schema!({ "anyOf": [{ "type": "boolean" }, files] })
    }
}

fn origin(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^[hH][tT][tT][pP][sS]?://[^/?#@]+/?$" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_secure_over_https_and_from_the_browsers_own_loopback() {
        let at = |address: &str, public_url: Option<&str>, tls| Serve {
            address: address.parse().unwrap(),
            public_url: public_url.map(|url| url.parse().unwrap()),
            tls,
            ..Serve::default()
        };
        assert!(Serve::default().is_secure());
        for (address, public_url, is_secure) in [
            ("10.0.0.1:0", None, false),
            ("[::1]:0", None, true),
            ("0.0.0.0:80", Some("https://x.test"), true),
            ("0.0.0.0:80", Some("http://x.test"), false),
            ("0.0.0.0:80", Some("http://localhost:8000"), true),
            ("127.0.0.1:80", Some("http://localhost.x.test"), false),
            ("127.0.0.1:80", Some("http://10.0.0.1"), false),
            ("127.0.0.1:80", Some("http://[::1]:8000"), true),
        ] {
            assert_eq!(at(address, public_url, Tls::Off).is_secure(), is_secure, "{address} {public_url:?}");
        }
        assert!(at("10.0.0.1:0", None, Tls::ForTheRun).is_secure());
        assert!(!at("10.0.0.1:0", Some("http://10.0.0.2"), Tls::ForTheRun).is_secure(), "what a proxy makes of it");
        assert_eq!(at("10.0.0.1:0", Some("https://[fd00::1]:8443"), Tls::ForTheRun).host(), "fd00::1");
    }
}
