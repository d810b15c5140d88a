//! Files that a user names are opened here: only regular ones, since a pipe or a device may never come to an end, and none
//! that memory can't hold.
//!
//! Used by whatever a manifest, a model or the command line names a file for; [`replace`] is how one is written.

use std::fs::{File, FileType, Metadata, OpenOptions};
use std::io::{self, Read, Write};
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

/// Writes a file as a whole: who looks sees the old one or the new one. A link that lies there is replaced and not followed,
/// since a run's folder may come from somebody else; folders, pipes and devices are refused.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    match std::fs::symlink_metadata(path) {
        Ok(found) if !found.file_type().is_symlink() => refuse(found.file_type())?,
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    // As any new file: who may read it is the umask's affair.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.prefix(".gpujobs-").tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn links_are_replaced_and_pipes_refused() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("other"), "other").unwrap();
        std::os::unix::fs::symlink(at("other"), at("link")).unwrap();
        replace(&at("link"), b"new").unwrap();
        assert_eq!(std::fs::read_to_string(at("other")).unwrap(), "other");
        assert_eq!(std::fs::read_to_string(at("link")).unwrap(), "new");
        replace(&at("link"), b"newer").unwrap();
        assert_eq!(std::fs::read_to_string(at("link")).unwrap(), "newer");
        nix::unistd::mkfifo(&at("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert!(replace(&at("pipe"), b"x").unwrap_err().to_string().contains("a named pipe"));
        assert!(replace(folder.path(), b"x").unwrap_err().to_string().contains("a folder"));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3, "a temporary file was left");
    }
}
