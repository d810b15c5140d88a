//! Files that a user names are opened here: only regular ones, since a pipe or a device may never come to an end, and none
//! that memory can't hold.
//!
//! Used by whatever a manifest, a model or the command line names a file for.

use std::fs::{File, FileType, Metadata, OpenOptions};
use std::io::{self, Read};
use std::path::Path;

use crate::memory;

/// Opens a regular file, or one that a link leads to, for reading.
pub fn open(path: &Path) -> io::Result<File> {
    regular(path)?;
    let mut options = OpenOptions::new();
    options.read(true);
    // What lies there now may be another one: opening a pipe must not wait for a writer.
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags(nix::fcntl::OFlag::O_NONBLOCK.bits());
    }
    let file = options.open(path)?;
    refuse(file.metadata()?.file_type())?;
    Ok(file)
}

/// What the system says of a regular file, or of one that a link leads to.
pub fn regular(path: &Path) -> io::Result<Metadata> {
    let found = std::fs::metadata(path)?;
    refuse(found.file_type())?;
    Ok(found)
}

/// The bytes of a regular file.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = open(path)?;
    let length = file.metadata()?.len();
    memory::check(length).map_err(io::Error::other)?;
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The text of a regular file.
pub fn read_to_string(path: &Path) -> io::Result<String> {
    String::from_utf8(read(path)?).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.utf8_error()))
}

fn refuse(found: FileType) -> io::Result<()> {
    if found.is_file() {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, format!("it is {}, expected a regular file", what(found))))
}

fn what(found: FileType) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if found.is_fifo() {
            return "a named pipe";
        } else if found.is_socket() {
            return "a socket";
        } else if found.is_char_device() || found.is_block_device() {
            return "a device";
        }
    }
    if found.is_dir() { "a folder" } else { "something else" }
}
