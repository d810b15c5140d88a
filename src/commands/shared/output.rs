//! Files that `--output` names: each is there whole or not at all, in place of what was there; a link is replaced, not followed.

use std::path::Path;

use crate::error::Error;
use crate::user_file;

/// Writes the file.
pub(in crate::commands) fn write(path: &Path, bytes: impl AsRef<[u8]>) -> Result<(), Error> {
    user_file::replace(path, bytes.as_ref()).map_err(|error| cant("write", path, &error))
}

/// Makes the folder where it is missing.
pub(in crate::commands) fn folder(path: &Path) -> Result<(), Error> {
    std::fs::create_dir_all(path).map_err(|error| cant("make", path, &error))
}

fn cant(doing: &str, path: &Path, error: &std::io::Error) -> Error {
    Error::Environment {
        message: format!("can't {doing} {}: {error}", path.display()),
        help: "name a place in a folder that you may write to with --output FILE".to_owned(),
    }
}
