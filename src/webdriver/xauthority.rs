//! The key to a display: without one any user of the machine may see what Xvfb shows, and type into it.
//!
//! Made by `driver` for the Xvfb that it starts; the driver and its browser are told of it in `XAUTHORITY`.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// "Any address" in an Xauthority file (`FamilyWild` of Xauth.h).
const ANY_ADDRESS: u16 = 0xffff;

/// Writes a new random key into a folder; the file serves the display, whatever its number, and its clients.
pub(super) fn write(folder: &Path) -> io::Result<PathBuf> {
    let path = folder.join("xauthority");
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(&path)?.write_all(&entry(&rand::random()))?;
    Ok(path)
}

/// The file's one entry: a family, then address, display, name and key, each behind its length; numbers are big-endian.
fn entry(key: &[u8; 16]) -> Vec<u8> {
    let mut bytes = ANY_ADDRESS.to_be_bytes().to_vec();
    for (length, text) in [(0_u16, &b""[..]), (0, b""), (18, b"MIT-MAGIC-COOKIE-1"), (16, key)] {
        bytes.extend(length.to_be_bytes());
        bytes.extend(text);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_for_any_display_and_each_file_has_a_key_of_its_own() {
        let text = b"\xff\xff\0\0\0\0\0\x12MIT-MAGIC-COOKIE-1\0\x10kkkkkkkkkkkkkkkk";
        assert_eq!(entry(b"kkkkkkkkkkkkkkkk"), text);
        let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let [one, other] = folders.each_ref().map(|folder| std::fs::read(write(folder.path()).unwrap()).unwrap());
        assert!(one != other && one.len() == text.len());
    }
}
