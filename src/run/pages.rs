//! A page maker renders the pages of a run one after the other and numbers them.
//!
//! Made by the dispatcher; `member` asks it for a page each time a job is made ready.

use std::cell::{Cell, RefCell};

use super::event::JobReport;
use crate::manifest::{Backend, Manifest};
use crate::render::page::{Page, PageError, PageRequest};

/// What makes the pages of a run.
pub(super) struct PageMaker<'a, 'run, Render> {
    pub(super) manifest: &'run Manifest,
    pub(super) render: &'a RefCell<Render>,
    /// How many were asked for, here and by earlier plans in the same browsers; the next one has the next number.
    pub(super) count: &'a Cell<u64>,
}

impl<Render> PageMaker<'_, '_, Render>
where
    Render: FnMut(&PageRequest<'_>) -> Result<Page, PageError>,
{
    /// A page of the report's job on a backend, for the session that the job has.
    pub(super) fn make(&self, report: &JobReport, backend: Backend) -> Result<Page, PageError> {
        let number = self.count.get() + 1;
        self.count.set(number);
        let request = PageRequest { number, backend, ..PageRequest::new(self.manifest, &report.job) };
        let mut render = self.render.borrow_mut();
        match &report.session {
            Some(session) => render(&PageRequest { adapter_hint: &session.adapter_hint, ..request }),
            None => render(&request),
        }
    }
}
