//! An XML file of a bank or of another program as a tree of elements: bounded, without DTD, known by local names.

use super::RowError;
use super::text::echo;
use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};

/// The largest file that is read.
pub const MAX_BYTES: usize = 32 * 1024 * 1024;
/// The deepest nesting that is read; the banks' schemas stay below 20.
pub const MAX_DEPTH: usize = 32;
/// The most elements of one file, about 25,000 transactions.
pub const MAX_ELEMENTS: usize = 1_500_000;
/// The longest text of one element that is kept, in characters.
pub const MAX_TEXT: usize = 500;

/// One element.
#[derive(Debug)]
pub struct Element {
    /// Its name without namespace prefix.
    pub name: String,
    /// The currency of an amount (attribute `Ccy`).
    pub currency: Option<String>,
    /// Its own text, without outer white space.
    pub text: String,
    /// Its elements, in the order of the file.
    pub children: Vec<Element>,
    /// The line of the file it begins in, from 1.
    pub line: u64,
}

impl Element {
    /// The elements below it with this name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The first element at the end of this path of names.
    pub fn at(&self, path: &[&str]) -> Option<&Element> {
        path.iter().try_fold(self, |element, name| element.children.iter().find(|child| child.name == *name))
    }

    /// The text of the first element at the end of this path, unless empty.
    pub fn text_at(&self, path: &[&str]) -> Option<&str> {
        self.at(path).map(|element| element.text.as_str()).filter(|text| !text.is_empty())
    }
}

/// Reads a file as its root element.
pub fn read(bytes: &[u8]) -> Result<Element, RowError> {
    let text = text(bytes)?;
    let mut reader = Reader::from_str(text);
    let mut tree = Tree { open: Vec::new(), root: None, elements: 0 };
    let (mut line, mut counted) = (1, 0);
    loop {
        let event = reader.read_event();
        let position = usize::try_from(reader.buffer_position()).map_or(text.len(), |at| at.min(text.len()));
        let begins = line;
        line += text.as_bytes().get(counted..position).unwrap_or_default().iter().filter(|b| **b == b'\n').count() as u64;
        counted = position.max(counted);
        match event {
            Ok(Event::Eof) => break,
            Ok(event) => tree.take(event, begins).map_err(|wrong| RowError::of_line(begins, wrong.0, wrong.1))?,
            Err(error) => {
                let (de, en) = again(&format!("Das XML ist fehlerhaft ({error})"), &format!("The XML is broken ({error})"));
                return Err(RowError::of_line(line, de, en));
            }
        }
    }
    tree.root.filter(|_| tree.open.is_empty()).ok_or_else(|| {
        let (de, en) = again("Die Datei bricht ab", "The file breaks off");
        RowError::of_line(line, de, en)
    })
}

fn text(bytes: &[u8]) -> Result<&str, RowError> {
    if bytes.len() > MAX_BYTES {
        return Err(RowError::of_file(
            format!("Die Datei ist größer als {} MB: bitte in kleineren Teilen abrufen.", MAX_BYTES >> 20),
            format!("The file is larger than {} MB: fetch it in smaller parts.", MAX_BYTES >> 20),
        ));
    }
    if bytes.starts_with(b"PK\x03\x04") {
        return Err(RowError::of_file(
            "Das ist ein ZIP-Archiv: bitte entpacken und die XML-Dateien einzeln einlesen.".into(),
            "This is a ZIP archive: unpack it and read the XML files one by one.".into(),
        ));
    }
    std::str::from_utf8(bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes)).map_err(|_| {
        let (de, en) = again("Die Datei ist nicht in UTF-8 geschrieben", "The file is not written in UTF-8");
        RowError::of_file(de, en)
    })
}

fn again(de: &str, en: &str) -> (String, String) {
    (format!("{de}: bitte die Datei beim Absender neu abrufen."), format!("{en}: fetch the file from its sender again."))
}

struct Tree {
    open: Vec<Element>,
    root: Option<Element>,
    elements: usize,
}

/// A sentence in German and in English.
struct Wrong(String, String);

impl Wrong {
    fn again(de: &str, en: &str) -> Self {
        let (de, en) = again(de, en);
        Self(de, en)
    }
}

impl Tree {
    fn take(&mut self, event: Event<'_>, line: u64) -> Result<(), Wrong> {
        match event {
            Event::DocType(_) => {
                Err(Wrong::again("Die Datei enthält eine DTD; die ist hier nicht erlaubt", "The file holds a DTD, which is not allowed here"))
            }
            Event::Start(start) => self.begin(&start, line),
            Event::Empty(start) => {
                self.begin(&start, line)?;
                self.end();
                Ok(())
            }
            Event::End(_) => {
                self.end();
                Ok(())
            }
            Event::Text(text) => {
                self.add(&text.xml10_content());
                Ok(())
            }
            Event::CData(text) => {
                self.add(&text.xml10_content());
                Ok(())
            }
            Event::GeneralRef(reference) => self.reference(&reference),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::Eof => Ok(()),
        }
    }

    fn begin(&mut self, start: &BytesStart<'_>, line: u64) -> Result<(), Wrong> {
        self.elements += 1;
        if self.open.len() >= MAX_DEPTH || self.elements > MAX_ELEMENTS || self.root.is_some() {
            return Err(Wrong::again("Die Datei ist zu groß oder zu tief verschachtelt", "The file is too large or nested too deeply"));
        }
        let currency = start.attributes().flatten().find(|a| a.key.local_name().as_ref() == "Ccy").map(|a| a.value.to_string());
        let name = start.local_name().as_ref().to_owned();
        self.open.push(Element { name, currency, text: String::new(), children: Vec::new(), line });
        Ok(())
    }

    fn end(&mut self) {
        let Some(mut element) = self.open.pop() else { return };
        element.text = element.text.trim().to_owned();
        match self.open.last_mut() {
            Some(parent) => parent.children.push(element),
            None => self.root = Some(element),
        }
    }

    fn add(&mut self, text: &str) {
        if let Some(element) = self.open.last_mut() {
            let room = MAX_TEXT.saturating_sub(element.text.chars().count());
            element.text.extend(text.chars().take(room));
        }
    }

    fn reference(&mut self, reference: &BytesRef<'_>) -> Result<(), Wrong> {
        let character = match &**reference {
            "amp" => Some('&'),
            "lt" => Some('<'),
            "gt" => Some('>'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            _ => reference.resolve_char_ref().ok().flatten(),
        };
        let shown = echo(reference);
        let character =
            character.ok_or_else(|| Wrong::again(&format!("„&{shown};“ ist hier nicht erlaubt"), &format!("“&{shown};” is not allowed here")))?;
        self.add(character.encode_utf8(&mut [0; 4]));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_tree_is_read_by_local_names() {
        let root = read(b"\xEF\xBB\xBF<?xml version=\"1.0\"?>\n<c:Doc xmlns:c=\"x\">\n <!-- a -->\n <c:Amt Ccy=\"EUR\"> 1&#50;<![CDATA[<]]>&amp; </c:Amt><e/>\n</c:Doc>\n")
            .unwrap();
        let amount = root.at(&["Amt"]).unwrap();
        assert_eq!((root.name.as_str(), amount.text.as_str(), amount.currency.as_deref(), amount.line), ("Doc", "12<&", Some("EUR"), 4));
        assert_eq!((root.text_at(&["e"]), root.all("e").count()), (None, 1));
    }

    #[test]
    fn attacks_and_damage_are_refused_in_one_sentence() {
        let deep = "<a>".repeat(40);
        for (text, hint) in [
            ("<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>", "DTD"),
            ("<a>&x;</a>", "“&x;” is not allowed"),
            ("<a>&#x110000;</a>", "is not allowed"),
            ("<a><b></a>", "broken"),
            ("<a>\n<b>", "breaks off"),
            ("", "breaks off"),
            ("<a/><b/>", "too large"),
            (deep.as_str(), "nested too deeply"),
        ] {
            let error = read(text.as_bytes()).unwrap_err();
            assert!(error.message_en.contains(hint), "{text}: {error}");
        }
        assert!(read(b"<a>\xFC</a>").unwrap_err().message_en.contains("UTF-8"));
        assert!(read(b"PK\x03\x04").unwrap_err().message_en.contains("ZIP"));
    }

    proptest! {
        #[test]
        fn no_file_is_too_wild(text in "[<>/a&;!\\[\\]\"= \n-]{0,60}") {
            let _ = read(text.as_bytes());
        }
    }
}
