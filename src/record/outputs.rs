//! Outputs are what a job's model computed, as it was checked: a file of little-endian values for each, in a folder of the
//! run folder that is named like the job; the ending is their type.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::RecordError;
use crate::harness::executor::PostedOutput;
use crate::render::page::short_digest;

/// Bytes of a name in a path: file systems take 255, and a suffix follows.
const LONGEST: usize = 200;

/// Writes a job's outputs as `outputs/JOB/NAME.f32` (or `.i32`, `.u32`) under `run_folder`, in place of what an earlier try left there.
///
/// JOB and NAME are the job's id and the tensor's name; what could lead out of the folder, or is not in the portable file
/// name character set of POSIX with `@`, `=`, `+` and `,`, stands as `%` and two hexadecimal digits a byte.
pub(super) fn write(run_folder: &Path, job_id: &str, outputs: &[PostedOutput]) -> Result<(), RecordError> {
    if outputs.is_empty() {
        return Ok(());
    }
    let mut folder = run_folder.join("outputs");
    folder.extend(job_id.split('/').map(|part| PathBuf::from(file_name(part))));
    fs::create_dir_all(&folder).map_err(RecordError::io("create", &folder))?;
    for output in outputs {
        let path = folder.join(format!("{}.{}", file_name(&output.name), output.element));
        let bytes = output.element.bytes(&output.values);
        fs::write(&path, bytes).map_err(RecordError::io("write", &path))?;
    }
    Ok(())
}

/// A name for a file, another one for each text up to [`LONGEST`] bytes; of a longer one a digest stands for the end.
fn file_name(text: &str) -> String {
    let plain =
        |at: usize, byte: u8| byte.is_ascii_alphanumeric() || b"_-@=+,".contains(&byte) || (byte == b'.' && at > 0);
    let name: String = text
        .bytes()
        .enumerate()
        .map(|(at, byte)| if plain(at, byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect();
    match name.len() {
        0 => "%".to_owned(),
        1..=LONGEST => name,
        _ => format!("{}%{}", &name[..LONGEST], short_digest(Sha256::new_with_prefix(text))),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::graph::{Element, Values};

    #[test]
    fn outputs_lie_under_their_job_and_nowhere_else() {
        let folder = tempfile::tempdir().unwrap();
        let output_of = |name: &str| PostedOutput {
            name: name.to_owned(),
            element: Element::F32,
            values: Arc::new(Values::Floats(vec![1.0, -2.5])),
        };
        let long = "n".repeat(1000);
        let names = ["y", "x@blocks.0", "../../y", "a/b", "a_b", "", "..", "ü", &long, &format!("{long}n")];
        let outputs: Vec<PostedOutput> = names.into_iter().map(output_of).collect();
        write(folder.path(), "chrome/../m 1/axis_u=0.5", &outputs).unwrap();
        let job = folder.path().join("outputs/chrome/%2E./m%201/axis_u=0.5");
        let mut found: Vec<String> =
            fs::read_dir(&job).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        found.sort();
        let short: Vec<&str> = found.iter().map(String::as_str).filter(|name| name.len() < 50).collect();
        let expected =
            ["%.f32", "%2E.%2F..%2Fy.f32", "%2E..f32", "%C3%BC.f32", "a%2Fb.f32", "a_b.f32", "x@blocks.0.f32", "y.f32"];
        assert_eq!((found.len(), short), (names.len(), expected.to_vec()));
        assert_eq!(fs::read(job.join("y.f32")).unwrap(), [1.0_f32.to_le_bytes(), (-2.5_f32).to_le_bytes()].concat());
        let only: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(only, ["outputs"]);
    }

    #[test]
    fn no_outputs_no_folder() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "chrome/m", &[]).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
