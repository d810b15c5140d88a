//! Text from outside, made harmless for the terminal that shows it: a page's error, a driver's words, a name in a model file or
//! a line of a manifest must not move the cursor, rename the window or turn the order of letters round.
//!
//! Named by whatever writes to a terminal.

/// What a terminal takes for an order, a space in its place; newlines stay.
#[must_use]
pub fn plain(text: &str) -> String {
    text.chars().map(|c| if is_order(c) { ' ' } else { c }).collect()
}

/// On one line.
#[must_use]
pub fn line(text: &str) -> String {
    plain(text).replace('\n', " ")
}

/// As [`plain`], but what sets colours stays: the codes that our own drawing of an error puts in.
#[must_use]
pub fn styled(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\u{1b}') {
        kept += &plain(&rest[..at]);
        let style = style(&rest[at..]);
        kept += if style.is_empty() { " " } else { style };
        rest = &rest[at + style.len().max(1)..];
    }
    kept + &plain(rest)
}

/// The code for a style (SGR of ECMA-48) at the beginning of a text; empty where there is none.
fn style(text: &str) -> &str {
    let Some(inside) = text.strip_prefix("\u{1b}[") else { return "" };
    let end = inside.find(|c: char| !c.is_ascii_digit() && c != ';').unwrap_or(inside.len());
    if inside[end..].starts_with('m') { &text[..end + 3] } else { "" }
}

/// Control characters, and those that turn the direction of what follows ("Trojan Source", CVE-2021-42574).
fn is_order(c: char) -> bool {
    (c.is_control() && c != '\n') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_to_a_terminal_are_spaces() {
        assert_eq!(plain("a\u{1b}]0;owned\u{7}b\rc\td\ne\u{9b}31m\u{202e}f"), "a ]0;owned b c d\ne 31m f");
        assert_eq!(line("a\nb"), "a b");
    }

    #[test]
    fn colours_stay_where_we_set_them_and_nothing_else_does() {
        assert_eq!(styled("\u{1b}[31;1mred\u{1b}[0m\u{1b}[2Jgone\u{1b}"), "\u{1b}[31;1mred\u{1b}[0m [2Jgone ");
    }
}
