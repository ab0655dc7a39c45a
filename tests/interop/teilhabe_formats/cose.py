"""Signed documents: untagged COSE_Sign1 with Ed25519 and the document's type name as external data (§ 1)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from . import cbor
from .ed25519 import SigningKey, verify_strict
from .refusal import Refused

ALG_ED25519 = -19
ALG_EDDSA = -8
ALG, KID, TYP = 1, 4, 16
TOKEN_LIMIT = 1024
DOCUMENT_LIMIT = 16 * 1024 * 1024


@dataclass(frozen=True)
class Signed:
    """A document whose form is right and whose signature is not yet checked."""

    protected: bytes
    kid: bytes
    payload: bytes
    signature: bytes


def kid_of(key: bytes) -> bytes:
    """First 4 bytes of SHA-256 of the raw public key."""
    return hashlib.sha256(key).digest()[:4]


def to_be_signed(protected: bytes, aad: str, payload: bytes) -> bytes:
    """The Sig_structure of RFC 9052 § 4.4."""
    return cbor.encode(["Signature1", protected, aad.encode("ascii"), payload])


def sign(key: SigningKey, aad: str, payload: bytes, header: dict[int, Any] | None = None) -> bytes:
    """A signed document; `header` adds to or replaces the protected header `{1: -19, 4: kid}`."""
    protected = cbor.encode({ALG: ALG_ED25519, KID: kid_of(key.public)} | (header or {}))
    return cbor.encode([protected, {}, payload, key.sign(to_be_signed(protected, aad, payload))])


def parse(data: bytes, limit: int = DOCUMENT_LIMIT, typ: str | None = None) -> Signed:
    """The parts of a signed document; its header must have nothing but alg, kid and, if given, `typ`."""
    if len(data) > limit:
        raise Refused("malformed", f"over {limit} bytes")
    parts = cbor.decode(data)
    if not isinstance(parts, list) or len(parts) != 4:
        raise Refused("malformed", "not an untagged COSE_Sign1")
    protected, unprotected, payload, signature = parts
    if not all(isinstance(part, bytes) for part in (protected, payload, signature)):
        raise Refused("malformed", "header, payload and signature must be byte strings")
    if unprotected != {} or len(signature) != 64:
        raise Refused("malformed", "unprotected header not empty, or a signature of another length")
    header = cbor.decode(protected)
    expected = {ALG, KID} if typ is None else {ALG, KID, TYP}
    if not isinstance(header, dict) or set(header) != expected:
        raise Refused("malformed", "protected header has other members than it must")
    if header[ALG] not in (ALG_ED25519, ALG_EDDSA) or header.get(TYP) != typ:
        raise Refused("malformed", "another algorithm or typ")
    if not isinstance(header[KID], bytes) or len(header[KID]) != 4:
        raise Refused("malformed", "kid must be 4 bytes")
    return Signed(protected, header[KID], payload, signature)


def check(document: Signed, aad: str, keys: Iterable[bytes]) -> bytes:
    """The key that signed; Refused with unknown_key or bad_signature."""
    candidates = [key for key in keys if kid_of(key) == document.kid]
    if not candidates:
        raise Refused("unknown_key", f"no key with kid {document.kid.hex()}")
    message = to_be_signed(document.protected, aad, document.payload)
    for key in candidates:
        if verify_strict(key, document.signature, message):
            return key
    raise Refused("bad_signature", "the signature does not fit")
