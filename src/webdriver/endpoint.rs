//! An endpoint is where WebDriver is spoken: a driver on this machine, one elsewhere, or a Grid; with what shows who asks.
//!
//! Made by `manifest` and the command line of what a user wrote, by `driver` for what it started; `http` sends commands there. A
//! login never leaves it but in the header of a request: what is shown, logged or kept is the address alone.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{AUTHORIZATION, HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;
use thiserror::Error;
use url::Url;

/// What stands for a login where a run keeps an address.
const REDACTED: &str = "***";

/// The variable that holds a header, `Name: value`, for the endpoint of `--webdriver` and for one whose login was left out.
pub const HEADER_VARIABLE: &str = "GPUJOBS_WEBDRIVER_HEADER";

/// An address, and the headers that every command carries.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// Ends with a slash; without a login.
    base: Url,
    /// Secret.
    headers: Vec<(HeaderName, HeaderValue)>,
    /// What an endpoint may repeat in an answer, and nobody may read there.
    secrets: Vec<String>,
    /// Whether the text said that there was a login which is not told any more.
    lacks_login: bool,
}

/// Why a text is no endpoint, or no header of one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EndpointFault {
    /// Not a URL.
    #[error("not an address: {0}")]
    NotUrl(url::ParseError),
    /// Neither http nor https, or without a host.
    #[error("not an http or https address")]
    NotHttp,
    /// A login that could not be told from the rest of a text in which the address stands, and so not be left out of it.
    #[error(
        "the login can't be kept out of what is recorded: write its signs in percent, `%20` for a space, after `://`"
    )]
    OddLogin,
    /// A header without a colon, or with characters that none has.
    #[error("not a header: expected `Name: value`")]
    NotHeader,
}

impl Endpoint {
    /// The address, without a login.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.base
    }

    /// The headers of every command.
    pub(super) fn headers(&self) -> &[(HeaderName, HeaderValue)] {
        &self.headers
    }

    /// Whether it had a login that was left out of what it was read from, and has nothing in its place.
    #[must_use]
    pub fn lacks_login(&self) -> bool {
        self.lacks_login && self.headers.is_empty()
    }

    /// Adds a header, written as `Name: value`.
    pub fn add_header(&mut self, written: &str) -> Result<(), EndpointFault> {
        let (name, value) = header(written)?;
        self.keep_secret(value.to_str().unwrap_or_default());
        self.headers.retain(|(other, _)| *other != name);
        self.headers.push((name, value));
        Ok(())
    }

    /// Has a value left out of what is told of this endpoint's answers. A vendor quotes the capabilities that it refuses.
    pub fn keep_secret(&mut self, value: &str) {
        if !value.is_empty() {
            self.secrets.push(value.to_owned());
            // As it stands in JSON, where that is another text.
            self.secrets.push(serde_json::Value::from(value).to_string().trim_matches('"').to_owned());
        }
    }

    /// A text from this endpoint without what is secret.
    #[must_use]
    pub fn without_secrets(&self, text: &str) -> String {
        self.secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret, REDACTED))
    }

    /// The address of a command.
    pub(super) fn join(&self, path: &str) -> Option<Url> {
        self.base.join(path).ok()
    }

    /// As a note to the watchdog tells it.
    pub(super) fn header_lines(&self) -> Vec<String> {
        let line = |(name, value): &(HeaderName, HeaderValue)| Some(format!("{name}: {}", value.to_str().ok()?));
        self.headers.iter().filter_map(line).collect()
    }
}

impl From<Url> for Endpoint {
    /// Any login of the URL is dropped.
    fn from(mut url: Url) -> Self {
        let _ = (url.set_username(""), url.set_password(None));
        url.set_query(None);
        url.set_fragment(None);
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        Self { base: url, headers: Vec::new(), secrets: Vec::new(), lacks_login: false }
    }
}

impl FromStr for Endpoint {
    type Err = EndpointFault;

    fn from_str(text: &str) -> Result<Self, EndpointFault> {
        let url = Url::parse(text).map_err(EndpointFault::NotUrl)?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(EndpointFault::NotHttp);
        }
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let (user, password) = (decoded(url.username()), url.password().map(decoded));
        let mut endpoint = Self::from(url);
        if user == REDACTED {
            endpoint.lacks_login = true;
        } else if !user.is_empty() || password.is_some() {
            let left = Url::parse(&without_logins(text)).map_err(EndpointFault::NotUrl)?;
            if left.username() != REDACTED || left.password().is_some() {
                return Err(EndpointFault::OddLogin);
            }
            let login = STANDARD.encode(format!("{user}:{}", password.clone().unwrap_or_default()));
            endpoint.keep_secret(&login);
            endpoint.keep_secret(&password.unwrap_or_default());
            endpoint.headers.push((AUTHORIZATION, secret(&format!("Basic {login}"))?));
        }
        Ok(endpoint)
    }
}

/// Whether a text is a header, written as `Name: value`.
#[must_use]
pub fn is_header(written: &str) -> bool {
    header(written).is_ok()
}

fn header(written: &str) -> Result<(HeaderName, HeaderValue), EndpointFault> {
    let (name, value) = written.split_once(':').ok_or(EndpointFault::NotHeader)?;
    Ok((name.trim().parse().map_err(|_| EndpointFault::NotHeader)?, secret(value.trim())?))
}

/// A value that is not shown.
fn secret(value: &str) -> Result<HeaderValue, EndpointFault> {
    let mut value = HeaderValue::from_str(value).map_err(|_| EndpointFault::NotHeader)?;
    value.set_sensitive(true);
    Ok(value)
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.base.fmt(f)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Endpoint").field(&self.base.as_str()).finish_non_exhaustive()
    }
}

/// A text with the login of every http address in it replaced: what a run keeps of a command line and of a manifest.
#[must_use]
pub fn without_logins(text: &str) -> String {
    logins_as(text, |_| REDACTED.to_owned())
}

/// The same for what is shown of a file, in which each byte keeps its place.
#[must_use]
pub fn masked_logins(text: &str) -> String {
    logins_as(text, |login| "*".repeat(login.len()))
}

fn logins_as(text: &str, shown: impl Fn(&str) -> String) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    // The scheme of a URL is read in any case: `HTTPS://`.
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        kept.push_str(before);
        let scheme = before[..at].rsplit(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
        let end = after.find(|c: char| c.is_whitespace() || "/?#\"'".contains(c)).unwrap_or(after.len());
        let login = after[..end]
            .rfind('@')
            .filter(|_| scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https"));
        rest = match login {
            Some(login) => {
                kept.push_str(&shown(&after[..login]));
                &after[login..]
            }
            None => after,
        };
    }
    kept.push_str(rest);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(text: &str) -> Endpoint {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_keeps_its_path_and_shows_no_login() {
        for (written, base) in [
            ("http://host:4444/wd/hub", "http://host:4444/wd/hub/"),
            ("http://host:4444", "http://host:4444/"),
            ("https://a:b@host/x?y#z", "https://host/x/"),
        ] {
            assert_eq!(endpoint(written).to_string(), base);
        }
        let with_login = endpoint("https://us%40er:p%3Aw@host");
        assert_eq!(with_login.header_lines(), ["authorization: Basic dXNAZXI6cDp3"], "base64 of us@er:p:w");
        let shown = format!("{with_login:?} {with_login}");
        assert!(!shown.contains("p:w") && !shown.contains("dXNA") && shown.contains("https://host/"), "{shown}");
    }

    #[test]
    fn what_is_no_endpoint_says_why() {
        let fault = |text: &str| text.parse::<Endpoint>().unwrap_err();
        assert_eq!(fault("ftp://host"), EndpointFault::NotHttp);
        assert_eq!(fault("host:4444"), EndpointFault::NotHttp);
        assert!(matches!(fault("http://"), EndpointFault::NotUrl(_)));
        let mut endpoint = endpoint("http://host");
        for header in ["Authorization", ": x", "a b: x", "a: x\ny"] {
            assert_eq!(endpoint.add_header(header), Err(EndpointFault::NotHeader), "{header:?}");
        }
        endpoint.add_header("X-Key: one").unwrap();
        endpoint.add_header("x-key:two").unwrap();
        assert_eq!(endpoint.header_lines(), ["x-key: two"]);
    }

    /// What the parser of URLs takes for a login and a reader of the text would not.
    #[test]
    fn a_login_that_can_not_be_left_out_is_refused() {
        for text in [
            "https:/me:pw@host",
            "https:me:pw@host",
            "http://me:pw 2@host",
            "http://me:it's3@host",
            "http://me:\"@host",
        ] {
            assert_eq!(text.parse::<Endpoint>(), Err(EndpointFault::OddLogin), "{text}");
        }
        // As TOML may write `p`.
        assert_eq!(without_logins("webdriver = \"http://me:\\u0070w@host\""), "webdriver = \"http://***@host\"");
        assert_eq!(masked_logins("'http://me:pä@host' x"), "'http://******@host' x");
    }

    #[test]
    fn a_login_that_was_left_out_is_missed_until_there_is_another() {
        let mut left_out = endpoint(&without_logins("https://me:secret@host/wd/hub"));
        assert!(left_out.lacks_login());
        left_out.add_header("Authorization: Bearer x").unwrap();
        assert!(!left_out.lacks_login() && !endpoint("http://host").lacks_login());
    }

    #[test]
    fn logins_leave_a_text_and_nothing_else_does() {
        for (text, left) in [
            ("webdriver = \"https://me:s3cret@host:4444/wd\"", "webdriver = \"https://***@host:4444/wd\""),
            ("'HTTP://me@host' x", "'HTTP://***@host' x"),
            ("http://a:p@ss@host and http://b:c@d", "http://***@host and http://***@d"),
            ("http://host/a@b npm://x@1.2 ssh://me@host", "http://host/a@b npm://x@1.2 ssh://me@host"),
            ("http://host?a@b https://", "http://host?a@b https://"),
            ("été://a@b http://é:ü@host", "été://a@b http://***@host"),
        ] {
            assert_eq!(without_logins(text), left, "{text}");
        }
    }
}
