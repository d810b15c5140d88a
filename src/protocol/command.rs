//! Commands of the runner to a page.

use serde::Serialize;

use super::event::SampleKind;

/// A command; it is about the job of that number.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[cfg_attr(test, ts(rename = "Command"))]
#[serde(tag = "do", rename_all = "lowercase")]
pub enum PageCommand {
    /// Says which adapter a job would get.
    Probe {
        /// The job's `power_preference`; null where it has none.
        #[serde(rename = "powerPreference")]
        #[cfg_attr(test, ts(type = "\"high-performance\" | \"low-power\" | null"))]
        power_preference: Option<String>,
    },
    /// Loads a job, runs it once, and has its output checked.
    Prepare {
        /// The job.
        job: u64,
        /// Its module.
        module: String,
        /// The document that it runs in; null for the page itself.
        frame: Option<String>,
        /// Where what it computed is posted.
        tensors: String,
        /// Where the outputs of an inference are posted that differ from what was checked.
        outputs: String,
        /// What it shows when it posts.
        key: String,
    },
    /// Finds out how many inferences make a sample long enough.
    Pilot {
        /// The job.
        job: u64,
    },
    /// Takes samples, in this order.
    Measure {
        /// The job.
        job: u64,
        /// How many of which.
        asks: Vec<Ask>,
    },
    /// Takes the time of each kernel.
    Profile {
        /// The job.
        job: u64,
    },
    /// Says what the job's document holds of the JS heap.
    Weigh {
        /// The job.
        job: u64,
    },
    /// Lets go of everything that the job holds.
    Dispose {
        /// The job.
        job: u64,
    },
}

/// Samples to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Ask {
    /// What they count for.
    pub kind: SampleKind,
    /// How many samples.
    pub count: u32,
    /// Inferences in each, in one submission.
    pub iterations: u32,
}
