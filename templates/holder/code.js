// What is signed and shown (docs/FORMAT.md § 5): the moving code, and what the phone says to the office.

import { sign } from "./keys.js";

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUV";

const ascii = (text) => new TextEncoder().encode(text);
export const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
export const unhex = (digits) => Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));

export function join(...parts) {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  parts.reduce((at, part) => (all.set(part, at), at + part.length), 0);
  return all;
}

// A whole number as 8 bytes, the highest first.
function eight(number) {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(number));
  return bytes;
}

export function base32hex(bytes) {
  let [text, bits, held] = ["", 0, 0];
  for (const byte of bytes) {
    held = ((held << 8) | byte) & 0xfff;
    for (bits += 8; bits >= 5; bits -= 5) text += DIGITS[(held >> (bits - 5)) & 31];
  }
  return bits > 0 ? text + DIGITS[(held << (5 - bits)) & 31] : text;
}

export function unbase32hex(text) {
  const bytes = [];
  let [bits, held] = [0, 0];
  for (const digit of text.toUpperCase()) {
    const value = DIGITS.indexOf(digit);
    if (value < 0) return null;
    held = ((held << 5) | value) & 0xfff;
    bits += 5;
    if (bits >= 8) bytes.push((held >> (bits -= 8)) & 255);
  }
  return Uint8Array.from(bytes);
}

// The head of a CBOR item in its shortest form (RFC 8949 § 4.2.1).
function head(major, number) {
  const first = major << 5;
  if (number < 24) return [first | number];
  if (number < 0x100) return [first | 24, number];
  if (number < 0x10000) return [first | 25, number >> 8, number & 255];
  if (number < 0x100000000) return [first | 26, ...eight(number).slice(4)];
  return [first | 27, ...eight(number)];
}

// The text that the phone shows at this second.
export async function phoneCode(key, token, seconds) {
  const signature = await sign(key, join(ascii("teilhabe/phone/1"), token, eight(seconds)));
  const bytes = join(head(4, 3), head(2, token.length), token, head(0, seconds), head(2, signature.length), signature);
  return `BUT2${base32hex(bytes)}`;
}

// What the phone sends to join by an invitation's secret.
export async function joining(key, secret) {
  const signature = await sign(key, join(ascii("teilhabe/phone-joins/1"), secret, key.public));
  return { code: base32hex(secret), key: hex(key.public), signature: hex(signature) };
}

// What it sends to ask how things stand.
export async function asking(key, seconds) {
  const signature = await sign(key, join(ascii("teilhabe/phone-asks/1"), key.public, eight(seconds)));
  return { key: hex(key.public), at: seconds, signature: hex(signature) };
}
