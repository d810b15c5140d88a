//! A certificate in files, as a user has one.

use std::path::{Path, PathBuf};

use base64::Engine;

/// Writes one that signs for itself, and its key; their paths.
pub(crate) fn write(folder: &Path, host: &str) -> [PathBuf; 2] {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new([host.to_owned()]).unwrap().self_signed(&key).unwrap();
    let file = |name: &str, label: &str, der: &[u8]| {
        let path = folder.join(name);
        let text = base64::engine::general_purpose::STANDARD.encode(der);
        std::fs::write(&path, format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")).unwrap();
        path
    };
    [file("cert.pem", "CERTIFICATE", certificate.der()), file("key.pem", "PRIVATE KEY", &key.serialize_der())]
}
