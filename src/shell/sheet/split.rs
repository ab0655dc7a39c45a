//! A table's text is split into records of cells, with the line of the file each one begins in.

/// The most cells of one record that are kept; no table of ours has a tenth of it.
pub const MAX_CELLS: usize = 256;

/// One record of the file: its cells as written, without the quotes around them.
#[derive(Debug, PartialEq, Eq)]
pub struct Record {
    /// The line of the file it begins in, from 1.
    pub line: u64,
    /// Its cells, or that its quotes do not pair; then only its first line was taken, and reading goes on in the next.
    pub cells: Result<Vec<String>, UnpairedQuote>,
}

/// A quotation mark opens a cell and nothing closes it before the next delimiter or line end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnpairedQuote;

/// Splits a text into its records (RFC 4180, with any line ending); blank lines are left out.
#[derive(Debug)]
pub struct Splitter<'a> {
    rest: &'a str,
    delimiter: char,
    line: u64,
}

impl<'a> Splitter<'a> {
    /// Reads `text` from its first line on.
    pub const fn new(text: &'a str, delimiter: char) -> Self {
        Self { rest: text, delimiter, line: 1 }
    }

    /// One cell from the start of `text`: its content and its length in bytes.
    fn cell(&self, text: &str) -> Result<(String, usize), UnpairedQuote> {
        let ends_at = |c: char| c == self.delimiter || c == '\n' || c == '\r';
        let Some(quoted) = text.strip_prefix('"') else {
            let length = text.find(ends_at).unwrap_or(text.len());
            return Ok((text[..length].to_owned(), length));
        };
        let (mut content, mut at) = (String::new(), 0);
        loop {
            let quote = at + quoted[at..].find('"').ok_or(UnpairedQuote)?;
            content.push_str(&quoted[at..quote]);
            let after = &quoted[quote + 1..];
            if after.starts_with('"') {
                content.push('"');
                at = quote + 2;
            } else if after.is_empty() || after.starts_with(ends_at) {
                return Ok((content, quote + 2));
            } else {
                return Err(UnpairedQuote);
            }
        }
    }

    /// The cells of the record at the start of what is left, and its length in bytes without the line ending.
    fn record(&self) -> Result<(Vec<String>, usize), UnpairedQuote> {
        let (mut cells, mut at) = (Vec::new(), 0);
        loop {
            let (content, length) = self.cell(&self.rest[at..])?;
            if cells.len() < MAX_CELLS {
                cells.push(content);
            }
            at += length;
            if !self.rest[at..].starts_with(self.delimiter) {
                return Ok((cells, at));
            }
            at += self.delimiter.len_utf8();
        }
    }

    /// Steps over `length` bytes and the line ending behind them.
    fn step(&mut self, length: usize) {
        let (taken, rest) = self.rest.split_at(length);
        let ending = if rest.starts_with("\r\n") { 2 } else { rest.len().min(1) };
        let breaks = taken.bytes().filter(|b| *b == b'\n').count() as u64;
        self.line += breaks + 1;
        self.rest = &rest[ending..];
    }
}

impl Iterator for Splitter<'_> {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        while !self.rest.is_empty() {
            let line = self.line;
            match self.record() {
                Ok((cells, length)) => {
                    self.step(length);
                    if cells.iter().any(|cell| !cell.trim().is_empty()) {
                        return Some(Record { line, cells: Ok(cells) });
                    }
                }
                Err(unpaired) => {
                    self.step(self.rest.find(['\r', '\n']).unwrap_or(self.rest.len()));
                    return Some(Record { line, cells: Err(unpaired) });
                }
            }
        }
        None
    }
}

/// The delimiter that splits the header most often: semicolon, comma or tab; a semicolon where none occurs.
pub fn delimiter(header: &str) -> char {
    let counts = [';', ',', '\t'].map(|candidate| (header.matches(candidate).count(), candidate));
    counts.into_iter().rev().max_by_key(|(count, _)| *count).map_or(';', |(_, delimiter)| delimiter)
}

/// A cell of a table we write: quoted where a delimiter, quote, line break or outer space would change its meaning.
pub fn quoted(cell: &str) -> String {
    let plain = !cell.contains([';', ',', '\t', '"', '\n', '\r']) && cell.trim() == cell;
    if plain { cell.to_owned() } else { format!("\"{}\"", cell.replace('"', "\"\"")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines(text: &str) -> Vec<(u64, Result<Vec<String>, UnpairedQuote>)> {
        Splitter::new(text, ';').map(|record| (record.line, record.cells)).collect()
    }

    fn cells(cells: &[&str]) -> Result<Vec<String>, UnpairedQuote> {
        Ok(cells.iter().map(|cell| (*cell).to_owned()).collect())
    }

    #[test]
    fn lines_are_counted_as_an_editor_counts_them() {
        for ending in ["\n", "\r\n", "\r"] {
            let text = ["a;b", "", ";;", "\"c;\"\"d\"\"\";", "e"].join(ending);
            assert_eq!(lines(&text), [(1, cells(&["a", "b"])), (4, cells(&["c;\"d\"", ""])), (5, cells(&["e"]))], "{ending:?}");
        }
        assert_eq!(lines("\"a\r\nb\";c\r\nd\r\n"), [(1, cells(&["a\r\nb", "c"])), (3, cells(&["d"]))]);
    }

    #[test]
    fn an_unpaired_quote_costs_its_own_line_only() {
        assert_eq!(lines("a\n\"b;c\nd;\"e\"\n"), [(1, cells(&["a"])), (2, Err(UnpairedQuote)), (3, cells(&["d", "e"]))]);
        assert_eq!(lines("\"a\"x;b\nc"), [(1, Err(UnpairedQuote)), (2, cells(&["c"]))]);
        assert_eq!(lines("5\" Rohr;b"), [(1, cells(&["5\" Rohr", "b"]))]);
    }

    #[test]
    fn the_header_tells_the_delimiter() {
        for (header, expected) in [("a;b;c", ';'), ("a,b,c;d", ','), ("a\tb", '\t'), ("a", ';'), ("a;b,c", ';')] {
            assert_eq!(delimiter(header), expected, "{header}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(rows in prop::collection::vec(prop::collection::vec("[a;,\"\r\n\té=]{0,6}", 2..5), 1..6)) {
            let full = |row: &Vec<String>| row.iter().any(|cell| !cell.trim().is_empty());
            let text: String = rows.iter().map(|row| row.iter().map(|c| quoted(c)).collect::<Vec<_>>().join(";") + "\r\n").collect();
            let read: Vec<Vec<String>> = Splitter::new(&text, ';').filter_map(|record| record.cells.ok()).collect();
            prop_assert_eq!(read, rows.into_iter().filter(full).collect::<Vec<_>>());
        }

        #[test]
        fn no_text_is_too_wild(text in "[a;\"\r\n ]{0,60}") {
            let lines: Vec<u64> = Splitter::new(&text, ';').map(|record| record.line).collect();
            prop_assert!(lines.windows(2).all(|pair| pair[0] < pair[1]));
        }
    }
}
