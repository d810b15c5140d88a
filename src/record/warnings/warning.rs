//! The warnings that there are: what each says, and what helps.

use std::fmt;

/// A warning, its figures already as text.
#[derive(Debug, Clone, PartialEq, Eq, strum::VariantNames)]
pub(super) enum Warning {
    SoftwareAdapter,
    UnknownAdapter,
    /// Why the GPU's times do not count.
    ClockDemoted(String),
    NoTimestamps,
    /// How coarse the wall clock is.
    CoarseClock(String),
    /// Why.
    NotVerified(String),
    /// By how much, as a share of the largest element.
    Differs(String),
    /// How many elements, and whether the reference's are so too.
    NotFinite(String, bool),
    /// What did.
    WorkOnCpu(String),
    /// How many bytes in an inference.
    Leak(String),
    /// Which, and how that is known.
    OptionIgnored(String, String),
    /// Which, and why nothing shows it.
    OptionUnseen(String, String),
    /// Why.
    NoProfile(String),
    Hidden,
    /// How many processors.
    BackgroundLoad(String),
    /// After how many warm-ups.
    NotSteady(String),
    /// Percent.
    Droop(String),
    SlowSamples {
        slow: String,
        all: String,
        worst: String,
    },
    TwoModes {
        low: String,
        high: String,
        share: String,
    },
    Precision {
        reached: String,
        asked: String,
    },
    /// After how many samples.
    CutShort(String),
    Uneven,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SoftwareAdapter => f.write_str("software adapter: times are those of a CPU"),
            Self::UnknownAdapter => {
                f.write_str("the browser does not say whether its adapter is a GPU: times may be those of a CPU")
            }
            Self::ClockDemoted(why) | Self::CoarseClock(why) => f.write_str(why),
            Self::NoTimestamps => f.write_str("no GPU timestamps: wall time only"),
            Self::NotVerified(why) => write!(f, "output not verified: {why}"),
            Self::Differs(share) => {
                write!(f, "outputs differ from one inference to the next, by up to {share} of the largest element")
            }
            Self::NotFinite(count, true) => {
                write!(f, "{count} elements of the output are NaN or infinite, as the reference's are")
            }
            Self::NotFinite(count, false) => write!(f, "{count} elements of the output are NaN or infinite"),
            Self::WorkOnCpu(work) => write!(f, "part of the model ran on the CPU: {work}"),
            Self::Leak(bytes) => {
                write!(
                    f,
                    "GPU memory grows by {bytes} bytes an inference: buffers or textures are made and not let go of"
                )
            }
            Self::OptionIgnored(option, why) => write!(f, "the session option {option} was ignored: {why}"),
            Self::OptionUnseen(option, why) => {
                write!(f, "nothing shows that the session option {option} took effect: {why}")
            }
            Self::NoProfile(why) => write!(f, "no profile: {why}"),
            Self::Hidden => f.write_str("the page was hidden for some samples"),
            Self::BackgroundLoad(busy) => write!(f, "background load: other programs kept {busy} processors busy"),
            Self::NotSteady(warmups) => write!(f, "not steady after {warmups} warm-ups"),
            Self::Droop(percent) => {
                write!(f, "the last samples took {percent} % longer than the first: clock droop, heat or load")
            }
            Self::SlowSamples { slow, all, worst } => {
                write!(f, "{slow} of {all} samples were slow, up to {worst} times the median")
            }
            Self::TwoModes { low, high, share } => {
                write!(f, "two modes: {low} ms and {high} ms, {share} % of the samples in the second")
            }
            Self::Precision { reached, asked } => write!(f, "precision not reached: ±{reached} % of ±{asked} %"),
            Self::CutShort(taken) => {
                write!(f, "`timeout` ended the sampling after {taken} samples: raise it, or lower `samples`")
            }
            Self::Uneven => f.write_str("samples of this group's jobs hold different numbers of inferences"),
        }
    }
}

impl Warning {
    /// What a reader can do about it, or need not.
    fn remedy(&self) -> &'static str {
        match self {
            Self::SoftwareAdapter => "run where there is a GPU; `gpujobs verify` names what is missing",
            Self::UnknownAdapter => {
                "compare with another browser on this machine; `--require-hardware` counts it as no GPU"
            }
            Self::ClockDemoted(_) => {
                "nothing is needed: the GPU columns are empty and wall time counts; in Chromium \
                 `--enable-webgpu-developer-features` ends coarse steps"
            }
            Self::NoTimestamps => "the adapter has no `timestamp-query`; wall time counts",
            Self::CoarseClock(_) => {
                "a larger problem size; the clock is finer where `gpujobs verify` says threads are present"
            }
            Self::NotVerified(_) => {
                "give the op's output as a file: `expect` in the model. For a model of ONNX the warning says why native \
                 onnxruntime does not compute it, and whether what the same job computed in other browsers and \
                 configurations agrees; where it calls the reference the suspect, the times count and the verdict is open"
            }
            Self::Differs(_) => {
                "nothing is needed where sums of floats are made by atomics; otherwise look for a race, though none went \
                 beyond what is allowed"
            }
            Self::NotFinite(..) => "look at the inputs: a sum may be too large for the number format",
            Self::WorkOnCpu(_) => "another dtype or opset of the model; the operators are named",
            Self::Leak(_) => {
                "destroy what an inference has made; what is only forgotten stays until the browser collects it, which it does \
                 not do for want of GPU memory. `gpu_buffers_per_inference` says how many are made"
            }
            Self::OptionIgnored(..) => "the row is that of the session without it; leave the option out",
            Self::OptionUnseen(..) => {
                "compare the row with that of the default session: equal times say that nothing changed"
            }
            Self::NoProfile(_) => "the adapter has no timestamps, or the runtime wrote nothing",
            Self::Hidden => "keep the window in front, or run headless",
            Self::BackgroundLoad(_) => "stop the other programs; GPU times suffer less than wall times",
            Self::NotSteady(_) => "raise `warmup`; look at the `warmup` rows of `samples.csv`",
            Self::Droop(_) => {
                "let the machine cool, fix its clocks; ratios of jobs in one group still hold, since rounds are paired"
            }
            Self::SlowSamples { .. } => "something ran now and then; medians bear it",
            Self::TwoModes { .. } => {
                "the machine was in two states (clocks, cores, caches): fix its clocks, and read `samples.csv` before \
                 believing the median"
            }
            Self::Precision { .. } => {
                "raise `max` of `samples`, or accept the interval that the row shows; `precision` is asked of the samples, \
                 the row's interval has the spread between instances as well"
            }
            Self::CutShort(_) => "raise `timeout`, or lower `samples`",
            Self::Uneven => "compare such unlike jobs by `latency = true`, or in manifests of their own",
        }
    }
}

/// Each warning as it reads, with letters for its figures, and what helps.
pub(super) fn all() -> Vec<(String, &'static str)> {
    let n = || "N".to_owned();
    let dots = || "…".to_owned();
    let demoted =
        "GPU timestamps that do not advance, step too far, drift, or disagree with the wall clock: wall time only";
    let each = [
        Warning::SoftwareAdapter,
        Warning::UnknownAdapter,
        Warning::ClockDemoted(demoted.to_owned()),
        Warning::NoTimestamps,
        Warning::CoarseClock("the wall clock steps by N ms, a sample takes N ms".to_owned()),
        Warning::NotVerified(dots()),
        Warning::Differs(n()),
        Warning::NotFinite(n(), false),
        Warning::WorkOnCpu(dots()),
        Warning::Leak(n()),
        Warning::OptionIgnored("`…` = …".to_owned(), dots()),
        Warning::OptionUnseen("`…` = …".to_owned(), dots()),
        Warning::NoProfile(dots()),
        Warning::Hidden,
        Warning::BackgroundLoad(n()),
        Warning::NotSteady(n()),
        Warning::Droop(n()),
        Warning::SlowSamples { slow: n(), all: n(), worst: n() },
        Warning::TwoModes { low: n(), high: n(), share: n() },
        Warning::Precision { reached: n(), asked: n() },
        Warning::CutShort(n()),
        Warning::Uneven,
    ];
    each.iter().map(|warning| (warning.to_string(), warning.remedy())).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use strum::VariantNames;

    use super::*;

    #[test]
    fn each_warning_is_listed_once() {
        let all = all();
        assert_eq!(all.len(), Warning::VARIANTS.len());
        assert_eq!(all.iter().map(|(says, _)| says).collect::<HashSet<_>>().len(), all.len());
    }
}
