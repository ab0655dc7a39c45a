//! Metadata and data of a submission. The metadata name each part with its SHA-512 (docs.fitko.de/fit-connect/docs/sending/metadata, schema
//! `https://schema.fitko.de/fit-connect/metadata/2.1.0/metadata.schema.json`); the data are a small JSON that names the envelope.

use super::is_uuid;
use super::jose::NotOpened;
use data_encoding::HEXLOWER;
use serde_json::{Value, json};
use sha2::{Digest, Sha512};

const SCHEMA: &str = "https://schema.fitko.de/fit-connect/metadata/2.1.0/metadata.schema.json";
/// Schemas of metadata that are read: all of them have the parts that are looked at here.
const SCHEMAS: &str = "https://schema.fitko.de/fit-connect/metadata/";
/// The media type of an envelope.
pub const ENVELOPE: &str = "application/octet-stream";
/// The media type of metadata and data.
pub const JSON: &str = "application/json";

/// What the metadata of a submission say of its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// SHA-512 of the data, hexadecimal.
    data: String,
    /// The envelope's attachment, and its SHA-512.
    envelope: (String, String),
}

fn sha512(bytes: &[u8]) -> String {
    HEXLOWER.encode(&Sha512::digest(bytes))
}

impl Metadata {
    /// The data that name the envelope's attachment, as bytes.
    pub fn data(schema: &str, office: &str, attachment: &str) -> Vec<u8> {
        json!({"$schema": schema, "office": office, "envelope": attachment}).to_string().into_bytes()
    }

    /// The metadata of `data` and of the envelope, as bytes. No reply channel is named: answers come another way (docs/FIT-CONNECT.md).
    pub fn write(schema: &str, data: &[u8], attachment: &str, envelope: &[u8]) -> Vec<u8> {
        let hash = |bytes: &[u8]| json!({"type": "sha512", "content": sha512(bytes)});
        let attachments = json!([{
            "attachmentId": attachment, "purpose": "attachment", "filename": "envelope.age", "mimeType": ENVELOPE, "hash": hash(envelope),
        }]);
        let data = json!({"hash": hash(data), "submissionSchema": {"schemaUri": schema, "mimeType": JSON}});
        json!({"$schema": SCHEMA, "contentStructure": {"data": data, "attachments": attachments}}).to_string().into_bytes()
    }

    /// Reads metadata with exactly one attachment.
    pub fn read(bytes: &[u8]) -> Result<Self, NotOpened> {
        let json: Value = serde_json::from_slice(bytes).map_err(|_| NotOpened::Form)?;
        let text = |value: &Value, path: &str| value.pointer(path).and_then(Value::as_str).map(str::to_owned).ok_or(NotOpened::Form);
        if !text(&json, "/$schema")?.starts_with(SCHEMAS) {
            return Err(NotOpened::Form);
        }
        let hash = |value: &Value| match text(value, "/hash/type")?.as_str() {
            "sha512" => text(value, "/hash/content"),
            _ => Err(NotOpened::Form),
        };
        let attachments = json.pointer("/contentStructure/attachments").and_then(Value::as_array).ok_or(NotOpened::Form)?;
        let [attachment] = attachments.as_slice() else { return Err(NotOpened::Form) };
        let id = text(attachment, "/attachmentId")?;
        if !is_uuid(&id) {
            return Err(NotOpened::Form);
        }
        let data = json.pointer("/contentStructure/data").ok_or(NotOpened::Form)?;
        Ok(Self { data: hash(data)?, envelope: (id, hash(attachment)?) })
    }

    /// Which attachment the envelope is.
    pub fn attachment(&self) -> &str {
        &self.envelope.0
    }

    /// Whether data and envelope are those that the metadata speak of, and the data name the envelope.
    pub fn fits(&self, data: &[u8], envelope: &[u8]) -> Result<(), NotOpened> {
        if !self.data.eq_ignore_ascii_case(&sha512(data)) || !self.envelope.1.eq_ignore_ascii_case(&sha512(envelope)) {
            return Err(NotOpened::Changed);
        }
        let json: Value = serde_json::from_slice(data).map_err(|_| NotOpened::Form)?;
        if json.get("envelope").and_then(Value::as_str) == Some(self.attachment()) { Ok(()) } else { Err(NotOpened::Form) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "879ee109-a690-4db8-ab32-424284184d7d";

    #[test]
    fn metadata_hold_what_was_sent_and_nothing_else() {
        let data = Metadata::data("https://schema.example/1", "05562032", ID);
        let bytes = Metadata::write("https://schema.example/1", &data, ID, b"envelope");
        let metadata = Metadata::read(&bytes).expect("ours");
        assert_eq!((metadata.attachment(), metadata.fits(&data, b"envelope")), (ID, Ok(())));
        assert_eq!(metadata.fits(&data, b"envelopes"), Err(NotOpened::Changed));
        assert_eq!(metadata.fits(b"{}", b"envelope"), Err(NotOpened::Changed));
        let changed = |from: &str, to: &str| Metadata::read(String::from_utf8(bytes.clone()).expect("text").replace(from, to).as_bytes());
        for (from, to) in [("sha512", "sha256"), (ID, "../events"), ("metadata/2.1.0", "other/2.1.0"), ("\"attachments\"", "\"parts\""), ("{", "[")] {
            assert_eq!(changed(from, to), Err(NotOpened::Form), "{from}");
        }
    }
}
