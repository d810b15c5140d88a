//! The operating system, as far as launch flags, install places and packages differ.

/// An operating system, as far as launch flags and install places differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Os {
    /// Linux, and every Unix that is not macOS.
    Linux,
    /// macOS.
    Macos,
    /// Windows.
    Windows,
}

impl Os {
    /// The one that gpujobs was compiled for.
    #[must_use]
    pub const fn current() -> Self {
        if cfg!(target_os = "macos") {
            Self::Macos
        } else if cfg!(windows) {
            Self::Windows
        } else {
            Self::Linux
        }
    }

    /// The one that WebDriver names: `linux`, `mac`, `macOS 15`, `windows`, `Windows 11`; Selenium's `ANY` is none.
    #[must_use]
    pub fn of_platform(name: &str) -> Option<Self> {
        let name = name.to_lowercase();
        let begins = |words: &[&str]| words.iter().any(|word| name.starts_with(word));
        match () {
            () if begins(&["linux", "unix", "ubuntu", "debian"]) => Some(Self::Linux),
            () if begins(&["mac", "os x", "darwin"]) => Some(Self::Macos),
            () if begins(&["win"]) => Some(Self::Windows),
            () => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_platform_is_known_by_the_names_that_drivers_and_grids_give_it() {
        for (name, os) in [
            ("linux", Some(Os::Linux)),
            ("LINUX", Some(Os::Linux)),
            ("mac", Some(Os::Macos)),
            ("macOS 15", Some(Os::Macos)),
            ("Windows 11", Some(Os::Windows)),
            ("WIN11", Some(Os::Windows)),
            ("ANY", None),
            ("", None),
        ] {
            assert_eq!(Os::of_platform(name), os, "{name}");
        }
    }
}
