//! A workshop is a folder in which a test writes manifests and shaders and runs the real `gpujobs` program.
//!
//! The program's temporary folder lies in it, so that a test sees what a run leaves behind.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::{browser_turn, traces};

/// A folder of a test.
pub(crate) struct Workshop {
    folder: tempfile::TempDir,
}

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A row of a CSV file by column.
pub(crate) type Row = HashMap<String, String>;

impl Ended {
    /// Panics with everything that was printed unless the exit code is this one.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }
}

impl Workshop {
    pub(crate) fn new() -> Self {
        // Short, since sockets in it may have 107 bytes.
        let folder = tempfile::Builder::new().prefix("it").tempdir().unwrap();
        std::fs::create_dir(folder.path().join("tmp")).unwrap();
        Self { folder }
    }

    /// A file or folder in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file, with the folders that it lies in.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// `gpujobs` with these arguments, in this folder, without colour or a terminal's width.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gpujobs"));
        command.args(arguments).current_dir(self.folder.path()).env("TMPDIR", self.path("tmp")).env("COLUMNS", "100");
        command
            .env_remove("NO_COLOR")
            .env_remove("GPUJOBS_WEBDRIVER")
            .env_remove("GPUJOBS_WEBDRIVER_HEADER")
            .env_remove("GPUJOBS_MACHINE")
            .env_remove("CLICOLOR_FORCE");
        command.env("GPUJOBS_MODELS", self.path("store")).env_remove("HF_ENDPOINT").env_remove("HF_TOKEN");
        command.env("GPUJOBS_LIBRARIES", concat!(env!("CARGO_MANIFEST_DIR"), "/node_modules"));
        command.env("GPUJOBS_RUNTIMES", concat!(env!("CARGO_TARGET_TMPDIR"), "/runtimes"));
        // `gpujobs` itself sees to it that nothing is sent; what onnxruntime would write for that is found as a trace.
        command.env_remove("ORT_DISABLE_TELEMETRY");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs `gpujobs` to its end.
    pub(crate) fn gpujobs(&self, arguments: &[&str]) -> Ended {
        ended(self.command(arguments).spawn().unwrap())
    }

    /// Runs a manifest in browsers and makes sure that nothing of them is left.
    pub(crate) fn run(&self, manifest: &str, more: &[&str]) -> Ended {
        let _turn = browser_turn();
        self.write("m.toml", manifest);
        let ended = self.gpujobs(&[&["run", "m.toml", "--out", "out"], more].concat());
        traces::assert_none(self);
        ended
    }

    /// The one run folder.
    pub(crate) fn run_folder(&self) -> PathBuf {
        let folders: Vec<PathBuf> =
            std::fs::read_dir(self.path("out")).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(folders.len(), 1, "{folders:?}");
        folders[0].clone()
    }

    /// The rows of `jobs.csv`.
    pub(crate) fn jobs(&self) -> Vec<Row> {
        rows(&self.run_folder().join("jobs.csv"))
    }

    /// The rows of `samples.csv`.
    pub(crate) fn samples(&self) -> Vec<Row> {
        rows(&self.run_folder().join("samples.csv"))
    }

    /// A column of `jobs.csv`.
    pub(crate) fn column(&self, name: &str) -> Vec<String> {
        self.jobs().into_iter().map(|row| row[name].clone()).collect()
    }

    /// Waits until a file of the run folder holds `text`, while the program runs.
    pub(crate) fn wait_for(&self, child: &mut Child, file: &str, text: &str) {
        let found = || {
            let folder = std::fs::read_dir(self.path("out")).ok()?.next()?.ok()?.path();
            std::fs::read_to_string(folder.join(file)).ok().filter(|found| found.contains(text))
        };
        let begin = Instant::now();
        while found().is_none() {
            assert!(child.try_wait().unwrap().is_none(), "gpujobs ended before {file} held {text:?}");
            assert!(begin.elapsed() < Duration::from_mins(2), "{file} never held {text:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Waits for a program and takes what it printed.
pub(crate) fn ended(child: Child) -> Ended {
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Ended { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// The rows of a CSV file.
pub(crate) fn rows(path: &Path) -> Vec<Row> {
    let mut reader = csv::Reader::from_path(path).unwrap();
    reader.deserialize().map(|row| row.unwrap()).collect()
}

/// Whether a cell holds a positive number.
pub(crate) fn is_positive(cell: &str) -> bool {
    cell.parse::<f64>().is_ok_and(|number| number > 0.0)
}
