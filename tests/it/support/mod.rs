//! What tests are written with.

pub(crate) mod fake_driver;
