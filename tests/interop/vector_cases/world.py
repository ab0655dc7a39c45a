"""One small town whose keys all come from fixed seeds, and what every file of cases needs."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

from teilhabe_formats import cbor, cose, documents
from teilhabe_formats.ed25519 import SigningKey

from .age_writer import recipient_of

AT = 1_795_431_600
"""2026-11-23 12:00 in Berlin, in seconds; a Monday."""
DAY = 20_780
"""The same day as civil-date."""
NOW = AT * 1000
NBF, EXP = 1_785_535_200, 1_817_071_200
"""2026-08-01 and 2027-08-01, 00:00 in Berlin."""
IAT = NBF - 1_480_000
OFFICE, OTHER_OFFICE = "05562032", "05913000"
YEAR_MS = 366 * 86_400_000


class Seed:
    """Bytes that look random and are the same every time: SHA-256 in counter mode."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.count = 0

    def octets(self, size: int) -> bytes:
        """The next `size` bytes (at most 32)."""
        self.count += 1
        return hashlib.sha256(f"teilhabe vectors/{self.name}/{self.count}".encode()).digest()[:size]


def key(name: str) -> SigningKey:
    """A named signing key."""
    return SigningKey(Seed(f"key/{name}").octets(32))


ROOT, TOKENS, PAPERS, STATUS = key("root"), key("tokens"), key("documents"), key("status")
WITHDRAWN, LATER, STRANGER = key("withdrawn"), key("later"), key("stranger")
TERMINAL, HOLDER = key("terminal"), key("holder")
TERMINAL_ID = documents.terminal_id(TERMINAL.public)
OFFICE_AGE, TERMINAL_AGE = Seed("age/office").octets(32), Seed("age/terminal").octets(32)


@dataclass
class Case:
    """One case of a file. `more` holds what only this type needs (code, at, trust, office, secret …)."""

    name: str
    type: str
    expect: str
    data: bytes | None = None
    keys: list[bytes] = field(default_factory=list)
    also: list[str] = field(default_factory=list)
    document: Any = None
    note: str = ""
    more: dict[str, Any] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """The case as it stands in the JSON file."""
        case: dict[str, Any] = {"name": self.name, "type": self.type, "expect": self.expect}
        if self.also:
            case["or"] = self.also
        if self.keys:
            case["keys"] = [item.hex() for item in self.keys]
        case |= self.more
        if self.data is not None:
            case["hex"] = self.data.hex()
        if self.document is not None:
            case["document"] = plain(self.document)
        if self.note:
            case["note"] = self.note
        return case


def plain(value: Any) -> Any:
    """CBOR content as JSON: byte strings in hex, map keys as decimal text, everything else as it is."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {str(name): plain(item) for name, item in value.items()}
    return value


def accepted(name: str, kind: str, content: Any, signer: SigningKey, note: str = "", **more: Any) -> Case:
    """A case whose document is right."""
    return Case(name, kind, "accepted", documents.sign(kind, content, signer), [signer.public], document=content,
                note=note, more=more)


def refused(name: str, kind: str, payload: Any, signer: SigningKey, note: str = "", **more: Any) -> Case:
    """A case whose content is wrong, under a signature that is right; `payload` may be bytes or content."""
    data = payload if isinstance(payload, bytes) else cbor.encode(payload)
    return Case(name, kind, "malformed", cose.sign(signer, kind, data), [signer.public], note=note, more=more)


def raw_map(pairs: list[tuple[Any, Any]]) -> bytes:
    """A CBOR map with its pairs in the order given, even twice."""
    return cbor.head(5, len(pairs)) + b"".join(cbor.encode(name) + cbor.encode(value) for name, value in pairs)


def signed_with(kind: str, payload: bytes, signer: SigningKey, header: Any, unprotected: Any = None,
                tail: bytes = b"") -> bytes:
    """A COSE_Sign1 with any header: `header` is a map or the raw bytes of one."""
    protected = header if isinstance(header, bytes) else cbor.encode(header)
    signature = signer.sign(cose.to_be_signed(protected, kind, payload))
    return cbor.encode([protected, unprotected or {}, payload, signature]) + tail


def trust_content(**changes: Any) -> dict[int, Any]:
    """The town's trust list."""
    window = (IAT * 1000 - YEAR_MS, NOW + 3 * YEAR_MS)
    keys = [
        {1: TOKENS.public, 2: [1], 3: window[0], 4: window[1]},
        {1: PAPERS.public, 2: [2], 3: window[0], 4: window[1]},
        {1: STATUS.public, 2: [3], 3: window[0], 4: window[1]},
        {1: WITHDRAWN.public, 2: [1, 2, 3], 3: window[0], 4: window[1], 5: NOW - 86_400_000},
        {1: LATER.public, 2: [1, 2, 3], 3: NOW + YEAR_MS, 4: NOW + 3 * YEAR_MS},
    ]
    content = {1: 7, 2: NOW - 3_600_000, 3: NOW + YEAR_MS, 4: [OFFICE, "Stadt Recklinghausen"], 5: keys,
               6: recipient_of(OFFICE_AGE), 7: {1: 90, 2: 3, 3: 14}}
    return content | {int(name[1:]): value for name, value in changes.items()}


def trust_list() -> bytes:
    """The town's trust list, signed."""
    return documents.sign(documents.TRUST, trust_content(), ROOT)


def allowance_lunch() -> list[Any]:
    """One meal a day, at most 23 a month."""
    return [1, [[1, 0, 1], [3, 0, 23]]]


def token_content(allowances: list[Any] | None = None, **changes: Any) -> dict[int, Any]:
    """A token's claims; `h`, `e`, `i`, `p` set hint, entitlement, index and home providers."""
    seed = Seed("token")
    entitlement = {1: allowances or [allowance_lunch()], 2: changes.pop("i", 4711), 5: seed.octets(8)}
    if "h" in changes:
        entitlement[3] = changes.pop("h")
    if "p" in changes:
        entitlement[4] = changes.pop("p")
    claims = {4: EXP, 5: NBF, 6: IAT, 7: seed.octets(16), documents.ENTITLEMENT: entitlement}
    return claims | {int(name[1:]): value for name, value in changes.items()}
