//! A certificate is what a server shows over https, with the key that belongs to it: made for one run, or the user's own.
//!
//! Named by `manifest`, which checks the files that a user names; made by `commands` for `serve`, which shows it.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, KeyPair};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{self, ServerConfig};

use crate::user_file;

/// How long before now a certificate of a run begins to be valid: clocks of other machines may be slow.
const SLOW_CLOCKS: Duration = Duration::from_hours(24);
/// How long after now it is valid: longer than any run, and too short to be of use to whoever finds it later.
const VALID_FOR: Duration = Duration::from_hours(14 * 24);

/// A certificate with its key, ready to be shown.
#[derive(Clone)]
pub struct Certificate {
    config: Arc<ServerConfig>,
    is_of_the_run: bool,
}

/// Why there is no certificate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// The file of the certificate is of no use.
    #[error("{0}")]
    Certificate(String),
    /// The file of the key is of no use, or its key belongs to another certificate.
    #[error("{0}")]
    Key(String),
}

impl fmt::Debug for Certificate {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").field("is_of_the_run", &self.is_of_the_run).finish_non_exhaustive()
    }
}

impl Certificate {
    /// Makes one for a host, an IP address or a name, that signs for itself. Its key is never written anywhere.
    pub fn for_run(host: &str) -> Result<Self, CertificateError> {
        let failed = |error: &dyn fmt::Display| {
            CertificateError::Certificate(format!("no certificate can be made for {host:?}: {error}"))
        };
        let mut params = CertificateParams::new([host.to_owned()]).map_err(|error| failed(&error))?;
        params.distinguished_name.push(rcgen::DnType::CommonName, "gpujobs, one run");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let now = SystemTime::now();
        (params.not_before, params.not_after) = ((now - SLOW_CLOCKS).into(), (now + VALID_FOR).into());
        let key = KeyPair::generate().map_err(|error| failed(&error))?;
        let certificate = params.self_signed(&key).map_err(|error| failed(&error))?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = config(vec![certificate.der().clone()], key).map_err(|error| failed(&error))?;
        Ok(Self { config, is_of_the_run: true })
    }

    /// Reads one with its key, both PEM; the file of the certificate may go on with those that lead to its root.
    pub fn read(certificate: &Path, key: &Path) -> Result<Self, CertificateError> {
        let of_certificate = |what: String| CertificateError::Certificate(format!("{}: {what}", certificate.display()));
        let read = bytes(certificate).map_err(&of_certificate)?;
        let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read).collect();
        let found = read.and_then(|found| if found.is_empty() { Err(pem::Error::NoItemsFound) } else { Ok(found) });
        let chain = found.map_err(|error| of_certificate(words(&error, "certificate")))?;
        let of_key = |what: String| CertificateError::Key(format!("{}: {what}", key.display()));
        let read = bytes(key).map_err(&of_key)?;
        let read = PrivateKeyDer::from_pem_slice(&read).map_err(|error| of_key(words(&error, "private key")))?;
        let config = config(chain, read).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => {
                of_key(format!("it is not the key of the certificate {}", certificate.display()))
            }
            rustls::Error::InvalidCertificate(_) => of_certificate(error.to_string()),
            error => of_key(error.to_string()),
        })?;
        Ok(Self { config, is_of_the_run: false })
    }

    /// Whether it was made for one run, so that no browser knows it.
    #[must_use]
    pub fn is_of_the_run(&self) -> bool {
        self.is_of_the_run
    }

    /// What shows it to clients.
    #[must_use]
    pub fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.config.clone())
    }
}

/// The settings of a server with this certificate, whose key must be its own.
fn config(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<Arc<ServerConfig>, rustls::Error> {
    let provider: Arc<CryptoProvider> = ring::default_provider().into();
    let own = CertifiedKey::from_der(chain.clone(), key.clone_key(), &provider)?;
    own.keys_match()?;
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let mut config = builder.with_no_client_auth().with_single_cert(chain, key)?;
    // The server speaks nothing else, and a WebSocket begins with it.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// What a file holds, or why that is not to be had.
fn bytes(path: &Path) -> Result<Vec<u8>, String> {
    user_file::read(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        _ => error.to_string(),
    })
}

/// What is wrong with a PEM file.
fn words(error: &pem::Error, what: &str) -> String {
    match error {
        pem::Error::NoItemsFound => format!("there is no {what} in PEM in it"),
        error => format!("it is no PEM file: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A certificate and a key of their own as PEM, without line ends of 64 characters, which nobody needs.
    fn pair() -> (String, String) {
        use base64::Engine;

        let pem = |label: &str, der: &[u8]| {
            let text = base64::engine::general_purpose::STANDARD.encode(der);
            format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
        };
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(["x.test".to_owned()]).unwrap().self_signed(&key).unwrap();
        (pem("CERTIFICATE", certificate.der()), pem("PRIVATE KEY", &key.serialize_der()))
    }

    #[test]
    fn a_host_by_name_or_number_gets_one() {
        for host in ["gpu.lab.test", "10.0.0.1", "fe80::1"] {
            let made = Certificate::for_run(host).unwrap();
            assert!(made.is_of_the_run() && !format!("{made:?}").contains("key"));
        }
        assert!(Certificate::for_run("bücher").unwrap_err().to_string().contains("bücher"));
    }

    #[test]
    fn files_are_read_and_what_is_wrong_with_which_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let ((certificate, key), (other, _)) = (pair(), pair());
        let [certificate, key, other] = [file("certificate", &certificate), file("key", &key), file("other", &other)];
        let [empty, garbage, nowhere] = [
            file("empty", ""),
            file("garbage", "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"),
            folder.path().join("nowhere"),
        ];
        assert!(!Certificate::read(&certificate, &key).unwrap().is_of_the_run());
        let told = |certificate: &Path, key: &Path| match Certificate::read(certificate, key).unwrap_err() {
            CertificateError::Certificate(message) => ("certificate", message),
            CertificateError::Key(message) => ("key", message),
        };
        for (certificate, key, which, words) in [
            (other.as_path(), key.as_path(), "key", "is not the key of the certificate"),
            (&certificate, &certificate, "key", "there is no private key in PEM"),
            (&key, &key, "certificate", "there is no certificate in PEM"),
            (&empty, &key, "certificate", "there is no certificate in PEM"),
            (&garbage, &key, "certificate", "no PEM file"),
            (&nowhere, &key, "certificate", "there is no such file"),
            (folder.path(), &key, "certificate", "a folder"),
            (&certificate, &nowhere, "key", "there is no such file"),
        ] {
            let (found, message) = told(certificate, key);
            assert!(found == which && message.contains(words), "{found}: {message}");
        }
    }
}
