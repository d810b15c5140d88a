//! What is installed on this machine for each browser, and what would install the rest.
//!
//! `survey` looks, `packages` knows the names that package managers have for each part, `install` runs what they say.
//! `archives` unpacks those parts that come from elsewhere; `models` brings models that registries carry.
//! Used by `gpujobs doctor`, which shows a [`Survey`], and `gpujobs setup`, which closes its gaps.

pub mod archives;
pub mod install;
pub mod models;
pub mod packages;
pub mod runtimes;
pub mod survey;

pub use install::SetupError;
pub use packages::{InstallCommand, InstallPlan, Platform, commands};
pub use survey::{Survey, survey};

use strum::IntoEnumIterator;

use crate::registry::Registry;
use crate::webdriver::products::Product;
use crate::webdriver::{BrowserKind, Os};

/// A thing that a browser needs to run under gpujobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Component {
    /// The browser's program.
    Browser(BrowserKind),
    /// Its driver's program, of a matching version.
    Driver(BrowserKind),
    /// Mesa's lavapipe, for browsers without a software adapter of their own.
    SoftwareVulkan,
    /// A display, for browsers without a headless mode.
    Xvfb,
    /// npm, which installs the libraries.
    Npm,
    /// pip, which downloads programs that come as Python packages.
    Pip,
    /// transformers.js and onnxruntime-web, which run ONNX models in the pages, and native onnxruntime, which checks them.
    Libraries,
}

impl Component {
    /// What a user calls it.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Browser(kind) => format!("the browser of `{kind}`"),
            Self::Driver(kind) => format!("the driver of `{kind}`"),
            Self::SoftwareVulkan => {
                format!("a software Vulkan driver for {} (lavapipe)", titles(|product| product.needs_software_vulkan))
            }
            Self::Xvfb => format!("a display for {} (Xvfb)", titles(|product| product.needs_display)),
            Self::Npm => "npm, which comes with Node.js".to_owned(),
            Self::Pip => "pip, which comes with Python".to_owned(),
            Self::Libraries => format!("`{LIBRARIES}`: transformers.js, onnxruntime-web and native onnxruntime"),
        }
    }
}

/// What `gpujobs setup` calls the libraries that run ONNX models.
pub const LIBRARIES: &str = "libraries";

/// The browsers that a system can have from its package manager without more ado; the default of `gpujobs setup`.
#[must_use]
pub fn usual_browsers(os: Os) -> Vec<BrowserKind> {
    BrowserKind::iter().filter(|kind| kind.product().usual_on.contains(&os)).collect()
}

/// What a browser needs on a system with or without a GPU.
#[must_use]
pub fn parts(kind: BrowserKind, os: Os, gpu: bool) -> Vec<Component> {
    let product = kind.product();
    let mut parts: Vec<Component> = archives::registries(product)
        .map(|registry| match registry {
            Registry::Npm => Component::Npm,
            Registry::PyPi => Component::Pip,
        })
        .collect();
    parts.extend([Component::Browser(kind), Component::Driver(kind)]);
    if os == Os::Linux && product.needs_software_vulkan && !gpu {
        parts.push(Component::SoftwareVulkan);
    }
    if os == Os::Linux && product.needs_display {
        parts.push(Component::Xvfb);
    }
    parts
}

/// What users call the products that need a part.
fn titles(needs: impl Fn(&Product) -> bool) -> String {
    let products = BrowserKind::iter().map(BrowserKind::product).filter(|product| needs(product));
    products.map(|product| product.title).collect::<Vec<_>>().join(" and ")
}
