//! Tables for an auditor with their description (GoBD; description standard for data handed over in a tax audit, "GDPdU",
//! 1 September 2004): CSV in UTF-8, decimal comma, dates as DD.MM.YYYY, and an `index.xml` that says so column by column.
//!
//! Every field is quoted and otherwise exact, one rule apart: a backslash is doubled, and a line break in a text is written as `\n` or
//! `\r`, so that a record is a line. Nothing is put before a field that begins like a formula: evidence is not changed.

use std::io::{self, Write};

/// The file that describes the tables.
pub const INDEX: &str = "index.xml";
/// The name of the grammar of [`INDEX`], which goes with it.
pub const DTD: &str = "gdpdu-01-09-2004.dtd";
/// That grammar: the part of the standard's content model that we use.
pub const DTD_TEXT: &str = include_str!("../../../templates/books/gdpdu-01-09-2004.dtd");

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text as it is.
    Text,
    /// A whole number.
    Number,
    /// Euros with two decimal places.
    Euros,
    /// A day, DD.MM.YYYY.
    Day,
}

/// A column: its name, what it says, what it holds.
pub type Column = (&'static str, &'static str, Kind);

/// A table.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// Its file.
    pub file: &'static str,
    /// Its name for people.
    pub name: &'static str,
    /// What it holds.
    pub says: &'static str,
    /// Its columns; those of the key come first.
    pub columns: &'static [Column],
    /// How many columns are its key.
    pub keys: usize,
    /// Columns that name a row of another table, and that table's name.
    pub refers: &'static [(&'static [&'static str], &'static str)],
}

/// Who hands the tables over.
#[derive(Clone, Debug)]
pub struct Supplier {
    /// Name.
    pub name: String,
    /// Place.
    pub location: String,
    /// What else the auditor must know.
    pub comment: String,
}

impl Table {
    /// Writes the names of the columns.
    pub fn write_header(&self, out: &mut (impl Write + ?Sized)) -> io::Result<()> {
        write_row(out, self.columns.iter().map(|(name, ..)| *name))
    }

    fn describe(&self, out: &mut (impl Write + ?Sized)) -> io::Result<()> {
        let Self { file, name, says, .. } = self;
        writeln!(out, "    <Table>\n      <URL>{file}</URL>\n      <Name>{name}</Name>\n      <Description>{}</Description>", escaped(says))?;
        writeln!(out, "      <UTF8/>\n      <DecimalSymbol>,</DecimalSymbol>\n      <DigitGroupingSymbol>.</DigitGroupingSymbol>")?;
        writeln!(out, "      <Range><From>2</From></Range>\n      <VariableLength>\n        <ColumnDelimiter>;</ColumnDelimiter>")?;
        writeln!(out, "        <RecordDelimiter>&#13;&#10;</RecordDelimiter>\n        <TextEncapsulator>\"</TextEncapsulator>")?;
        for (index, (name, says, kind)) in self.columns.iter().enumerate() {
            let tag = if index < self.keys { "VariablePrimaryKey" } else { "VariableColumn" };
            let kind = match kind {
                Kind::Text => "<AlphaNumeric/>",
                Kind::Number => "<Numeric/>",
                Kind::Euros => "<Numeric><Accuracy>2</Accuracy></Numeric>",
                Kind::Day => "<Date><Format>DD.MM.YYYY</Format></Date>",
            };
            writeln!(out, "        <{tag}><Name>{name}</Name><Description>{}</Description>{kind}</{tag}>", escaped(says))?;
        }
        for (columns, table) in self.refers {
            let names: String = columns.iter().map(|name| format!("<Name>{name}</Name>")).collect();
            writeln!(out, "        <ForeignKey>{names}<References>{table}</References></ForeignKey>")?;
        }
        writeln!(out, "      </VariableLength>\n    </Table>")
    }
}

/// Writes one record.
pub fn write_row<T: AsRef<str>>(out: &mut (impl Write + ?Sized), fields: impl IntoIterator<Item = T>) -> io::Result<()> {
    for (index, field) in fields.into_iter().enumerate() {
        out.write_all(if index == 0 { b"\"" } else { b";\"" })?;
        let field = field.as_ref();
        if field.contains(['"', '\\', '\r', '\n']) {
            let exact = field.replace('\\', "\\\\").replace('\r', "\\r").replace('\n', "\\n").replace('"', "\"\"");
            out.write_all(exact.as_bytes())?;
        } else {
            out.write_all(field.as_bytes())?;
        }
        out.write_all(b"\"")?;
    }
    out.write_all(b"\r\n")
}

/// Writes the description of `tables`.
pub fn write_index(out: &mut (impl Write + ?Sized), supplier: &Supplier, media: &str, tables: &[Table]) -> io::Result<()> {
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE DataSet SYSTEM \"{DTD}\">\n<DataSet>")?;
    writeln!(out, "  <Version>1.0</Version>\n  <DataSupplier>\n    <Name>{}</Name>", escaped(&supplier.name))?;
    writeln!(out, "    <Location>{}</Location>\n    <Comment>{}</Comment>", escaped(&supplier.location), escaped(&supplier.comment))?;
    writeln!(out, "  </DataSupplier>\n  <Media>\n    <Name>{}</Name>", escaped(media))?;
    tables.iter().try_for_each(|table| table.describe(out))?;
    writeln!(out, "  </Media>\n</DataSet>")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_a_line_and_every_field_can_be_read_back_exactly() {
        let fields = ["=1+1", "Müller \"& Söhne\"", "a\\b", "zwei\r\nZeilen", "-4,50", ""];
        let mut out = Vec::new();
        write_row(&mut out, fields).expect("written");
        let text = String::from_utf8(out).expect("UTF-8");
        assert_eq!(text.matches('\n').count(), 1, "{text}");
        let plain = text.trim_end().trim_start_matches('"').trim_end_matches('"');
        let read: Vec<String> = plain.split("\";\"").map(|f| f.replace("\"\"", "\"")).collect();
        assert_eq!(read[0], "=1+1", "evidence is not changed");
        assert_eq!((read[1].as_str(), read[2].as_str(), read[3].as_str()), ("Müller \"& Söhne\"", "a\\\\b", "zwei\\r\\nZeilen"));
    }
}
