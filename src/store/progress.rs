//! Progress is reported by a download as events; the store itself prints nothing.
//!
//! Reported by `fetch` and `download`; shown by `report::fetching`.

/// Something that happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchEvent<'a> {
    /// Another gpujobs is fetching the same model; this one waits for it.
    Waiting {
        /// The model.
        id: &'a str,
    },
    /// So much of a model has to be downloaded; no event where nothing is missing.
    Chosen {
        /// The model.
        id: &'a str,
        /// Files to download.
        files: usize,
        /// Their bytes.
        bytes: u64,
    },
    /// A file is downloaded now.
    Started {
        /// Its place in the model's folder.
        path: &'a str,
        /// Its length.
        bytes: u64,
        /// How much of it was there from an earlier try.
        from: u64,
    },
    /// More of the file came.
    Received {
        /// How much of it is there; less than before where it had to start over.
        at: u64,
    },
    /// The connection broke or the hub failed; it is tried again.
    Retrying {
        /// The file's place in the model's folder.
        path: &'a str,
        /// Why.
        why: &'a str,
    },
    /// The file is there, and right.
    Finished {
        /// Its place in the model's folder.
        path: &'a str,
    },
}

/// What an event is passed to.
pub type OnEvent<'t> = &'t mut dyn FnMut(FetchEvent<'_>);
