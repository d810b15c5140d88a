//! A machine's name, as a manifest or `--machine` gives it: it stands in every row, and tells machines apart that are alike.

/// Characters that a name may have.
const LONGEST: usize = 100;

/// Why a text can't name a machine.
pub fn check(name: &str) -> Result<(), String> {
    let length = name.chars().count();
    if name.trim().is_empty() || length > LONGEST {
        return Err(format!("expected 1 to {LONGEST} characters, found {length}"));
    }
    if name.trim() != name || name.chars().any(char::is_control) {
        return Err("expected one line without spaces around it".to_owned());
    }
    Ok(())
}
