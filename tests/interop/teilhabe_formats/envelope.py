"""Age files (age-encryption.org/v1, X25519) around the envelopes of an exchange (§ 5)."""

from __future__ import annotations

import pyrage

from .refusal import Refused


def seal(data: bytes, recipient: str) -> bytes:
    """An age file for one recipient (`age1…`)."""
    try:
        sealed: bytes = pyrage.encrypt(data, [pyrage.x25519.Recipient.from_str(recipient)])
    except pyrage.RecipientError as error:
        raise Refused("malformed", f"not an age recipient: {error}") from error
    return sealed


def open_sealed(data: bytes, identity: str) -> bytes:
    """What is in an age file for this identity (`AGE-SECRET-KEY-1…`), or Refused(malformed)."""
    try:
        opened: bytes = pyrage.decrypt(data, [pyrage.x25519.Identity.from_str(identity)])
    except pyrage.DecryptError as error:
        raise Refused("malformed", f"the envelope cannot be opened: {error}") from error
    return opened


def new_identity() -> tuple[str, str]:
    """A new identity and its recipient."""
    identity = pyrage.x25519.Identity.generate()
    return str(identity), str(identity.to_public())
