//! How gpujobs ends: every error comes together here, and this is the one place that decides the exit code.

use std::process::ExitCode;

use miette::Diagnostic;

use crate::commands::init::InitError;
use crate::graph::GraphError;
use crate::manifest::ManifestErrors;
use crate::plan::JobId;
use crate::plan::select::FilterError;
use crate::record::RecordError;
use crate::render::RenderError;
use crate::render::page::PageError;
use crate::report::export::ExportError;
use crate::run::Outcome;
use crate::setup::SetupError;
use crate::store::fetch_error::FetchError;
use crate::store::hub::HubError;
use crate::store::model_files::MissingFile;

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum Error {
    /// A manifest is faulty.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Manifest(#[from] ManifestErrors),
    /// `--filter` is faulty.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Filter(#[from] FilterError),
    /// A template is faulty.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Render(#[from] RenderError),
    /// A job can't be rendered.
    #[error("{job}: {source}")]
    Page {
        /// The job.
        job: String,
        /// Why.
        source: PageError,
    },
    /// The run folder can't be written or read.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Record(#[from] RecordError),
    /// No starter manifest can be written.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Init(#[from] InitError),
    /// What is missing can't be installed.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Setup(#[from] SetupError),
    /// A model can't be had.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Fetch(#[from] FetchError),
    /// A run can't be written in a format.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Export(#[from] ExportError),
    /// There is no hub to ask.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Hub(#[from] HubError),
    /// An argument is faulty.
    #[error("{message}")]
    #[diagnostic(help("{help}"))]
    Usage {
        /// What is wrong.
        message: String,
        /// The remedy.
        help: String,
    },
    /// The machine does not let gpujobs work.
    #[error("{message}")]
    #[diagnostic(help("{help}"))]
    Environment {
        /// What is wrong.
        message: String,
        /// The remedy.
        help: String,
    },
    /// stdout, a file or a socket failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// How a command ended, as the shell sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All well.
    Success,
    /// A job failed, or a result was wrong.
    Failure,
    /// Bad arguments, manifest or template.
    Usage,
    /// No browser, no driver, nothing could start.
    Environment,
    /// Interrupted; what was measured is kept.
    Interrupted,
}

impl Exit {
    /// The documented code.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Failure => 1,
            Self::Usage => 2,
            Self::Environment => 3,
            Self::Interrupted => 130,
        }
    }

    /// The worse of two: a failure of jobs says more than a missing browser.
    #[must_use]
    pub fn worse(self, other: Self) -> Self {
        match (self, other) {
            (Self::Failure, _) | (_, Self::Failure) => Self::Failure,
            (Self::Success, exit) => exit,
            (worst, _) => worst,
        }
    }
}

impl From<Outcome> for Exit {
    fn from(outcome: Outcome) -> Self {
        if outcome.interrupted {
            Self::Interrupted
        } else if outcome.failed > 0 {
            Self::Failure
        } else if outcome.skipped > 0 {
            Self::Environment
        } else {
            Self::Success
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

impl Error {
    /// Why a job has no page: a faulty template or manifest, or a model that is not on this machine.
    #[must_use]
    pub fn of_page(job: &JobId, source: PageError) -> Self {
        match source {
            PageError::Render(error) => Self::Render(error),
            PageError::Graph(GraphError::Faulty { file, .. }) => Self::Manifest(ManifestErrors(vec![*file])),
            PageError::Missing(MissingFile { model, message, remedy }) => {
                Self::Environment { message: format!("model `{model}`: {message}"), help: remedy }
            }
            source => Self::Page { job: job.to_string(), source },
        }
    }

    /// The exit that this error means.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Manifest(_)
            | Self::Filter(_)
            | Self::Render(_)
            | Self::Page { .. }
            | Self::Usage { .. }
            | Self::Export(_)
            | Self::Init(InitError::Name(_) | InitError::Exists(_))
            | Self::Setup(SetupError::UnknownName { .. })
            | Self::Fetch(FetchError::Id(_))
            | Self::Record(RecordError::NotTheRun { .. } | RecordError::Merge { .. }) => Exit::Usage,
            // The reader of a pipe that has seen enough is no failure.
            Self::Io(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Exit::Success,
            Self::Io(_)
            | Self::Init(InitError::Write { .. })
            | Self::Setup(_)
            | Self::Fetch(_)
            | Self::Hub(_)
            | Self::Record(RecordError::Io { .. } | RecordError::Busy { .. } | RecordError::Changed { .. })
            | Self::Environment { .. } => Exit::Environment,
        }
    }
}
