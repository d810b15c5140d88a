//! Reading a TOML file into its as-written type, with every error of the file at once.
//!
//! serde stops at its first error. Here the value that caused it is noted and taken out of the parsed tree, and
//! the rest is read again until nothing complains; spans stay those of the file. Used for manifests and models,
//! whose as-written types therefore have no required field: `check` asks for what is missing.

use std::ops::Range;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::problem::{MOST_SHOWN, Problem};
use super::wording;

/// Reads `text` as `T`. Everything that can be read is in the returned value; everything else is a problem.
#[must_use]
pub fn read<T: DeserializeOwned + Default>(text: &str) -> (T, Vec<Problem>) {
    let (mut root, syntax) = DeTable::parse_recoverable(text);
    let mut problems = wording::syntax(&syntax, text);
    if !problems.is_empty() {
        return (T::default(), problems);
    }
    loop {
        let error = match T::deserialize(toml::de::Deserializer::from(root.clone())) {
            Ok(value) => return (value, problems),
            Err(error) => error,
        };
        let span = error.span().unwrap_or(0..0);
        problems.push(wording::problem(&error, text));
        // Each error costs another reading of the whole file, and no more are shown.
        if problems.len() > MOST_SHOWN {
            return (T::default(), problems);
        }
        if !take_out_of_table(root.get_mut(), &span) {
            return (T::default(), problems);
        }
    }
}

/// Removes the smallest entry whose key or value covers `span`; false when there is none.
fn take_out_of_table(table: &mut DeTable<'_>, span: &Range<usize>) -> bool {
    let covering = table.iter().find(|(key, value)| covers(&key.span(), span) || covers(&value.span(), span));
    let Some(name) = covering.map(|(key, _)| key.clone()) else {
        // A table under a dotted or repeated header spans less than its entries.
        return table.iter_mut().any(|(_, value)| take_out_of_value(value, span));
    };
    if let Some(value) = table.get_mut(&name)
        && take_out_of_value(value, span)
    {
        return true;
    }
    table.remove(&name).is_some()
}

fn take_out_of_value(value: &mut Spanned<DeValue<'_>>, span: &Range<usize>) -> bool {
    match value.get_mut() {
        DeValue::Table(table) => take_out_of_table(table, span),
        // An element of an array of tables can lose an entry; a plain list is one value and goes as a whole.
        DeValue::Array(array) => array_of_tables(array, span),
        _ => false,
    }
}

fn array_of_tables(array: &mut DeArray<'_>, span: &Range<usize>) -> bool {
    array.iter_mut().any(|value| matches!(value.get_ref(), DeValue::Table(_)) && take_out_of_value(value, span))
}

fn covers(outer: &Range<usize>, inner: &Range<usize>) -> bool {
    outer.start <= inner.start && inner.end <= outer.end && !outer.is_empty()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize, Default, Debug)]
    #[serde(deny_unknown_fields, default)]
    struct File {
        name: Option<Spanned<String>>,
        inner: Inner,
        entry: Vec<Inner>,
    }

    #[derive(Deserialize, Default, Debug)]
    #[serde(deny_unknown_fields, default)]
    struct Inner {
        size: Option<Spanned<u32>>,
    }

    #[test]
    fn all_errors_are_found_and_the_rest_is_read() {
        let text = "nam = 1\n[inner]\nsize = 'x'\nother = 2\n[[entry]]\nsize = 7\n[[entry]]\nsize = -1\nsise = 3\n";
        let (file, problems) = read::<File>(text);
        let seen: Vec<&str> =
            problems.iter().map(|p| text.get(p.span.clone().unwrap_or_default()).unwrap_or("")).collect();
        assert_eq!(seen.len(), 5, "{problems:#?}");
        for expected in ["nam", "'x'", "other", "-1", "sise"] {
            assert!(seen.contains(&expected), "{expected} is not among {seen:?}");
        }
        assert!(file.name.is_none() && file.inner.size.is_none());
        assert_eq!(file.entry.len(), 2);
        assert_eq!(file.entry[0].size.as_ref().map(|size| *size.get_ref()), Some(7));
    }

    #[test]
    fn of_very_many_errors_the_first_are_found() {
        let text = (0..20_000).map(|number| format!("key{number} = 1")).collect::<Vec<_>>().join("\n") + "\n";
        let (_, problems) = read::<File>(&text);
        assert_eq!(problems.len(), MOST_SHOWN + 1);
    }

    #[test]
    fn every_syntax_error_is_a_problem() {
        let (_, problems) = read::<File>("name = \n[inner\nsize = 3\n");
        assert!(problems.len() >= 2, "{problems:#?}");
    }
}
