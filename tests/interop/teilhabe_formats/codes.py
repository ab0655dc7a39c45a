"""What is printed and scanned (§ 2, § 5): token codes, phone codes, card numbers, enrolment codes."""

from __future__ import annotations

import hashlib
import re
from base64 import b32hexencode
from collections.abc import Iterable
from typing import Any

from . import cbor, documents
from .documents import TrustKey
from .ed25519 import SigningKey, verify_strict
from .refusal import Refused

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUV"
PHONE_SECONDS = 60
AHEAD_SECONDS = 30
"""By how much a phone's clock may be ahead of the reader's."""
LATEST = 253_402_300_799
MAX_SCAN = 4096
"""Characters a scan may have; a token of 1 KiB needs 1,643."""
_PREFIXES = re.compile(r"^(?:\][A-Za-z][0-9A-Za-z]|\\[0-9]{6})+")


def base32hex(data: bytes) -> str:
    """Base32hex of RFC 4648 § 7 without padding."""
    return b32hexencode(data).decode().rstrip("=")


def unbase32hex(text: str) -> bytes:
    """The bytes of Base32hex in either case; other characters, impossible lengths and set unused bits are refused."""
    if not text.isascii():
        raise Refused("malformed", "a character outside ASCII (some become ASCII letters in upper case)")
    number = 0
    for character in text.upper():
        digit = ALPHABET.find(character)
        if digit < 0:
            raise Refused("malformed", f"{character!r} is not in the alphabet")
        number = number << 5 | digit
    size, unused = divmod(len(text) * 5, 8)
    if unused >= 5 or number & ((1 << unused) - 1):
        raise Refused("malformed", "cut short, or unused bits set")
    return (number >> unused).to_bytes(size, "big")


def token_code(token: bytes) -> str:
    """The text in a token's QR code."""
    return "BUT1" + base32hex(token)


def phone_code(token: bytes, seconds: int, key: SigningKey) -> str:
    """The text a phone shows, good for 60 s."""
    return "BUT2" + base32hex(cbor.encode([token, seconds, key.sign(_phone_message(token, seconds))]))


def _phone_message(token: bytes, seconds: int) -> bytes:
    return b"teilhabe/phone/1" + token + seconds.to_bytes(8, "big")


def strip_scan(raw: str) -> str:
    """The text of a scan without white space around it, AIM identifiers and ECI prefixes."""
    return _PREFIXES.sub("", raw.strip()).strip()


def read_scan(raw: str, keys: Iterable[TrustKey], at: int) -> tuple[bytes, dict[int, Any]]:
    """The signed bytes and the claims of the token in a scan made at `at` (UTC seconds), valid on that Berlin day."""
    if len(raw) > MAX_SCAN:
        raise Refused("malformed", "too long for a token")
    text = strip_scan(raw)
    prefix, rest = text[:4].upper(), text[4:]
    if prefix == "BUT1":
        token = unbase32hex(rest)
        claims = documents.verify_token(token, keys, documents.berlin_day(at))
        if 8 in claims:
            raise Refused("holder_proof_missing", "this token counts only as a phone code")
        return token, claims
    if prefix == "BUT2":
        return _read_phone(unbase32hex(rest), keys, at)
    if prefix[:3] == "BUT" and len(prefix) == 4 and not prefix[3].isdigit():
        raise Refused("wrong_layout", "a digit came through as another character")
    raise Refused("malformed", "not a token code")


def _read_phone(data: bytes, keys: Iterable[TrustKey], at: int) -> tuple[bytes, dict[int, Any]]:
    parts = cbor.decode(data)
    if not isinstance(parts, list) or len(parts) != 3:
        raise Refused("malformed", "a phone code has three parts")
    token, seconds, signature = parts
    if not isinstance(token, bytes) or not isinstance(signature, bytes) or len(signature) != 64:
        raise Refused("malformed", "token and signature must be byte strings")
    if not isinstance(seconds, int) or isinstance(seconds, bool) or not 0 <= seconds <= LATEST:
        raise Refused("malformed", "the time is missing, or past the year 9999")
    claims = documents.verify_token(token, keys, documents.berlin_day(at))
    if 8 not in claims:
        raise Refused("malformed", "a phone code around a token without a holder key")
    if not verify_strict(claims[8][1][-2], signature, _phone_message(token, seconds)):
        raise Refused("holder_proof_missing", "not signed by the holder's key")
    if not seconds - AHEAD_SECONDS <= at < seconds + PHONE_SECONDS:
        raise Refused("holder_proof_missing", "older than 60 seconds, or from later than clocks differ")
    return token, claims


def card_number(cti: bytes) -> str:
    """The 12 digits printed for a token id."""
    number = int.from_bytes(hashlib.sha256(b"teilhabe/number/1" + cti).digest()[:5], "big") % 10**11
    digits = f"{number:011d}"
    return digits + str(check_digit(digits))


def check_digit(digits: str) -> int:
    """The ISO 7064 MOD 11,10 check digit of a string of digits."""
    product = 10
    for digit in digits:
        total = (int(digit) + product) % 10 or 10
        product = total * 2 % 11
    return (11 - product) % 10


def read_number(raw: str) -> str:
    """A card number as typed (spaces between the groups are fine) as 12 digits, or Refused(malformed)."""
    digits = re.sub(r"[ \u00a0-]", "", raw.strip())
    if not re.fullmatch(r"[0-9]{12}", digits):
        raise Refused("malformed", "a card number has 12 digits")
    if check_digit(digits[:11]) != int(digits[11]):
        raise Refused("malformed", "the check digit does not fit: mistyped")
    return digits


def enrolment_code(secret: bytes, root: bytes) -> str:
    """`E` + Base32hex(secret ‖ first 10 bytes of SHA-256(root)), in groups of four."""
    text = "E" + base32hex(secret + hashlib.sha256(root).digest()[:10])
    return " ".join(text[start : start + 4] for start in range(0, len(text), 4))


def read_enrolment_code(raw: str) -> tuple[bytes, bytes]:
    """The secret and the root's fingerprint (10 bytes each) of a printed enrolment code."""
    text = re.sub(r"[\s-]", "", strip_scan(raw)).upper()
    if not text.startswith("E"):
        raise Refused("malformed", "an enrolment code begins with E")
    data = unbase32hex(text[1:])
    if len(data) != 20:
        raise Refused("malformed", "an enrolment code has 33 characters")
    return data[:10], data[10:]


def root_fits(root: bytes, fingerprint: bytes) -> bool:
    """Whether a root key is the one whose fingerprint the printed code carries."""
    return hashlib.sha256(root).digest()[:10] == fingerprint
