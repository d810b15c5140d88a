//! A source map says which line of which template a place of a rendered text comes from: through loops, includes, parents
//! and macros.
//!
//! It is made only where a fault is to be shown. The templates are then rendered once more with a mark before the first
//! letter of each line and after each tag, where no whitespace control reaches, and the marks are taken out again. Should a
//! template look at its own text, so that marks change what it does, minijinja's spans are taken instead: they know all but
//! the lines of macros, for which they have the calling line.

use std::fmt::Write as _;

use minijinja::{Environment, OutputSpan, OutputSpanKind, Value};

use super::Templates;

/// Around a mark: two of Unicode's noncharacters, which no template holds.
const OPEN: char = '\u{fdd0}';
const CLOSE: char = '\u{fdd1}';

/// A template with what it was rendered with.
#[derive(Debug, Clone, PartialEq)]
pub struct Origin {
    /// Its name, for instance `shaders/linear.wgsl`.
    pub(super) template: String,
    pub(super) context: Value,
}

/// A line of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its name, for instance `shaders/lib/macros.wgsl`.
    pub template: String,
    /// From 1.
    pub line: usize,
}

/// Where a rendered text comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceMap {
    text: String,
    marks: Vec<Mark>,
    templates: Vec<String>,
    /// Whether the lines of macros are known too.
    pub exact: bool,
}

/// From here on the text is from that line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark {
    /// In bytes of the text.
    offset: usize,
    /// Position in [`SourceMap::templates`].
    template: usize,
    line: usize,
}

impl SourceMap {
    /// Of a text that was rendered; `None` if it can't be rendered so once more.
    #[must_use]
    pub fn of(templates: &Templates, origin: &Origin, text: &str) -> Option<Self> {
        let names = templates.names("shaders/");
        let by_marks = marked(templates, &names, origin).filter(|(plain, _)| plain == text);
        let exact = by_marks.is_some();
        let (text, marks) =
            by_marks.or_else(|| spanned(templates, &names, origin)).filter(|(plain, _)| plain == text)?;
        Some(Self { text, marks, templates: names, exact })
    }

    /// Where the letter at a line and a column comes from, both from 1 and the column in units of UTF-16; of column 0 the
    /// line's first letter.
    #[must_use]
    pub fn place(&self, line: usize, column: usize) -> Option<Place> {
        let row = self.text.lines().nth(line.checked_sub(1)?)?;
        let start = row.as_ptr() as usize - self.text.as_ptr() as usize;
        let mut units = 0;
        let reached = row.char_indices().find(|(_, letter)| {
            units += letter.len_utf16();
            if column == 0 { !letter.is_whitespace() } else { units >= column }
        });
        let offset = start + reached.map_or(row.len(), |(at, _)| at);
        let mark = self.marks.iter().rev().find(|mark| mark.offset <= offset)?;
        Some(Place { template: self.templates.get(mark.template)?.clone(), line: mark.line })
    }
}

/// The text and its marks, by rendering templates with marks.
fn marked(templates: &Templates, names: &[String], origin: &Origin) -> Option<(String, Vec<Mark>)> {
    let mut environment: Environment<'static> = templates.environment.clone();
    for (at, name) in names.iter().enumerate() {
        let source = templates.environment.get_template(name).ok()?.source().to_owned();
        // One that can't be read with marks is taken without.
        let _ = environment.add_template_owned(name.clone(), with_marks(&source, at));
    }
    let text = environment.get_template(&origin.template).ok()?.render(origin.context.clone()).ok()?;
    Some(without_marks(&text))
}

/// The text and its marks, by minijinja's spans.
fn spanned(templates: &Templates, names: &[String], origin: &Origin) -> Option<(String, Vec<Mark>)> {
    let template = templates.environment.get_template(&origin.template).ok()?;
    let (text, spans) = template.render_with_spans(origin.context.clone()).ok()?;
    let marks = spans.iter().flat_map(|span: &OutputSpan| {
        let template = names.iter().position(|name| name == span.name()).unwrap_or(usize::MAX);
        let range = span.output_range();
        let first = Mark { offset: range.start, template, line: span.line() };
        let raw = span.kind() == OutputSpanKind::Raw;
        let lines = text[range.clone()].match_indices('\n').filter(move |_| raw).zip(span.line() + 1..);
        let later = lines.map(move |((at, _), line)| Mark { offset: range.start + at + 1, template, line });
        std::iter::once(first).chain(later).collect::<Vec<_>>()
    });
    let marks = marks.collect();
    Some((text, marks))
}

/// A template's source with marks. They stand before letters only, so that what trims whitespace meets the same as before.
fn with_marks(source: &str, template: usize) -> String {
    let mut marked = String::with_capacity(2 * source.len());
    let (mut rest, mut line) = (source, 1);
    loop {
        let start = ["{{", "{%", "{#"].iter().filter_map(|tag| rest.find(tag)).min().unwrap_or(rest.len());
        let (data, tag) = rest.split_at(start);
        mark_data(&mut marked, data, template, &mut line);
        let Some(end) = tag_end(tag) else {
            marked.push_str(tag);
            return marked;
        };
        let (tag, after) = tag.split_at(end);
        // `{{-` trims what stands before it.
        if tag.starts_with("{{") && !tag.starts_with("{{-") {
            mark(&mut marked, template, line);
        }
        marked.push_str(tag);
        line += tag.matches('\n').count();
        rest = after;
        if word(tag) == "raw" {
            // Nothing is a tag up to its end.
            let ends = rest
                .match_indices("{%")
                .find(|(at, _)| tag_end(&rest[*at..]).is_some_and(|end| word(&rest[*at..*at + end]) == "endraw"));
            let (raw, after) = rest.split_at(ends.map_or(rest.len(), |(at, _)| at));
            mark_data(&mut marked, raw, template, &mut line);
            rest = after;
        }
    }
}

/// What stands in a tag, where that is one word.
fn word(tag: &str) -> &str {
    let inside = tag.strip_prefix("{%").and_then(|tag| tag.strip_suffix("%}")).unwrap_or_default();
    inside.trim_matches(|letter: char| letter.is_whitespace() || letter == '-' || letter == '+')
}

/// Bytes of the tag that a text begins with; `None` if it does not end, or there is none.
fn tag_end(text: &str) -> Option<usize> {
    let close = match text.get(..2)? {
        "{#" => return Some(text.find("#}")? + 2),
        "{{" => "}}",
        _ => "%}",
    };
    let (mut depth, mut quote, mut escaped) = (0_usize, None, false);
    for (at, letter) in text.char_indices().skip(2) {
        match (quote, letter) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), letter) if open == letter => quote = None,
            (None, _) if depth == 0 && text[at..].starts_with(close) => return Some(at + 2),
            (None, '"' | '\'') => quote = Some(letter),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

/// Text outside of tags, with a mark before the first letter of each line and of the text itself.
fn mark_data(marked: &mut String, data: &str, template: usize, line: &mut usize) {
    let mut begins = true;
    for letter in data.chars() {
        if begins && !letter.is_whitespace() {
            mark(marked, template, *line);
            begins = false;
        }
        if letter == '\n' {
            *line += 1;
            begins = true;
        }
        marked.push(letter);
    }
}

fn mark(marked: &mut String, template: usize, line: usize) {
    // Writing to a String can't fail.
    let _ = write!(marked, "{OPEN}{template}:{line}{CLOSE}");
}

/// A text without its marks, and these.
fn without_marks(text: &str) -> (String, Vec<Mark>) {
    let (mut plain, mut marks) = (String::with_capacity(text.len()), Vec::new());
    let mut pieces = text.split(OPEN);
    plain.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let Some((number, rest)) = piece.split_once(CLOSE) else { continue };
        if let Some((Ok(template), Ok(line))) =
            number.split_once(':').map(|(template, line)| (template.parse(), line.parse()))
        {
            marks.push(Mark { offset: plain.len(), template, line });
        }
        plain.push_str(rest);
    }
    (plain, marks)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines from which those of a rendering come, by template and number, and whether they are exact.
    fn lines(files: &[(&str, &str)]) -> (Vec<String>, bool) {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let templates = Templates::new(None, Some(folder.path())).unwrap();
        let context = minijinja::context! { n => 2, empty => "" };
        let origin = Origin { template: format!("shaders/{}", files[0].0), context: context.clone() };
        let text = templates.render(&origin.template, context).unwrap();
        let map = SourceMap::of(&templates, &origin, &text).unwrap();
        let place = |(line, number): (&str, usize)| {
            let Place { template, line: from } = map.place(number, 0).unwrap();
            format!("{}={}:{from}", line.trim(), template.trim_start_matches("shaders/"))
        };
        let filled = text.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty());
        (filled.map(place).collect(), map.exact)
    }

    #[test]
    fn lines_are_found_through_loops_includes_macros_and_parents() {
        let child = "{% extends \"parent\" %}\n{% from \"macros\" import twice, once as one %}\n{% block body %}\n\
                     {% for i in range(n) %}\n  a{{ i }};\n{% endfor %}\n{% include \"part\" %}\n\n{{ twice(\"x\") }}\n\
                     {{ one() }} d;\n{{ super() }}\n{% endblock %}\n";
        let parent = "p;\n{% block body %}\nq;\n{% endblock %}\nr;\n";
        let macros = "{% macro twice(x) %}\n\n{{ x }}1;\nm2;\n{% endmacro %}\n{% macro once() %}o;{% endmacro %}\n";
        let (found, exact) = lines(&[
            ("child", child),
            ("parent", parent),
            ("macros", macros),
            ("part", "one;\n{% if n %}two;{% endif %}\n"),
        ]);
        let wanted = "p;=parent:1 a0;=child:5 a1;=child:5 one;=part:1 two;=part:2 x1;=macros:3 m2;=macros:4 o; d;=macros:6 \
                      q;=parent:3 r;=parent:5";
        assert_eq!((found.join(" "), exact), (wanted.to_owned(), true));
    }

    #[test]
    fn what_trims_whitespace_and_what_stands_in_tags_stays_as_it_was() {
        let text = "a\n  {%- if n %}\n  b\n{%- endif -%}\n   c{{- \" %} }} \" ~ {\"k\": {\"l\": 1}}[\"k\"][\"l\"] -}}\n  d\n\
                    {# }} {% no #}\n{% set list = [\n  1,\n  2,\n] %}\n  {% for one in list %}\ne{{ one }}\n  {% endfor %}\n\
                    {% raw %}\nf {{ raw }} {% no\n{%- endraw %}\ng {{ empty }}\n{{+ n }}\n";
        let (found, exact) = lines(&[("t", text)]);
        let wanted = "a  bc %} }} 1d=t:1|e1=t:13|e2=t:13|f {{ raw }} {% nog=t:16|2=t:19";
        assert_eq!((found.join("|"), exact), (wanted.to_owned(), true));
    }

    #[test]
    fn a_template_that_looks_at_its_text_has_the_lines_that_can_be_had() {
        let text = "{% macro m() %}\nx;\n{% endmacro %}\n{% set a %}\nb\n{% endset %}\n{% if a | trim == \"b\" %}\nc;\n\
                    {{ m() }}\n{% endif %}\n";
        let (found, exact) = lines(&[("t", text)]);
        assert_eq!((found.join(" "), exact), ("c;=t:8 x;=t:9".to_owned(), false));
    }
}
