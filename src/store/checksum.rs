//! A checksum is what a hub says a file's bytes come to: SHA-256 for large files, git's blob SHA-1 for the others.
//!
//! Made by `listing`; used by `download` before a file counts as there, and by `fetch` to leave alone what is.

use std::fmt;
use std::io::{self, Read};
use std::path::Path;

use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::user_file;

/// A digest in lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checksum {
    /// Of the bytes, by git LFS.
    Sha256(String),
    /// Of `blob LENGTH`, a zero byte and the bytes, as git names what it stores.
    GitBlob(String),
}

impl Checksum {
    /// An LFS oid, with or without its `sha256:`.
    #[must_use]
    pub fn of_lfs(oid: &str) -> Option<Self> {
        let oid = oid.strip_prefix("sha256:").unwrap_or(oid);
        is_hex(oid, 64).then(|| Self::Sha256(oid.to_ascii_lowercase()))
    }

    /// A git oid.
    #[must_use]
    pub fn of_git(oid: &str) -> Option<Self> {
        is_hex(oid, 40).then(|| Self::GitBlob(oid.to_ascii_lowercase()))
    }

    /// The checksum of the same kind of what really is in a file.
    pub fn of_file(&self, path: &Path) -> io::Result<Self> {
        let mut file = user_file::open(path)?;
        let bytes = file.metadata()?.len();
        Ok(match self {
            Self::Sha256(_) => Self::Sha256(hex(&hashed(Sha256::new(), &mut file)?)),
            Self::GitBlob(_) => {
                let begun = Sha1::new_with_prefix(format!("blob {bytes}\0"));
                Self::GitBlob(hex(&hashed(begun, &mut file)?))
            }
        })
    }

    /// The digits.
    #[must_use]
    pub fn digits(&self) -> &str {
        match self {
            Self::Sha256(digits) | Self::GitBlob(digits) => digits,
        }
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sha256(digits) => write!(f, "sha256 {digits}"),
            Self::GitBlob(digits) => write!(f, "git blob {digits}"),
        }
    }
}

/// Whether a text is so many hexadecimal digits.
#[must_use]
pub fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn hashed<D: Digest>(mut digest: D, file: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut buffer = vec![0; 1 << 17];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(digest.finalize().to_vec());
        }
        digest.update(&buffer[..read]);
    }
}

fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_those_of_git_and_sha256sum() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        std::fs::write(&path, "hello\n").unwrap();
        let git = Checksum::of_git("ce013625030ba8dba906f756967f9e9ca394464a").unwrap();
        assert_eq!(git.of_file(&path).unwrap(), git);
        let lfs = Checksum::of_lfs("sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03").unwrap();
        assert_eq!(lfs.of_file(&path).unwrap(), lfs);
        assert_eq!(Checksum::of_git("ce01"), None);
        assert_eq!(Checksum::of_lfs(&"g".repeat(64)), None);
    }
}
