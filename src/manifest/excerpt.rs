//! An excerpt is what an error shows of a file: the lines around its place or, of a line that is too long to be read, the
//! letters around it. A file that a program wrote may have all in one line, which each of its errors would repeat.
//!
//! Made by `problem` of each faulty file.

use std::ops::Range;

use miette::{MietteError, MietteSpanContents, NamedSource, SourceCode, SourceSpan, SpanContents};

use crate::webdriver::masked_logins;

/// Bytes of lines that are shown whole.
const LONGEST: usize = 1000;
/// Bytes on either side of a place in a longer one, and at most of the place itself.
const BESIDE: usize = 100;

/// The text of a file, for drawing.
#[derive(Debug)]
pub(super) struct Excerpt(NamedSource<String>);

impl Excerpt {
    /// Of a file and its text, in which no login is to be read.
    pub(super) fn new(name: String, text: &str) -> Self {
        Self(NamedSource::new(name, masked_logins(text)))
    }

    /// What is marked of a place: all of it, or of a long one its beginning, which lies in one line.
    pub(super) fn marked(&self, span: Range<usize>) -> Range<usize> {
        let text = self.0.inner();
        match text.get(span.clone()) {
            Some(inside) if inside.len() > BESIDE && self.is_long(&span) => {
                let line = inside.find('\n').unwrap_or(inside.len());
                span.start..span.start + inside.floor_char_boundary(BESIDE.min(line))
            }
            _ => span,
        }
    }

    /// Whether the lines of a place are too long to be shown.
    fn is_long(&self, span: &Range<usize>) -> bool {
        let text = self.0.inner();
        let (begin, end) = (line_begin(text, span.start), line_end(text, span.end.max(span.start)));
        end - begin > LONGEST
    }
}

impl SourceCode for Excerpt {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let whole = self.0.read_span(span, before, after)?;
        // Without lines beside it only the place's number is asked for.
        if whole.data().len() <= LONGEST || before + after == 0 {
            return Ok(whole);
        }
        let text = self.0.inner();
        let first = line_begin(text, span.offset());
        let begin = text.floor_char_boundary(span.offset().saturating_sub(BESIDE)).max(first);
        let stop = text.ceil_char_boundary((span.offset() + span.len().min(BESIDE) + BESIDE).min(text.len()));
        let end = line_end(text, span.offset()).min(stop);
        let (line, column) = (text[..first].matches('\n').count(), text[first..begin].chars().count());
        let (name, shown) = (self.0.name().to_owned(), SourceSpan::from(begin..end));
        Ok(Box::new(MietteSpanContents::new_named(name, &text.as_bytes()[begin..end], shown, line, column, 1)))
    }
}

fn line_begin(text: &str, at: usize) -> usize {
    text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1)
}

fn line_end(text: &str, at: usize) -> usize {
    text.get(at..).and_then(|rest| rest.find('\n')).map_or(text.len(), |newline| at + newline)
}

#[cfg(test)]
mod tests {
    use miette::{GraphicalReportHandler, GraphicalTheme};

    use crate::manifest::{ManifestErrors, Model};

    fn drawn(text: &str) -> String {
        let errors = ManifestErrors::from(Model::parse("m", std::path::Path::new("m.toml"), text).unwrap_err());
        let mut drawn = String::new();
        let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor()).with_width(110);
        handler.render_report(&mut drawn, &errors).unwrap();
        drawn
    }

    #[test]
    fn of_a_line_that_is_too_long_an_error_shows_the_letters_around_it() {
        let many = (0..10_000).map(|number| format!("pä{number} = true, ")).collect::<Vec<_>>().concat();
        let drawn = drawn(&format!("family = 'text'\nparams = {{ {many}n = 1 }}\n"));
        assert!(drawn.len() < 200_000, "{} bytes", drawn.len());
        assert!(drawn.contains("[m.toml:2:13]"), "{}", &drawn[..2000]);
        assert!(drawn.contains("pä1 = true"));
    }

    #[test]
    fn of_a_name_that_is_too_long_an_error_shows_the_beginning() {
        let drawn = drawn(&format!("family = 'text'\n{} = 1\n", "a".repeat(1_000_000)));
        assert!(drawn.len() < 20_000, "{} bytes", drawn.len());
    }
}
