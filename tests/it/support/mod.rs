//! What tests are written with.

pub(crate) mod fake_driver;
pub(crate) mod traces;
pub(crate) mod workshop;
