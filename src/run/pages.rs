//! A page maker renders the pages of a run one after the other and numbers them.
//!
//! Made by the dispatcher; `member` asks it for a page each time a job is made ready.

use super::event::JobReport;
use crate::manifest::{Backend, Manifest};
use crate::render::page::{Page, PageError, PageRequest};

/// What makes the pages of a run.
pub(super) struct PageMaker<'a, 'run, Render> {
    pub(super) manifest: &'run Manifest,
    pub(super) render: &'a mut Render,
    /// How many were asked for, here and by earlier plans in the same browsers; the next one has the next number.
    pub(super) count: &'a mut u64,
}

impl<Render> PageMaker<'_, '_, Render>
where
    Render: FnMut(&PageRequest<'_>) -> Result<Page, PageError>,
{
    /// A page of the report's job on a backend, for the session that the job has.
    pub(super) fn make(&mut self, report: &JobReport, backend: Backend) -> Result<Page, PageError> {
        *self.count += 1;
        let request = PageRequest { number: *self.count, backend, ..PageRequest::new(self.manifest, &report.job) };
        match &report.session {
            Some(session) => (self.render)(&PageRequest { adapter_hint: &session.adapter_hint, ..request }),
            None => (self.render)(&request),
        }
    }
}
