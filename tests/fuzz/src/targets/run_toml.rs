//! `run.toml` of a run's folder, and `gpujobs-model.toml` of a model's: what is read is written and read again.

use super::super::{draw, path, write};
use gpujobs::record::run_toml::RunToml;
use gpujobs::store::record::{RECORD, Record};

/// Reads the input as the program does, and panics where what must hold does not.
pub fn check(text: &str) {
    let folder = path("");
    write("run.toml", text.as_bytes());
    match RunToml::read(&folder) {
        Ok(run) => {
            run.write(&folder).expect("what was read can be written");
            let again = RunToml::read(&folder).expect("what was written can be read");
            assert_eq!(format!("{run:?}"), format!("{again:?}"));
        }
        Err(error) => drop(draw(&error)),
    }
    write(RECORD, text.as_bytes());
    if let Some(record) = Record::read(&folder) {
        record.write(&folder).expect("what was read can be written");
        assert_eq!(Record::read(&folder), Some(record));
    }
}
