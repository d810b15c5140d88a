//! What was read of the files of models: a sweep uses the same model again and again.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use crate::reference::onnx::{self, OnnxError, Signature};
use crate::user_file;

/// What an ONNX file takes and gives.
pub(in crate::render::page) fn signature_of(path: &Path) -> Result<Arc<Signature>, OnnxError> {
    remembered(&SIGNATURES, path, || onnx::signature(path).map(Arc::new))
}

/// The error of a file that can't be read.
pub(in crate::render::page) fn unreadable(path: &Path) -> impl FnOnce(std::io::Error) -> OnnxError {
    let path = path.to_path_buf();
    move |error| OnnxError::Unreadable { path, message: error.to_string() }
}

/// What was read of files that have not changed since: a sweep uses the same model again and again, and a model may have
/// hundreds of megabytes.
type Remembered<T> = LazyLock<Mutex<HashMap<FileState, T>>>;

/// A file, its length and when it was changed.
type FileState = (PathBuf, u64, Option<SystemTime>);

static DIGESTS: Remembered<[u8; 32]> = LazyLock::new(Mutex::default);
static SIGNATURES: Remembered<Arc<Signature>> = LazyLock::new(Mutex::default);

/// What `read` makes of a file, unless it was read before.
fn remembered<T: Clone>(
    known: &Remembered<T>,
    path: &Path,
    read: impl FnOnce() -> Result<T, OnnxError>,
) -> Result<T, OnnxError> {
    let metadata = user_file::regular(path).map_err(unreadable(path))?;
    let key = (path.to_path_buf(), metadata.len(), metadata.modified().ok());
    if let Some(one) = known.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
        return Ok(one.clone());
    }
    let one = read()?;
    known.lock().unwrap_or_else(PoisonError::into_inner).insert(key, one.clone());
    Ok(one)
}

/// SHA-256 of a file.
pub(in crate::render::page) fn file_digest(path: &Path) -> Result<[u8; 32], OnnxError> {
    remembered(&DIGESTS, path, || {
        let mut hash = Sha256::new();
        let mut file = user_file::open(path).map_err(unreadable(path))?;
        let mut chunk = vec![0; 1 << 20];
        loop {
            match std::io::Read::read(&mut file, &mut chunk).map_err(unreadable(path))? {
                0 => return Ok(hash.finalize().into()),
                count => hash.update(&chunk[..count]),
            }
        }
    })
}
