"""Token Status List in its CWT form, two bits a token (§ 1, § 4; draft-ietf-oauth-status-list)."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from . import cbor, cose, documents
from .documents import TrustKey
from .ed25519 import SigningKey
from .refusal import Refused
from .schema import among, map_of, octets, text, uint

TYP = "application/statuslist+cwt"
SUB, EXP, IAT, STATUS_LIST, TTL = 2, 4, 6, 65533, 65534
VALID, REVOKED, SUSPENDED, REPLACED = range(4)
BITS = 2
MAX_INFLATED = 16 * 1024 * 1024
"""Bytes of an inflated list: 67 million tokens."""
_claims = map_of({SUB: text, IAT: uint, STATUS_LIST: lambda value: None}, {EXP: uint, TTL: uint})


@dataclass(frozen=True)
class StatusList:
    """A verified list; `issued` and `ttl` in seconds."""

    issued: int
    ttl: int
    claims: dict[int, Any]
    packed: bytes

    def of(self, index: int) -> int:
        """The status of a token; past the end it is valid."""
        byte, place = divmod(index, 8 // BITS)
        return self.packed[byte] >> (place * BITS) & 3 if byte < len(self.packed) else VALID


def pack(statuses: Sequence[int]) -> bytes:
    """Two bits for each token, the first in the lowest bits of the first byte."""
    packed = bytearray((len(statuses) + 3) // 4)
    for index, status in enumerate(statuses):
        packed[index // 4] |= status << (index % 4 * BITS)
    return bytes(packed)


def sign(key: SigningKey, packed: bytes, issued: int, ttl: int, subject: str) -> bytes:
    """A signed list."""
    claims = {SUB: subject, IAT: issued, TTL: ttl, STATUS_LIST: {"bits": BITS, "lst": zlib.compress(packed, 9)}}
    return cose.sign(key, "", cbor.encode(claims), {cose.TYP: TYP})


def verify(data: bytes, keys: Iterable[bytes]) -> tuple[StatusList, bytes]:
    """The list and the key that signed it; without a ttl it is never green."""
    document = cose.parse(data, typ=TYP)
    used = cose.check(document, "", keys)
    claims = cbor.decode(document.payload)
    _claims(claims)
    content = claims[STATUS_LIST]
    if not isinstance(content, dict) or not {"bits", "lst"} <= set(content) <= {"bits", "lst", "aggregation_uri"}:
        raise Refused("malformed", "not a status list")
    among(BITS, BITS)(content["bits"])
    octets(content["lst"])
    return StatusList(claims[IAT], claims.get(TTL, 0), claims, _inflate(content["lst"])), used


def verify_trusted(data: bytes, keys: Iterable[TrustKey]) -> StatusList:
    """The list, signed by a key of a trust list that may sign status lists and was in force."""
    keys = list(keys)
    listed, used = verify(data, documents.key_for(keys, documents.FOR_STATUS_LISTS))
    documents.hold_window(keys, documents.FOR_STATUS_LISTS, used, listed.issued * 1000)
    return listed


def _inflate(data: bytes) -> bytes:
    stream = zlib.decompressobj()
    try:
        packed = stream.decompress(data, MAX_INFLATED)
    except zlib.error as error:
        raise Refused("malformed", f"the list is damaged: {error}") from error
    if stream.unconsumed_tail or not stream.eof or stream.unused_data:
        raise Refused("malformed", "the list is cut short, too big, or has bytes after it")
    return packed
