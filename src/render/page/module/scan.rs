//! What a JS module imports and which texts stand in it, found without a parser of the language: enough to say before a browser
//! opens that an import leads nowhere, and where it stands.
//!
//! Used by `render::page::module`. What is not understood is left to the browser.

use std::ops::Range;

/// What stands in a module.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Scanned {
    /// What it imports by statements, with the place of each text, quotes included.
    pub(super) imports: Vec<(String, Range<usize>)>,
    /// All texts in quotes, imports among them.
    pub(super) texts: Vec<String>,
}

/// A piece of code.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    Text(String, Range<usize>),
    /// A template, a number or a regular expression.
    Value,
    Sign(char),
}

/// Reads a module.
pub(super) fn scan(text: &str) -> Scanned {
    let tokens = tokens(text);
    let mut found = Scanned::default();
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Text(text, _) => found.texts.push(text.clone()),
            Token::Word(word) if word == "import" || word == "export" => {
                let is_member = at > 0 && tokens[at - 1] == Token::Sign('.');
                if let Some((specifier, place)) = source(&tokens[at + 1..], word == "import").filter(|_| !is_member) {
                    found.imports.push((specifier.clone(), place.clone()));
                }
            }
            _ => {}
        }
    }
    found
}

/// The text that an `import` or `export` is from, by what follows it: names, commas, `*` and braces, `from`, and the text.
fn source(rest: &[Token], is_import: bool) -> Option<(&String, &Range<usize>)> {
    let mut is_from = is_import;
    for token in rest {
        match token {
            Token::Text(text, place) if is_from => return Some((text, place)),
            Token::Word(word) => is_from = word == "from",
            Token::Sign('{' | '}' | ',' | '*') => is_from = false,
            _ => return None,
        }
    }
    None
}

fn tokens(text: &str) -> Vec<Token> {
    let bytes = text.as_bytes();
    let mut tokens = Vec::new();
    // The depth of braces at which each open template goes on.
    let mut templates: Vec<usize> = Vec::new();
    let mut depth = 0_usize;
    let mut at = 0;
    while at < bytes.len() {
        let rest = &text[at..];
        match bytes[at] {
            b'/' if rest.starts_with("//") => at += rest.find('\n').unwrap_or(rest.len()),
            b'/' if rest.starts_with("/*") => at += rest[2..].find("*/").map_or(rest.len(), |end| end + 4),
            b'/' if begins_value(tokens.last()) => {
                at = end_of_expression(bytes, at);
                tokens.push(Token::Value);
            }
            quote @ (b'"' | b'\'') => {
                let end = end_of_text(bytes, at, quote);
                let is_closed = end > at + 1 && bytes[end - 1] == quote;
                let token = |text: &str| Token::Text(text.to_owned(), at..end);
                tokens.push(if is_closed { token(&text[at + 1..end - 1]) } else { Token::Value });
                at = end;
            }
            b'`' => at = template(bytes, at + 1, depth, &mut templates, &mut tokens),
            b'}' if templates.last() == Some(&depth) => {
                templates.pop();
                at = template(bytes, at + 1, depth, &mut templates, &mut tokens);
            }
            sign @ (b'{' | b'}') => {
                depth = if sign == b'{' { depth + 1 } else { depth.saturating_sub(1) };
                tokens.push(Token::Sign(char::from(sign)));
                at += 1;
            }
            byte if byte.is_ascii_whitespace() => at += 1,
            byte if is_of_word(byte) => {
                let length = rest.bytes().take_while(|byte| is_of_word(*byte)).count();
                let is_number = byte.is_ascii_digit();
                tokens.push(if is_number { Token::Value } else { Token::Word(rest[..length].to_owned()) });
                at += length;
            }
            byte => {
                tokens.push(Token::Sign(char::from(byte)));
                at += 1;
            }
        }
    }
    tokens
}

/// Letters of other scripts have bytes above ASCII's.
fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_$#".contains(&byte) || !byte.is_ascii()
}

/// Whether a slash after this begins a regular expression: not after a value, which is divided.
fn begins_value(last: Option<&Token>) -> bool {
    const BEFORE: [&str; 10] = ["return", "typeof", "case", "in", "of", "delete", "void", "throw", "await", "yield"];
    match last {
        None => true,
        Some(Token::Word(word)) => BEFORE.contains(&word.as_str()),
        Some(Token::Text(..) | Token::Value) => false,
        Some(Token::Sign(sign)) => !matches!(sign, ')' | ']' | '}'),
    }
}

/// Past the quote that ends a text; at the end of the line where none does.
fn end_of_text(bytes: &[u8], from: usize, quote: u8) -> usize {
    let mut at = from + 1;
    while at < bytes.len() && bytes[at] != b'\n' {
        match bytes[at] {
            b'\\' => at += 2,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    at.min(bytes.len())
}

/// Past a regular expression.
fn end_of_expression(bytes: &[u8], from: usize) -> usize {
    let (mut at, mut in_class) = (from + 1, false);
    while at < bytes.len() && bytes[at] != b'\n' {
        match bytes[at] {
            b'\\' => at += 1,
            b'[' => in_class = true,
            b']' => in_class = false,
            b'/' if !in_class => return at + 1,
            _ => {}
        }
        at += 1;
    }
    at.min(bytes.len())
}

/// Past a template, or past the `${` in it.
fn template(bytes: &[u8], from: usize, depth: usize, open: &mut Vec<usize>, tokens: &mut Vec<Token>) -> usize {
    let mut at = from;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 1,
            b'`' => {
                tokens.push(Token::Value);
                return at + 1;
            }
            b'$' if bytes.get(at + 1) == Some(&b'{') => {
                open.push(depth);
                tokens.push(Token::Sign('('));
                return at + 2;
            }
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn imports(text: &str) -> Vec<String> {
        scan(text)
            .imports
            .into_iter()
            .map(|(name, place)| {
                assert_eq!(&text[place.start + 1..place.end - 1], name);
                name
            })
            .collect()
    }

    #[test]
    fn each_form_of_an_import_is_found() {
        for text in [
            "import 'a';",
            "import x from \"a\"",
            "import * as x from 'a'",
            "import x, { y as z,\n  w } from 'a';",
            "export * from 'a';",
            "export { x as default } from 'a'",
            "/* import 'b' */ import 'a' // import 'c'",
            "const s = `import 'b' ${f({ x: `}` })} import 'c'`;\nimport 'a';",
            "const r = /'/;\nconst q = 1 / 2; // '\nimport 'a';",
            "if (x.match(/[/'\"]/)) { y = '\\'' }\nimport { z } from 'a';",
        ] {
            assert_eq!(imports(text), ["a"], "{text}");
        }
    }

    #[test]
    fn what_is_no_import_is_none() {
        for text in [
            "const a = await import('a');",
            "const u = import.meta.url + 'a';",
            "export const a = 'b';",
            "export default 'b';",
            "export function f() { return 'a' }",
            "x.import 'a'",
            "// import 'a'",
            "const t = \"import 'a'\";",
            "export {};\nconst from = 'a';",
            "import '",
            "`",
            "'\\",
            "/\\",
            "`${",
            "é import",
        ] {
            assert_eq!(imports(text), [""; 0], "{text}");
        }
        assert_eq!(scan("f('a', \"b\")").texts, ["a", "b"]);
    }
}
