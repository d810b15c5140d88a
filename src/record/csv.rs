//! CSV files as run folders hold them: RFC 4180, UTF-8, one header row, appended to and synced.

use std::fs::{self, File, Metadata, OpenOptions};
use std::path::{Path, PathBuf};

use super::RecordError;

/// A CSV file that rows are appended to.
#[derive(Debug)]
pub struct CsvTable {
    path: PathBuf,
    writer: csv::Writer<File>,
    /// Bytes that it has.
    length: u64,
}

impl CsvTable {
    /// Makes the file with its header row.
    pub fn create(path: &Path, header: &[String]) -> Result<Self, RecordError> {
        let file =
            OpenOptions::new().write(true).create_new(true).open(path).map_err(RecordError::io("create", path))?;
        let mut table = Self { path: path.to_owned(), writer: writer(file), length: 0 };
        table.add(&[header.to_vec()])?;
        Ok(table)
    }

    /// Opens a file that has this header row.
    pub fn append(path: &Path, header: &[String]) -> Result<Self, RecordError> {
        if !path.exists() {
            return Self::create(path, header);
        }
        let found = csv::Reader::from_path(path).and_then(|mut reader| reader.headers().cloned());
        if !found.is_ok_and(|found| found.iter().eq(header.iter().map(String::as_str))) {
            return Err(RecordError::NotTheRun {
                path: path.to_owned(),
                reason: "has other columns than this version of gpujobs writes".to_owned(),
                help: "start a new run, or take it up with the version that its run.toml names".to_owned(),
            });
        }
        let file = OpenOptions::new().append(true).open(path).map_err(RecordError::io("open", path))?;
        let length = file.metadata().map_err(RecordError::io("read", path))?.len();
        Ok(Self { path: path.to_owned(), writer: writer(file), length })
    }

    /// Appends rows and waits until they are on disk.
    pub fn add(&mut self, rows: &[Vec<String>]) -> Result<(), RecordError> {
        if rows.is_empty() {
            return Ok(());
        }
        self.check()?;
        for row in rows {
            self.writer.write_record(row).map_err(|error| RecordError::io("write", &self.path)(error.into()))?;
        }
        self.writer.flush().map_err(RecordError::io("write", &self.path))?;
        self.writer.get_ref().sync_data().map_err(RecordError::io("sync", &self.path))?;
        let own = self.writer.get_ref().metadata().map_err(RecordError::io("read", &self.path))?;
        self.length = own.len();
        self.check()
    }

    /// Whether the file is still there, as it was written: what was written to one that was removed is lost.
    pub fn check(&self) -> Result<(), RecordError> {
        let changed = |what| Err(RecordError::Changed { path: self.path.clone(), what });
        let own = self.writer.get_ref().metadata().map_err(RecordError::io("read", &self.path))?;
        match fs::symlink_metadata(&self.path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => changed("removed"),
            Err(error) => Err(RecordError::io("read", &self.path)(error)),
            Ok(there) if !is_same(&own, &there) => changed("replaced"),
            Ok(there) if there.len() != self.length => changed("changed"),
            Ok(_) => Ok(()),
        }
    }
}

/// Whether two are of one file.
#[cfg(unix)]
fn is_same(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;

    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// The system holds on to open files.
#[cfg(not(unix))]
fn is_same(_: &Metadata, _: &Metadata) -> bool {
    true
}

/// RFC 4180 ends lines with CRLF; readers on every system take it.
fn writer(file: File) -> csv::Writer<File> {
    csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(file)
}

/// A text that no spreadsheet takes for a formula, on one line. What begins like a formula gets an apostrophe before
/// it (OWASP, "CSV Injection"); control characters become spaces.
#[must_use]
pub fn harmless(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    // One that has an apostrophe already gets another, by which `original` tells the two.
    let inside = line.trim_start_matches('\'').trim_start();
    if inside.starts_with(['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}']) {
        return format!("'{line}");
    }
    line
}

/// The text that [`harmless`] made a cell of, control characters aside.
#[must_use]
pub fn original(cell: &str) -> &str {
    cell.strip_prefix('\'').filter(|text| harmless(text) == cell).unwrap_or(cell)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_made_harmless_and_other_text_is_kept() {
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "  =1", "＝1"] {
            assert!(harmless(formula).starts_with('\''), "{formula:?}");
            assert_eq!(original(&harmless(formula)), formula.replace('\t', " "));
        }
        // What looks like one that was made harmless is told from it.
        for text in ["'=1", "''=1", "' =1", "'a", "'", ""] {
            assert_eq!(original(&harmless(text)), text);
        }
        assert_eq!(harmless("NVIDIA H200, \"a\"\nb"), "NVIDIA H200, \"a\" b");
        assert_eq!(harmless(""), "");
        assert_eq!(original("'quoted'"), "'quoted'");
    }

    /// `/dev/null` takes every write and refuses `fdatasync` (EINVAL).
    #[test]
    #[cfg(target_os = "linux")]
    fn a_row_that_did_not_reach_the_disk_is_an_error() {
        let path = PathBuf::from("/dev/null");
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        let mut table = CsvTable { path, writer: writer(file), length: 0 };
        let error = table.add(&[vec!["row".to_owned()]]).unwrap_err().to_string();
        assert!(error.contains("sync") && error.contains("/dev/null"), "{error}");
    }
}
