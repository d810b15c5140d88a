//! `[compiler]`: files of winners, and parameters of kernels.

use indexmap::IndexMap;
use strum::IntoEnumIterator;

use super::Checker;
use crate::manifest::AxisValue;
use crate::manifest::compiler::{CompilerSettings, Values, winners};
use crate::manifest::problem::Problem;
use crate::manifest::schema::CompilerFile;
use crate::manifest::values::{At, Value};
use crate::user_file;
use crate::webdriver::Compiler;

impl Checker<'_> {
    /// Whether the kernels and their parameters exist is known when they are rendered.
    pub(super) fn compiler(&mut self, file: &CompilerFile) -> CompilerSettings {
        let mut settings = CompilerSettings::default();
        let files = match file.tuned.as_ref().map(|written| (written, written.get())) {
            None => Vec::new(),
            Some((_, Value::List(files))) => files.iter().map(|file| (file.get(), file.span())).collect(),
            Some((written, single)) => vec![(single, written.span())],
        };
        for (file, span) in files {
            let Value::Text(name) = file else {
                self.note(Problem::at(span, format!("{file} is not a file"), "expected the path of a file of winners"));
                continue;
            };
            let path = self.folder.join(name);
            settings.tuned.push(path.clone());
            match user_file::read_to_string(&path) {
                Ok(text) => match winners(&path, &text) {
                    Ok(found) => settings.winners.extend(found),
                    Err(error) => self.models.push(error),
                },
                Err(error) => self.note(
                    Problem::at(span, format!("{} can't be read: {error}", path.display()), "no file of winners")
                        .help("`gpujobs tune MANIFEST` writes one; paths are relative to the manifest"),
                ),
            }
        }
        for (compiler, kernels) in Compiler::iter().zip([&file.tint, &file.naga, &file.webkit]) {
            for (kernel, parameters) in kernels {
                let values = self.parameters(parameters);
                settings.set.push((compiler, kernel.get().clone(), values));
            }
        }
        settings
    }

    fn parameters(&mut self, written: &IndexMap<At<String>, At<Value>>) -> Values {
        let mut values = Values::new();
        for (name, value) in written {
            let known = match value.get() {
                Value::Bool(value) => AxisValue::Bool(*value),
                Value::Int(value) => AxisValue::Int(*value),
                Value::Text(value) => AxisValue::Text(value.clone()),
                found @ (Value::Float(_) | Value::List(_)) => {
                    let message = format!("{found} is not a value of the parameter `{}`", name.get());
                    self.note(Problem::at(value.span(), message, "expected a whole number, a text, `true` or `false`"));
                    continue;
                }
            };
            values.insert(name.get().clone(), known);
        }
        values
    }
}
