"""Every document of formats.md § 1: the CDDL as rules, signing, and verification with the right kind of key."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from . import cbor, cose
from .ed25519 import SigningKey
from .refusal import Refused
from .schema import (Rule, among, boolean, either, integer, list_of, map_of, matching, octets, octets_of, record, refuse,
                     text, text_sized, uint)

TOKEN, TRUST, CREDENTIAL = "teilhabe/token/1", "teilhabe/trust/1", "teilhabe/credential/1"
BATCH, RECEIPT, ADVICE = "teilhabe/batch/1", "teilhabe/receipt/1", "teilhabe/advice/1"
OUTBOUND, INBOUND, ENROLMENT = "teilhabe/outbound/1", "teilhabe/inbound/1", "teilhabe/enrolment/1"
ENTRY = "entry"
ENTITLEMENT = -65537
BERLIN = ZoneInfo("Europe/Berlin")
MAX_ITEMS = 50_000
FOR_TOKENS, FOR_DOCUMENTS, FOR_STATUS_LISTS = 1, 2, 3
LUNCH, PARTICIPATION, TUTORING, DAY_TRIP, CLASS_TRIP = range(1, 6)
(OPENED, REDEMPTION, CANCELLATION, SEALED, CHECKPOINT, CLOCK, ADMISSION, CLOSED, PURGE, HELD, STARTED) = range(1, 12)

bstr8, bstr16, bstr32, bstr64 = octets_of(8), octets_of(16), octets_of(32), octets_of(64)
handle = bstr8
code = matching(r"[A-Za-z0-9_.-]{1,24}")
office_id = matching(r"[0-9]{5,8}(-[A-Z0-9]{1,4})?")
benefit = among(1, 5)
measure = among(0, 2)
head = record(uint, bstr32)


def null(value: Any) -> None:
    """CDDL null."""
    if value is not None:
        refuse("null is missing")


def allowance(value: Any) -> None:
    """[ benefit, [+ ceiling], ? (code / null), ? [+ uint] ]"""
    ceilings = list_of(record(among(1, 5), measure, uint), at_least=1)
    detail, providers = either(code, null), list_of(uint, at_least=1)
    either(
        record(benefit, ceilings),
        record(benefit, ceilings, either(detail, providers)),
        record(benefit, ceilings, detail, providers),
    )(value)


def allowances(value: Any) -> None:
    """[+ allowance], no two with equal benefit and detail (absent is null: both match any)."""
    list_of(allowance, at_least=1)(value)
    marks = [(item[0], item[2] if len(item) > 2 and isinstance(item[2], str) else None) for item in value]
    if len(set(marks)) != len(marks):
        refuse("two allowances with equal benefit and detail")


cose_key = map_of({1: among(1, 1), -1: among(6, 6), -2: bstr32}, closed=True)
token = map_of(
    {4: uint, 5: uint, 6: uint, 7: bstr16,
     ENTITLEMENT: map_of({1: allowances, 2: uint, 5: handle},
                         {3: text_sized(1, 12), 4: list_of(uint, at_least=1)}, closed=True)},
    {8: map_of({1: cose_key}, closed=True)}, closed=True)
trust = map_of(
    {1: uint, 2: uint, 3: uint, 4: record(office_id, text),
     5: list_of(map_of({1: bstr32, 2: list_of(among(1, 3), at_least=1), 3: uint, 4: uint}, {5: uint}), at_least=1),
     6: text, 7: map_of({1: uint, 2: uint, 3: uint})},
    {8: bstr32})
service = map_of({1: code, 2: benefit, 3: text, 4: among(0, 2), 5: list_of(record(uint, uint))}, {6: uint, 7: code})
credential = map_of(
    {1: uint, 2: text, 3: bstr16, 4: bstr32, 5: text, 6: uint, 7: uint, 8: list_of(service, at_least=1)},
    {9: list_of(bstr32)})
receipt = map_of({1: bstr16, 2: uint, 3: uint, 4: bstr32, 5: bstr32}, {6: text})
advice = map_of(
    {1: bstr16, 2: uint, 3: list_of(record(uint, among(0, 3), integer, text)), 5: uint},
    {4: list_of(map_of({1: text, 2: uint, 3: integer, 4: integer}), at_least=1)})
outbound = map_of({1: bstr16, 2: bstr16, 3: uint, 4: list_of(octets), 5: record(uint, uint, uint, uint), 6: head,
                   7: office_id})
inbound = map_of(
    {1: bstr16, 2: bstr16, 3: uint, 4: list_of(octets), 5: list_of(octets), 6: uint, 11: head, 13: office_id},
    {7: octets, 8: octets, 9: octets, 10: list_of(record(handle, benefit, measure, uint, uint)), 12: boolean})
enrolment = map_of({1: bstr32, 2: text, 3: text, 4: bstr8, 5: bstr32})
batch = map_of({1: bstr16, 2: office_id, 3: uint, 4: bstr16, 5: uint, 6: uint, 7: bstr32,
                8: list_of(either(record(octets), bstr32), at_most=MAX_ITEMS), 9: bstr32})

BODIES: dict[int, Rule] = {
    OPENED: map_of({}, {1: bstr16, 2: uint, 3: bstr32}),
    REDEMPTION: map_of(
        {1: office_id, 2: bstr16, 3: benefit, 4: code, 5: uint, 6: uint, 7: uint, 8: bstr16, 9: among(1, 6),
         10: record(uint, among(0, 2)), 14: handle},
        {11: text, 12: uint, 13: uint, 15: code, 16: uint, 17: uint, 65: record(uint, bstr64)}),
    CANCELLATION: map_of({1: uint, 2: code, 3: office_id, 4: bstr32}),
    SEALED: map_of({1: office_id, 2: bstr16, 3: bstr32}),
    CHECKPOINT: map_of({1: office_id, 2: bstr32}),
    CLOCK: map_of({1: uint, 2: among(0, 2)}),
    ADMISSION: map_of({1: office_id, 2: among(1, 3), 3: bstr32}),
    CLOSED: map_of({1: uint}),
    PURGE: map_of({1: uint, 2: uint}),
    HELD: map_of({1: bstr8, 2: benefit, 3: code, 4: uint, 5: uint, 6: uint, 7: code}),
    STARTED: map_of({1: office_id, 2: bstr16, 3: code, 4: uint, 5: uint, 14: handle}),
}


def entry(value: Any) -> None:
    """entry = { seq, at, kind, body, salt }, the body by its kind; a tutoring redemption has its lesson's times."""
    map_of({1: among(1, 2**64 - 1), 2: uint, 3: among(1, 11), 4: map_of_any, 5: bstr16})(value)
    kind, body = value[3], value[4]
    BODIES[kind](body)
    if kind == REDEMPTION and body[3] == TUTORING and not (12 in body and 13 in body):
        refuse("a tutoring redemption without start and end")


def map_of_any(value: Any) -> None:
    """Any map: the body is looked at once its kind is known."""
    if not isinstance(value, dict):
        refuse("a body is missing")


RULES: dict[str, Rule] = {TOKEN: token, TRUST: trust, CREDENTIAL: credential, BATCH: batch, RECEIPT: receipt,
                          ADVICE: advice, OUTBOUND: outbound, INBOUND: inbound, ENROLMENT: enrolment, ENTRY: entry}


def read(kind: str, payload: bytes) -> Any:
    """The content of a document (or entry) of type `kind`, checked against the CDDL."""
    if len(payload) > cose.DOCUMENT_LIMIT:
        raise Refused("malformed", "over 16 MiB")
    value = cbor.decode(payload)
    RULES[kind](value)
    return value


def sign(kind: str, value: Any, key: SigningKey) -> bytes:
    """A signed document of type `kind`; refuses content that is not of the CDDL."""
    RULES[kind](value)
    return cose.sign(key, kind, cbor.encode(value))


def verify(kind: str, data: bytes, keys: Iterable[bytes]) -> Any:
    """The content of a signed document, after its form, its signature and its CDDL were checked."""
    document = cose.parse(data, cose.TOKEN_LIMIT if kind == TOKEN else cose.DOCUMENT_LIMIT)
    cose.check(document, kind, keys)
    return read(kind, document.payload)


def peek(kind: str, data: bytes) -> Any:
    """The content of a signed document before its signature is checked, to learn which key it must have."""
    return read(kind, cose.parse(data).payload)


@dataclass(frozen=True)
class TrustKey:
    """One key of a trust list; times in ms."""

    key: bytes
    purposes: frozenset[int]
    not_before: int
    not_after: int
    withdrawn: int | None


def trust_keys(content: dict[int, Any]) -> list[TrustKey]:
    """The keys of a trust list's content."""
    return [TrustKey(item[1], frozenset(item[2]), item[3], item[4], item.get(5)) for item in content[5]]


def key_for(keys: Iterable[TrustKey], purpose: int) -> list[bytes]:
    """The raw keys that have a purpose, withdrawn ones too: those are told apart after the signature."""
    return [item.key for item in keys if purpose in item.purposes]


def hold_window(keys: Iterable[TrustKey], purpose: int, used: bytes, issued_ms: int) -> None:
    """Refuses a document whose key is withdrawn, or was out of its window when the document was issued."""
    entries = [item for item in keys if item.key == used and purpose in item.purposes]
    if any(item.withdrawn is not None for item in entries):
        raise Refused("key_withdrawn", "nothing of this key counts any more")
    if not any(item.not_before <= issued_ms <= item.not_after for item in entries):
        raise Refused("unknown_key", "the key was not in force when this was issued")


def issued_by(kind: str, data: bytes, keys: Iterable[TrustKey], issued_key: int) -> Any:
    """The content of an office document; `issued_key` is the map key of its issue time in ms."""
    keys = list(keys)
    document = cose.parse(data)
    used = cose.check(document, kind, key_for(keys, FOR_DOCUMENTS))
    content = read(kind, document.payload)
    hold_window(keys, FOR_DOCUMENTS, used, content[issued_key])
    return content


def verify_token(data: bytes, keys: Iterable[TrustKey], service_day: int | None) -> dict[int, Any]:
    """A token's claims; with `service_day` (days since 1970) also its validity on that day.

    Says nothing of holder keys: `codes.read_scan` does, as only the way it was shown tells.
    """
    keys = list(keys)
    document = cose.parse(data, cose.TOKEN_LIMIT)
    used = cose.check(document, TOKEN, key_for(keys, FOR_TOKENS))
    claims: dict[int, Any] = read(TOKEN, document.payload)
    hold_window(keys, FOR_TOKENS, used, claims[6] * 1000)
    if service_day is not None:
        midnight = berlin_midnight(service_day)
        if midnight < claims[5]:
            raise Refused("not_yet_valid", "the service day is before the first entitled month")
        if midnight >= claims[4]:
            raise Refused("expired", "the service day is after the last entitled month")
    return claims


def berlin_day(seconds: int) -> int:
    """The civil day in Europe/Berlin at a moment, in days since 1970-01-01."""
    return datetime.fromtimestamp(seconds, BERLIN).date().toordinal() - datetime(1970, 1, 1).toordinal()


def berlin_midnight(day: int) -> int:
    """The first second of a civil day in Europe/Berlin."""
    date = datetime.fromordinal(day + datetime(1970, 1, 1).toordinal())
    return int(date.replace(tzinfo=BERLIN).astimezone(UTC).timestamp())


def terminal_id(key: bytes) -> bytes:
    """First 16 bytes of SHA-256("teilhabe/terminal/1" ‖ public key)."""
    return hashlib.sha256(b"teilhabe/terminal/1" + key).digest()[:16]


def code_id(secret: bytes) -> bytes:
    """First 8 bytes of SHA-256("teilhabe/code/1" ‖ secret)."""
    return hashlib.sha256(b"teilhabe/code/1" + secret).digest()[:8]


def enrolment_proof(secret: bytes, key: bytes, recipient: str) -> bytes:
    """HMAC-SHA256(secret, "teilhabe/enrolment/1" ‖ public key ‖ recipient)."""
    return hmac.digest(secret, ENROLMENT.encode() + key + recipient.encode(), "sha256")


def verify_enrolment(data: bytes) -> dict[int, Any]:
    """The content of an enrolment, signed by the key it names; the proof is the office's to check."""
    content: dict[int, Any] = verify(ENROLMENT, data, [peek(ENROLMENT, data)[1]])
    return content
