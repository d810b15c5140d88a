//! The target of a rendering: which compiler will read the WGSL, what adapter will run it, and which configuration each
//! kernel gets for that.
//!
//! Made for each page from the manifest and the open session; used by `wgsl`.

use super::RenderError;
use super::kernels::{Configuration, Kernel, KernelOverride, Kernels};
use crate::graph::JobVars;
use crate::manifest::axes::DEFAULT_SHAPE;
use crate::manifest::compiler::{CompilerSettings, Values, Winner};
use crate::plan::Workgroup;
use crate::protocol::adapter::AdapterKind;
use crate::webdriver::Compiler;

/// What WGSL is rendered for.
#[derive(Debug, Clone)]
pub struct Target<'a> {
    /// What compiles it.
    pub compiler: Compiler,
    /// What runs it.
    pub adapter_hint: &'a AdapterHint,
    /// `[compiler]` of the manifest.
    pub settings: &'a CompilerSettings,
    /// Configurations of some kernels, which go before all else.
    pub overrides: &'a [KernelOverride],
}

/// The adapter of a session, as far as it is known before its first job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdapterHint {
    /// A GPU unless something says otherwise.
    pub kind: AdapterKind,
    /// As the browser names it (vendor, architecture); empty where it names none.
    pub adapter: String,
}

/// That of a session of which nothing is known.
pub(super) static UNKNOWN: AdapterHint = AdapterHint { kind: AdapterKind::Hardware, adapter: String::new() };

impl Default for AdapterHint {
    fn default() -> Self {
        UNKNOWN.clone()
    }
}

impl Target<'_> {
    /// The configurations that a stage may have, the best first: one, unless the workgroup is to be the tuned one, whose
    /// winners of other sizes may not fit this one.
    ///
    /// `size` is what the template calls its size.
    pub(super) fn configurations(
        &self,
        kernels: &Kernels,
        (name, kernel): (&str, &Kernel),
        vars: &JobVars,
        size: &[u64],
    ) -> Result<Vec<Configuration>, RenderError> {
        if let Some(found) = self.overrides.iter().find(|found| found.kernel == name && found.size == size) {
            return Ok(vec![found.configuration.clone()]);
        }
        let plain = |workgroup| Configuration { workgroup, values: kernel.defaults() };
        let mut found = Vec::new();
        match vars.workgroup {
            Workgroup::Shape(shape) => found.push(plain(shape)),
            Workgroup::Tuned => {
                for winner in self.nearest(kernels, name, &vars.dtype, size) {
                    let mut configuration = plain(winner.workgroup_size);
                    for (parameter, value) in &winner.parameters {
                        let place = format!("the winner for {name} {:?}", winner.size);
                        kernel.set(&mut configuration.values, parameter, value, &place)?;
                    }
                    found.push(configuration);
                }
                found.push(plain(DEFAULT_SHAPE));
            }
        }
        for configuration in &mut found {
            self.fix(&mut configuration.values, (name, kernel), vars)?;
        }
        Ok(found)
    }

    /// Gives parameters the values that the manifest wants, whatever else says so.
    pub(super) fn fix(
        &self,
        values: &mut Values,
        (name, kernel): (&str, &Kernel),
        vars: &JobVars,
    ) -> Result<(), RenderError> {
        for (_, _, set) in self.settings.set.iter().filter(|(compiler, of, _)| *compiler == self.compiler && of == name)
        {
            for (parameter, value) in set {
                let place = format!("[compiler.{}.{name}]", self.compiler);
                kernel.set(values, parameter, value, &place)?;
            }
        }
        // An axis of one's own with a parameter's name sweeps it.
        for (parameter, value) in vars.custom.iter().filter(|(axis, _)| kernel.parameters.contains_key(*axis)) {
            kernel.set(values, parameter, value, "[axes]")?;
        }
        Ok(())
    }

    /// Winners for this compiler, adapter and kernel, the nearest size first; the manifest's own alone where it has any.
    fn nearest<'a>(&'a self, kernels: &'a Kernels, name: &str, dtype: &str, size: &[u64]) -> Vec<&'a Winner> {
        let fits = |winner: &&Winner| {
            let named = winner.adapter.is_empty()
                || self.adapter_hint.adapter.is_empty()
                || winner.adapter == self.adapter_hint.adapter;
            winner.kernel == name
                && winner.compiler == self.compiler
                && winner.adapter_kind == self.adapter_hint.kind
                && winner.dtype == dtype
                && winner.size.len() == size.len()
                && named
        };
        let mut fitting: Vec<&Winner> = self.settings.winners.iter().filter(fits).collect();
        if fitting.is_empty() {
            fitting = kernels.winners.iter().filter(fits).collect();
        }
        #[expect(clippy::cast_precision_loss, reason = "sizes are small against 2^52, and only compared")]
        let distance = |winner: &Winner| -> f64 {
            winner.size.iter().zip(size).map(|(a, b)| ((*a).max(1) as f64 / (*b).max(1) as f64).ln().abs()).sum()
        };
        fitting.sort_by(|a, b| distance(a).total_cmp(&distance(b)));
        fitting
    }
}
