//! A reply is a hub's answer to one request, redirects behind it.
//!
//! Made by `hub`; read by `listing` and `download`. Its headers are claims, which they check.

use std::io::Read;
use std::time::Duration;

use ureq::Body;
use ureq::http::header::{CONTENT_RANGE, LINK};
use ureq::http::{HeaderMap, HeaderName, Response};

use super::checksum::is_hex;
use super::pace::Paced;

/// How often it is looked at how much of a body came.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// An answer with a status that is a success, or 416.
pub struct Reply {
    response: Response<Body>,
    /// The commit that the hub says the file or listing is of.
    pub commit: Option<String>,
    /// The address that was asked first, for messages.
    pub url: String,
}

impl Reply {
    pub(super) fn new(response: Response<Body>, commit: Option<String>, url: String) -> Self {
        Self { response, commit, url }
    }

    /// 200, 206 or 416.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    /// `Content-Range: bytes FROM-TO/TOTAL` as FROM and TOTAL; a total of `*` is no answer.
    #[must_use]
    pub fn range(&self) -> Option<(u64, u64)> {
        range_in(self.response.headers().get(CONTENT_RANGE)?.to_str().ok()?)
    }

    /// The page after this one, by `Link: <URL>; rel="next"`.
    #[must_use]
    pub fn next(&self) -> Option<String> {
        next_in(self.response.headers().get(LINK)?.to_str().ok()?).map(str::to_owned)
    }

    /// The body, without a limit to its length; one that comes too slowly ends with an error.
    #[must_use]
    pub fn body(self) -> impl Read {
        Paced::new(self.response.into_body().into_reader(), LOOK_EVERY)
    }
}

/// Where the part begins that a `Content-Range` speaks of, and how long the whole is.
#[must_use]
pub fn range_in(text: &str) -> Option<(u64, u64)> {
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    Some((range.split_once('-')?.0.parse().ok()?, total.parse().ok()?))
}

/// The address of the next page in a `Link`.
#[must_use]
pub fn next_in(links: &str) -> Option<&str> {
    let next = links.split(',').find(|link| link.contains("rel=\"next\""))?;
    Some(next.split_once('<')?.1.split_once('>')?.0)
}

/// The commit that headers name.
pub(super) fn commit_of(headers: &HeaderMap) -> Option<String> {
    let commit = headers.get(HeaderName::from_static("x-repo-commit"))?.to_str().ok()?;
    is_hex(commit, 40).then(|| commit.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(headers: &[(&str, &str)]) -> Reply {
        let response =
            headers.iter().fold(Response::builder(), |response, (name, value)| response.header(*name, *value));
        Reply::new(response.body(Body::builder().data("")).unwrap(), None, String::new())
    }

    #[test]
    fn a_range_has_a_beginning_and_a_total() {
        let range = |text| reply(&[("content-range", text)]).range();
        assert_eq!(range("bytes 5-9/10"), Some((5, 10)));
        for text in ["bytes 5-9/*", "bytes */10", "5-9/10", "bytes 5/10", ""] {
            assert_eq!(range(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_next_page_is_the_link_that_says_so() {
        let next = |text| reply(&[("link", text)]).next();
        let links = "<https://hub.example/a>; rel=\"first\", <https://hub.example/b?c=1>; rel=\"next\"";
        assert_eq!(next(links).as_deref(), Some("https://hub.example/b?c=1"));
        assert_eq!(next("<https://hub.example/a>; rel=\"prev\""), None);
        assert_eq!(next("rel=\"next\""), None);
    }

    #[test]
    fn a_commit_is_forty_digits() {
        let commit = |text: &str| commit_of(reply(&[("x-repo-commit", text)]).response.headers());
        assert_eq!(commit(&"aB".repeat(20)), Some("ab".repeat(20)));
        assert_eq!(commit("main"), None);
    }
}
