//! The work of a job is what it computes, whatever computes it: jobs of the same work compete for the best time.
//!
//! Rows of a run that has just ended and rows that are read back are asked the same questions here; `best` ranks those that
//! did the same work.

use std::collections::HashSet;

use indexmap::IndexMap;

use super::best::{Contender, Rank, by_gpu, ranks};
use crate::render::Templates;

/// What was computed: each axis that may change it, with the job's value.
pub type Work = Vec<(String, String)>;

/// What decides whether a row competes.
#[derive(Debug, Clone, Copy)]
pub struct Standing<'a> {
    /// Whether the job ended well.
    pub ok: bool,
    /// Whether its output was compared with a reference and found right.
    pub verified: bool,
    /// The backend that was asked for.
    pub backend: &'a str,
    /// The backend that it ran on; empty where the row does not say.
    pub backend_used: &'a str,
}

impl Standing<'_> {
    /// Rows compete whose output was verified and that ran on the backend asked for.
    #[must_use]
    pub fn competes(&self) -> bool {
        self.ok && self.verified && !self.elsewhere()
    }

    /// Whether it ran on another backend than the one that was asked for.
    #[must_use]
    pub fn elsewhere(&self) -> bool {
        !self.backend_used.is_empty() && self.backend_used != self.backend
    }
}

/// Rows that did the same work.
#[derive(Debug, Clone)]
pub struct Group {
    /// What they did.
    pub work: Work,
    /// The places of the rows.
    pub rows: Vec<usize>,
    /// Their times, in the same order.
    pub contenders: Vec<Contender>,
    /// Their ranks, in the same order.
    pub ranks: Vec<Option<Rank>>,
    /// The clock of those ranks: the GPU's where all of them have it, else the wall's.
    pub by_gpu: bool,
}

/// Knows which axes of a user's own change how a kernel computes, and not what.
#[derive(Debug, Default)]
pub struct WorkRule {
    of_kernels: HashSet<String>,
}

impl WorkRule {
    /// By the parameters of the kernels that come with gpujobs.
    #[must_use]
    pub fn built_in() -> Self {
        let templates = Templates::new(None, None).ok();
        let kernels = templates.iter().flat_map(|templates| templates.kernels().kernels.values());
        Self { of_kernels: kernels.flat_map(|kernel| kernel.parameters.keys()).cloned().collect() }
    }

    /// The work of a job: the model, the number format, how much is computed at once or token by token, and any axis of the
    /// user's that may change it. Those of `custom` that are named like a parameter of a kernel change only how it is done,
    /// unless the model has one of that name. `value` is what the job has on an axis.
    pub fn work<'a>(
        &self,
        custom: impl Iterator<Item = &'a str>,
        is_param: impl Fn(&str) -> bool,
        value: impl Fn(&str) -> String,
    ) -> Work {
        let own = custom.filter(|name| !self.of_kernels.contains(*name) || is_param(name));
        let axes = ["model", "dtype", "batch", "prompt_tokens", "new_tokens"].into_iter().chain(own);
        axes.map(|axis| (axis.to_owned(), value(axis))).collect()
    }
}

/// The groups of rows that did the same work, in the order of their first rows; `None` stands for one that does not compete.
pub fn groups(rows: impl Iterator<Item = Option<(Work, Contender)>>) -> Vec<Group> {
    let mut works: IndexMap<Work, (Vec<usize>, Vec<Contender>)> = IndexMap::new();
    for (place, (work, contender)) in rows.enumerate().filter_map(|(place, row)| Some((place, row?))) {
        let (places, contenders) = works.entry(work).or_default();
        places.push(place);
        contenders.push(contender);
    }
    let group = |(work, (rows, contenders)): (Work, (Vec<usize>, Vec<Contender>))| Group {
        work,
        rows,
        ranks: ranks(&contenders),
        by_gpu: by_gpu(&contenders),
        contenders,
    };
    works.into_iter().map(group).collect()
}

#[cfg(test)]
mod tests {
    use super::super::best::Time;
    use super::*;

    fn row(work: &str, wall: f64) -> (Work, Contender) {
        let time = Time { median: wall, interval: Some((wall, wall)) };
        (vec![("model".to_owned(), work.to_owned())], Contender { gpu: None, wall: Some(time) })
    }

    #[test]
    fn rows_are_ranked_among_those_of_their_work() {
        let groups = groups([Some(row("a", 2.0)), None, Some(row("b", 1.0)), Some(row("a", 1.0))].into_iter());
        assert_eq!(groups.iter().map(|group| group.rows.clone()).collect::<Vec<_>>(), [vec![0, 3], vec![2]]);
        assert_eq!(groups[0].ranks, [None, Some(Rank::Best)]);
        assert_eq!(groups[1].ranks, [None], "nobody to win against");
    }

    #[test]
    fn parameters_of_kernels_are_no_work_unless_the_model_has_them() {
        let rule = WorkRule { of_kernels: HashSet::from(["unroll".to_owned()]) };
        let axes = |is_param: bool| {
            let work = rule.work(["unroll", "rows"].into_iter(), |_| is_param, |axis| format!("{axis}'s"));
            work.into_iter().skip(5).map(|(axis, _)| axis).collect::<Vec<_>>()
        };
        assert_eq!(axes(false), ["rows"]);
        assert_eq!(axes(true), ["unroll", "rows"]);
        assert!(WorkRule::built_in().of_kernels.contains("unroll"));
    }

    #[test]
    fn who_ran_elsewhere_does_not_compete() {
        let good = Standing { ok: true, verified: true, backend: "webgpu", backend_used: "webgpu" };
        assert!(good.competes() && Standing { backend_used: "", ..good }.competes());
        let others = [Standing { ok: false, ..good }, Standing { verified: false, ..good }];
        assert!(!others.iter().any(Standing::competes));
        let fallen_back = Standing { backend_used: "wasm", ..good };
        assert!(fallen_back.elsewhere() && !fallen_back.competes());
    }
}
