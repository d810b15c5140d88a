//! A layout is how text lies within a width: lines folded between words, and tables whose columns share the width.
//!
//! Folded columns and colours are why the tables that are to be read at a glance are laid out here: a word, a name and a
//! number are never cut, and a colour has no width.

use super::tone::Tone;

/// What stands between two columns.
const GAP: usize = 2;

/// A column of a table.
#[derive(Debug, Clone)]
pub(super) struct Column {
    title: String,
    is_number: bool,
}

impl Column {
    /// Of words, which stand at its left.
    pub(super) fn words(title: &str) -> Self {
        Self { title: title.to_owned(), is_number: false }
    }

    /// Of numbers, which stand at its right.
    pub(super) fn numbers(title: &str) -> Self {
        Self { title: title.to_owned(), is_number: true }
    }

    /// Its title.
    pub(super) fn title(&self) -> &str {
        &self.title
    }

    /// Whether numbers stand in it.
    pub(super) fn is_number(&self) -> bool {
        self.is_number
    }
}

/// A cell of a table.
#[derive(Debug, Clone, Default)]
pub(super) struct Cell {
    /// What it says, on one line.
    pub(super) text: String,
    /// How.
    pub(super) tone: Tone,
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self { text, tone: Tone::Plain }
    }
}

/// A text in lines of at most `width` characters, folded between words; a longer word has a line of its own, and so has what
/// a newline parts.
pub(super) fn fold(text: &str, width: usize) -> Vec<String> {
    text.lines().flat_map(|line| joined(line.split_whitespace(), " ", width)).collect()
}

/// A title, which may be folded inside a name like `shader_precompilation` as well.
fn fold_title(title: &str, width: usize) -> Vec<String> {
    let words = fold(title, width);
    words.iter().flat_map(|line| joined(line.split_inclusive('_'), "", width)).collect()
}

/// Pieces in lines as long as `width` lets them be.
fn joined<'text>(pieces: impl Iterator<Item = &'text str>, between: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for piece in pieces {
        match lines.last_mut().filter(|line| wide(line) + wide(between) + wide(piece) <= width) {
            Some(line) => line.extend([between, piece]),
            None => lines.push(piece.to_owned()),
        }
    }
    lines
}

/// The lines of a text, the first behind `first`, the others behind as many spaces.
pub(super) fn hanging(first: &str, text: &str, width: usize) -> String {
    let lines = fold(text, width.saturating_sub(wide(first)));
    format!("{first}{}", lines.join(&format!("\n{}", " ".repeat(wide(first)))))
}

/// A table of at most `width` columns where its longest words let it be; below the titles is a line.
pub(super) fn table(columns: &[Column], rows: &[Vec<Cell>], width: usize) -> String {
    let widths = widths(columns, rows, width);
    let titles: Vec<Vec<String>> =
        columns.iter().zip(&widths).map(|(column, width)| fold_title(&column.title, *width)).collect();
    let tones = vec![Tone::Heading; columns.len()];
    let mut lines = lines(columns, &widths, &titles, &tones, true);
    lines.push("─".repeat(taken(&widths)));
    for row in rows {
        let cells: Vec<Vec<String>> = row.iter().zip(&widths).map(|(cell, width)| fold(&cell.text, *width)).collect();
        let tones: Vec<Tone> = row.iter().map(|cell| cell.tone).collect();
        lines.extend(self::lines(columns, &widths, &cells, &tones, false));
    }
    lines.join("\n")
}

/// Whether a table has room in `width` columns.
pub(super) fn fits(columns: &[Column], rows: &[Vec<Cell>], width: usize) -> bool {
    taken(&widths(columns, rows, width)) <= width
}

/// The columns of a terminal that a table takes.
fn taken(widths: &[usize]) -> usize {
    widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1)
}

/// The lines of one row; at the bottom of the highest cell where they are titles, else at its top.
fn lines(columns: &[Column], widths: &[usize], cells: &[Vec<String>], tones: &[Tone], at_bottom: bool) -> Vec<String> {
    let height = cells.iter().map(Vec::len).max().unwrap_or_default();
    let line = |place: usize| {
        let mut line = String::new();
        let mut owed = 0;
        for (((column, width), cell), tone) in columns.iter().zip(widths).zip(cells).zip(tones) {
            let skipped = if at_bottom { height - cell.len() } else { 0 };
            let text = place.checked_sub(skipped).and_then(|place| cell.get(place)).map_or("", String::as_str);
            let free = width.saturating_sub(wide(text));
            let (before, after) = if column.is_number { (free, 0) } else { (0, free) };
            if text.is_empty() {
                owed += width + GAP;
                continue;
            }
            line += &" ".repeat(owed + before);
            line += &tone.paint(text);
            owed = after + GAP;
        }
        line
    };
    (0..height).map(line).collect()
}

/// How wide each column is. Titles are folded before cells, and of both the widest first.
fn widths(columns: &[Column], rows: &[Vec<Cell>], width: usize) -> Vec<usize> {
    let widest = |place: usize, measure: fn(&str) -> usize| {
        rows.iter().filter_map(|row| row.get(place)).map(|cell| measure(&cell.text)).max().unwrap_or_default()
    };
    let longest = |text: &str| text.split_whitespace().map(wide).max().unwrap_or_default();
    let floors = |cells: fn(&str) -> usize| -> Vec<usize> {
        let titles = columns.iter().map(|column| fold_title(&column.title, 0).iter().map(|line| wide(line)).max());
        titles.enumerate().map(|(place, title)| widest(place, cells).max(title.unwrap_or_default())).collect()
    };
    let mut widths: Vec<usize> =
        columns.iter().enumerate().map(|(place, column)| widest(place, wide).max(wide(&column.title))).collect();
    for floor in [floors(wide), floors(longest)] {
        while taken(&widths) > width {
            let foldable = (0..widths.len()).filter(|place| widths[*place] > floor[*place]);
            let Some(place) = foldable.max_by_key(|place| widths[*place]) else { break };
            widths[place] -= 1;
        }
    }
    widths
}

/// Characters of a text, which is what a terminal shows of the scripts that names are written in here.
fn wide(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(columns: &[Column], rows: &[&[&str]], width: usize) -> String {
        let rows: Vec<Vec<Cell>> =
            rows.iter().map(|row| row.iter().map(|cell| (*cell).to_owned().into()).collect()).collect();
        anstream::adapter::strip_str(&table(columns, &rows, width)).to_string()
    }

    #[test]
    fn lines_fold_between_words_and_nowhere_else() {
        assert_eq!(
            fold("the output differs  from its\nreference", 18),
            ["the output differs", "from its", "reference"]
        );
        assert_eq!(fold("see https://example.org/long now", 8), ["see", "https://example.org/long", "now"]);
        assert_eq!(hanging("failed: ", "one two three", 16), "failed: one two\n        three");
        assert_eq!(fold("", 8), [""; 0]);
    }

    #[test]
    fn titles_fold_before_cells_do_and_numbers_stand_at_the_right() {
        let columns =
            [Column::words("shader_precompilation"), Column::numbers("first result ms"), Column::words("vs a")];
        let rows: [&[&str]; 2] = [&["true", "12", "1.80x slower, 1.79–1.81"], &["false", "1", ""]];
        let wide = [
            "shader_precompilation  first result ms  vs a",
            &"─".repeat(63),
            "true                                12  1.80x slower, 1.79–1.81",
            "false                                1",
        ];
        assert_eq!(plain(&columns, &rows, 80), wide.join("\n"));
        let folded = [
            "                  first",
            "shader_          result",
            "precompilation       ms  vs a",
            &"─".repeat(48),
            "true                 12  1.80x slower, 1.79–1.81",
            "false                 1",
        ];
        assert_eq!(plain(&columns, &rows, 48), folded.join("\n"));
        let narrow = plain(&columns, &rows, 36);
        assert!(narrow.lines().all(|line| line.chars().count() <= 36) && narrow.contains("slower,"), "{narrow}");
    }

    #[test]
    fn colours_take_no_room() {
        let cell = |tone| vec![Cell { text: "a".to_owned(), tone }, "b".to_owned().into()];
        let columns = [Column::words("xxx"), Column::words("y")];
        let text = |tone| table(&columns, &[cell(tone)], 80);
        assert_ne!(text(Tone::Plain), text(Tone::Best));
        let stripped = |tone| anstream::adapter::strip_str(&text(tone)).to_string();
        assert_eq!(stripped(Tone::Plain), stripped(Tone::Best));
    }
}
