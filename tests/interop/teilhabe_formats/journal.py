"""The journal's chain, slots, and batches with blinded entries (§§ 1, 3, 4)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from . import documents
from .documents import ADMISSION, CANCELLATION, CHECKPOINT, CLOCK, OPENED, REDEMPTION, SEALED, STARTED
from .refusal import Refused

OFFICE_KEY = {REDEMPTION: 1, CANCELLATION: 3, SEALED: 1, CHECKPOINT: 1, ADMISSION: 1, STARTED: 1}
"""Where the body of an entry names its office."""


def sha256(data: bytes) -> bytes:
    """SHA-256, as everywhere in the formats."""
    return hashlib.sha256(data).digest()


def first_link(terminal_id: bytes) -> bytes:
    """link(0)"""
    return sha256(b"teilhabe/journal/1" + terminal_id)


def next_link(link: bytes, entry_hash: bytes) -> bytes:
    """link(n) from link(n-1) and SHA-256 of the entry."""
    return sha256(link + entry_hash)


def is_visible(content: dict[int, Any], office: str) -> bool:
    """Whether an office gets to see this entry in a batch."""
    kind = content[3]
    return kind in (OPENED, CLOCK) or (kind in OFFICE_KEY and content[4][OFFICE_KEY[kind]] == office)


def items_for(entries: Iterable[bytes], office: str) -> list[Any]:
    """The items of a batch: the bytes of what the office may see, the hash of everything else."""
    return [[data] if is_visible(documents.read(documents.ENTRY, data), office) else sha256(data) for data in entries]


def links(link: bytes, items: Sequence[Any]) -> list[bytes]:
    """The links after each item, beginning after `link`."""
    result = []
    for item in items:
        link = next_link(link, sha256(item[0]) if isinstance(item, list) else item)
        result.append(link)
    return result


@dataclass(frozen=True)
class Opened:
    """A batch that was opened: its content and the entries that can be read, by seq."""

    content: dict[int, Any]
    entries: dict[int, dict[int, Any]]
    hashes: dict[int, bytes]


def open_batch(data: bytes, key: bytes, office: str) -> Opened:
    """A terminal's batch for this office: form, signature, terminal, chain, and that nothing foreign is in the open."""
    content = documents.verify(documents.BATCH, data, [key])
    if content[4] != documents.terminal_id(key):
        raise Refused("malformed", "the terminal's id is not that of the key that signed")
    if content[2] != office:
        raise Refused("wrong_provider", "a batch for another office")
    if content[6] < 1:
        raise Refused("malformed", "seq counts from 1")
    after = links(content[7], content[8])
    if (after[-1] if after else content[7]) != content[9]:
        raise Refused("malformed", "the items do not lead to the last link")
    entries, hashes = {}, {}
    for seq, item in enumerate(content[8], start=content[6]):
        hashes[seq] = sha256(item[0]) if isinstance(item, list) else item
        if isinstance(item, list):
            entry = documents.read(documents.ENTRY, item[0])
            if entry[1] != seq or not is_visible(entry, office):
                raise Refused("malformed", f"entry {seq} has another seq or is not for this office")
            entries[seq] = entry
    return Opened(content, entries, hashes)


def slot(office: str, handle: bytes, benefit: int, key: str) -> bytes:
    """What can be used once (§ 4), 16 bytes."""
    return sha256(b"teilhabe/slot/1\0" + office.encode() + b"\0" + handle + bytes([benefit]) + key.encode("ascii"))[:16]


def lunch_key(date: str) -> str:
    """One meal a day over all providers; `date` as 2026-11-23."""
    return date


def tutoring_key(date: str, start_minute: int, subject: str) -> str:
    """A lesson by its planned start, in minutes of the Berlin day."""
    return f"{date}T{start_minute // 60:02d}:{start_minute % 60:02d}/{subject}"


def participation_key(date: str, provider: int, service: str, charge: str = "") -> str:
    """A fee of a day; `charge` tells two of one day apart."""
    return f"{date}/{provider}/{service}/{charge}"


def monthly_key(date: str, provider: int, service: str) -> str:
    """Any monthly service, whatever the benefit."""
    return f"{date[:7]}/{provider}/{service}"


def trip_key(event: str, provider: int, instalment: str = "") -> str:
    """A day or class trip, by instalment."""
    return f"{event}/{provider}/{instalment}"
