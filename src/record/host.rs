//! The machine that drives the browsers, as rows and `run.toml` name it.

/// The machine that drives the browsers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// Name and version, for instance `Debian GNU/Linux 12`.
    pub os: String,
    /// Processor and cores, for instance `Intel(R) Xeon(R) (2 cores)`.
    pub cpu: String,
}

impl Host {
    /// This machine.
    #[must_use]
    pub fn of_this_machine() -> Self {
        let system = sysinfo::System::new_with_specifics(
            sysinfo::RefreshKind::nothing().with_cpu(sysinfo::CpuRefreshKind::nothing()),
        );
        let cpus = system.as_ref().map(sysinfo::System::cpus).unwrap_or_default();
        let brand = cpus.first().map(|cpu| cpu.brand().trim().to_owned()).unwrap_or_default();
        Self {
            os: sysinfo::System::long_os_version()
                .unwrap_or_else(|_| std::env::consts::OS.to_owned())
                .trim()
                .to_owned(),
            cpu: format!("{brand} ({} cores)", cpus.len()),
        }
    }
}
