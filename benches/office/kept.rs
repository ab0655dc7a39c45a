//! Batches on disk between two parts: each field with its length before it.

use crate::till::{PlainLine, Sent};
use ed25519_dalek::{Signature, VerifyingKey};
use std::path::Path;

fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend((bytes.len() as u32).to_be_bytes());
    out.extend(bytes);
}

fn take<'b>(bytes: &mut &'b [u8]) -> &'b [u8] {
    let (length, rest) = bytes.split_first_chunk::<4>().expect("a length");
    let (field, rest) = rest.split_at(u32::from_be_bytes(*length) as usize);
    *bytes = rest;
    field
}

pub fn write(path: &Path, sent: &Sent) {
    let mut out = Vec::new();
    for field in [sent.envelope.as_slice(), &sent.batch, &sent.signature.to_bytes(), sent.key.as_bytes()] {
        put(&mut out, field);
    }
    for line in &sent.lines {
        put(&mut out, &line.day.to_be_bytes());
        put(&mut out, &line.slot);
        put(&mut out, &line.bytes);
    }
    std::fs::write(path, out).expect("written");
}

pub fn read(path: &Path) -> Sent {
    let all = std::fs::read(path).expect("read");
    let mut bytes = all.as_slice();
    let (envelope, batch) = (take(&mut bytes).to_vec(), take(&mut bytes).to_vec());
    let signature = Signature::from_bytes(take(&mut bytes).try_into().expect("64 bytes"));
    let key = VerifyingKey::from_bytes(take(&mut bytes).try_into().expect("32 bytes")).expect("a key");
    let mut lines = Vec::new();
    while !bytes.is_empty() {
        let day = u32::from_be_bytes(take(&mut bytes).try_into().expect("4 bytes"));
        let slot = take(&mut bytes).try_into().expect("16 bytes");
        lines.push(PlainLine { day, slot, bytes: take(&mut bytes).to_vec() });
    }
    Sent { envelope, lines, batch, signature, key }
}
