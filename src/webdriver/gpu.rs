//! Which adapter a browser is asked to offer.
//!
//! Asked for by the runner, used by `capabilities`; what the browser really has is found out by the page.

use std::fs;
use std::path::Path;

use super::os::Os;

/// The kind of adapter that the launch flags aim at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Gpu {
    /// The machine's GPU if one can be seen, else software.
    #[default]
    Auto,
    /// The machine's GPU.
    Hardware,
    /// The browser's software rasteriser.
    Software,
}

impl Gpu {
    /// Settles `Auto`: macOS and Windows always have an adapter of their own, Linux only where a device file stands.
    #[must_use]
    pub fn resolve(self, os: Os) -> Self {
        match self {
            Self::Auto if os == Os::Linux && !machine_has_gpu(Path::new("/")) => Self::Software,
            Self::Auto => Self::Hardware,
            settled => settled,
        }
    }
}

/// Whether a Linux machine whose file system stands under `root` has a GPU that a process may open.
#[must_use]
pub fn machine_has_gpu(root: &Path) -> bool {
    let nvidia = ["dev/nvidia0", "dev/nvidiactl"].iter().any(|file| root.join(file).exists());
    nvidia
        || fs::read_dir(root.join("dev/dri")).is_ok_and(|entries| {
            entries.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with("renderD"))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gpu_is_seen_by_its_device_file() {
        let root = tempfile::tempdir().unwrap();
        assert!(!machine_has_gpu(root.path()));
        fs::create_dir_all(root.path().join("dev/dri")).unwrap();
        fs::write(root.path().join("dev/dri/card0"), "").unwrap();
        assert!(!machine_has_gpu(root.path()), "a display without a render node computes nothing");
        fs::write(root.path().join("dev/dri/renderD128"), "").unwrap();
        assert!(machine_has_gpu(root.path()));

        let nvidia = tempfile::tempdir().unwrap();
        fs::create_dir(nvidia.path().join("dev")).unwrap();
        fs::write(nvidia.path().join("dev/nvidiactl"), "").unwrap();
        assert!(machine_has_gpu(nvidia.path()));
    }

    #[test]
    fn what_was_asked_for_is_kept() {
        assert_eq!(Gpu::Software.resolve(Os::Macos), Gpu::Software);
        assert_eq!(Gpu::Hardware.resolve(Os::Linux), Gpu::Hardware);
        assert_eq!(Gpu::Auto.resolve(Os::Windows), Gpu::Hardware);
    }
}
