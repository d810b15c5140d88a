//! The page server of a session: where the manifest has it listen, and what the user should know of that.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;

use bytes::Bytes;

use crate::certificate::{Certificate, CertificateError};
use crate::error::Error;
use crate::manifest::Serve;
use crate::manifest::serve::Tls;
use crate::serve::{Libraries, Listen, Network, Server};

/// Starts the server of a manifest, and says so where others than this machine reach it.
pub(super) async fn start(
    serve: &Serve,
    modules: HashMap<String, Bytes>,
    libraries: HashMap<String, Libraries>,
    say: impl Fn(&str),
) -> Result<Server, Error> {
    let network = Network { latency: serve.latency, bandwidth: serve.bytes_per_second };
    let certificate = certificate(serve).map_err(|error| Error::Environment {
        message: format!("the page server has no certificate: {error}"),
        help: "[serve] tls names its files, or true for one that is made for the run".to_owned(),
    })?;
    let listen = Listen { address: serve.address, public_url: serve.public_url.clone(), certificate };
    let server = Server::start(listen, modules, libraries, network).await;
    let server = server.map_err(|error| not_bound(serve.address, &error))?;
    for warning in warnings(serve, server.address(), &server.origin()) {
        say(&format!("warning: {warning}"));
    }
    Ok(server)
}

fn certificate(serve: &Serve) -> Result<Option<Certificate>, CertificateError> {
    match &serve.tls {
        Tls::Off => Ok(None),
        Tls::ForTheRun => Certificate::for_run(&serve.host()).map(Some),
        Tls::Files { certificate, key } => Certificate::read(certificate, key).map(Some),
    }
}

fn not_bound(address: SocketAddr, error: &io::Error) -> Error {
    let help = match error.kind() {
        io::ErrorKind::AddrInUse => {
            "another program listens there, maybe another run: name another port in [serve] address, or none for a free one"
        }
        io::ErrorKind::AddrNotAvailable => "[serve] address names an address of this machine: `ip address` lists them",
        io::ErrorKind::PermissionDenied => "ports below 1024 are the system's: name a higher one in [serve] address",
        _ if address.ip().is_loopback() => "is the loopback interface up?",
        _ => "does this machine have that address? [serve] address names it",
    };
    let address = if address.port() == 0 { address.ip().to_string() } else { address.to_string() };
    Error::Environment { message: format!("the page server can't listen at {address}: {error}"), help: help.to_owned() }
}

/// What a server means that others than this machine reach, or whose pages are of no use.
fn warnings(serve: &Serve, address: SocketAddr, origin: &str) -> Vec<String> {
    let mut warnings = Vec::new();
    if !address.ip().is_loopback() {
        let all = if address.ip().is_unspecified() { ", which is every address of this machine," } else { "" };
        let known = match serve.tls {
            Tls::Off => ", which goes over the network unencrypted, for all on the way to read",
            Tls::ForTheRun | Tls::Files { .. } => "",
        };
        warnings.push(format!(
            "THE PAGE SERVER IS OPEN TO OTHER MACHINES: it listens at {address}{all} for browsers at {origin}. Pages, shaders, \
             models and the folders of JS modules are served there to who has this run's token{known}; all others are turned away. \
             Leave [serve] address out to keep it on loopback, and let browsers elsewhere reach it by a tunnel ([browser.NAME] \
             tunnel = \"ssh -N -R {{port}}:127.0.0.1:{{port}} user@host\")"
        ));
    }
    if !serve.is_secure() {
        warnings.push(format!(
            "browsers take {origin} for no secure context, so there is no WebGPU and the run will fail there: let [serve] tls be true, \
             or public_url an https address"
        ));
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_reach_and_what_is_not_secure_is_said() {
        let told = |address: &str, tls, public_url: Option<&str>| {
            let address: SocketAddr = address.parse().unwrap();
            let public_url = public_url.map(|url| url.parse().unwrap());
            warnings(&Serve { address, public_url, tls, ..Serve::default() }, address, "ORIGIN").join("\n")
        };
        assert_eq!(told("127.0.0.1:80", Tls::Off, None), "");
        assert_eq!(told("[::1]:80", Tls::Off, Some("https://x.test")), "");
        let https = told("10.0.0.1:443", Tls::ForTheRun, None);
        assert!(https.contains("at 10.0.0.1:443 for browsers at ORIGIN") && !https.contains("unencrypted"), "{https}");
        let http = told("0.0.0.0:80", Tls::Off, Some("http://x.test"));
        assert!(http.contains("every address of this machine") && http.contains("unencrypted"), "{http}");
        assert!(http.contains("no secure context") && !https.contains("no secure context"));
    }
}
