//! What is installed on this machine for each browser, and what would install the rest.
//!
//! `survey` looks, `packages` knows the names that package managers have for each part, `install` runs what they say.
//! Used by `gpujobs doctor`, which shows a [`Survey`], and `gpujobs setup`, which closes its gaps.

pub mod install;
pub mod packages;
pub mod survey;

pub use install::SetupError;
pub use packages::{InstallCommand, Manager, Plan, Platform, commands};
pub use survey::{Survey, survey};

use crate::browser::capabilities::Os;
use crate::manifest::BrowserKind;

/// A thing that a browser needs to run under gpujobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// The browser's program.
    Browser(BrowserKind),
    /// Its driver's program, of a matching version.
    Driver(BrowserKind),
    /// Mesa's lavapipe: Firefox has no software adapter of its own.
    SoftwareVulkan,
    /// The display of WebKitGTK, which has no headless mode.
    Xvfb,
    /// npm, which installs the libraries.
    Npm,
    /// transformers.js and onnxruntime-web, which run ONNX models in the pages, and native onnxruntime, which checks them.
    Libraries,
}

impl Part {
    /// What a user calls it.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Browser(kind) => format!("the browser of `{}`", kind.name()),
            Self::Driver(kind) => format!("the driver of `{}`", kind.name()),
            Self::SoftwareVulkan => "a software Vulkan driver for Firefox (lavapipe)".to_owned(),
            Self::Xvfb => "a display for WebKitGTK (Xvfb)".to_owned(),
            Self::Npm => "npm, which comes with Node.js".to_owned(),
            Self::Libraries => format!("`{LIBRARIES}`: transformers.js, onnxruntime-web and native onnxruntime"),
        }
    }
}

/// What `gpujobs setup` calls the libraries that run ONNX models.
pub const LIBRARIES: &str = "libraries";

/// The browsers that a system can have from its package manager without more ado; the default of `gpujobs setup`.
#[must_use]
pub fn usual_browsers(os: Os) -> &'static [BrowserKind] {
    match os {
        Os::Linux => &[BrowserKind::Chrome, BrowserKind::Firefox, BrowserKind::Webkitgtk],
        Os::Macos => &[BrowserKind::Chrome, BrowserKind::Firefox, BrowserKind::Safari],
        Os::Windows => &[BrowserKind::Chrome, BrowserKind::Edge, BrowserKind::Firefox],
    }
}

/// What a browser needs on a system with or without a GPU.
#[must_use]
pub fn parts(kind: BrowserKind, os: Os, gpu: bool) -> Vec<Part> {
    let mut parts = vec![Part::Browser(kind), Part::Driver(kind)];
    match (kind, os) {
        (BrowserKind::Firefox, Os::Linux) if !gpu => parts.push(Part::SoftwareVulkan),
        (BrowserKind::Webkitgtk, Os::Linux) => parts.push(Part::Xvfb),
        _ => {}
    }
    parts
}
