"""An age file (age-encryption.org/v1, X25519) from fixed secrets, so that the vectors are the same every time.

Only the vectors use this; terminals and offices use pyrage. The judge of this writer is pyrage, too.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

CHUNK = 64 * 1024
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def recipient_of(secret: bytes) -> str:
    """`age1…` of a secret scalar."""
    return bech32("age", _public(secret))


def identity_of(secret: bytes) -> str:
    """`AGE-SECRET-KEY-1…` of a secret scalar."""
    return bech32("age-secret-key-", secret).upper()


def write_age(plain: bytes, recipient_secret: bytes, ephemeral: bytes, file_key: bytes, nonce: bytes) -> bytes:
    """An age file for the recipient whose secret is given; `file_key` and `nonce` have 16 bytes."""
    share, recipient = _public(ephemeral), _public(recipient_secret)
    shared = X25519PrivateKey.from_private_bytes(ephemeral).exchange(X25519PublicKey.from_public_bytes(recipient))
    wrap_key = _hkdf(shared, share + recipient, b"age-encryption.org/v1/X25519")
    body = ChaCha20Poly1305(wrap_key).encrypt(bytes(12), file_key, None)
    header = f"age-encryption.org/v1\n-> X25519 {_base64(share)}\n{_base64(body)}\n---".encode()
    mac = hmac.digest(_hkdf(file_key, b"", b"header"), header, hashlib.sha256)
    return header + f" {_base64(mac)}\n".encode() + nonce + _stream(plain, _hkdf(file_key, nonce, b"payload"))


def _stream(plain: bytes, stream_key: bytes) -> bytes:
    cipher = ChaCha20Poly1305(stream_key)
    chunks = [plain[start : start + CHUNK] for start in range(0, len(plain), CHUNK)] or [b""]
    last = len(chunks) - 1
    return b"".join(
        cipher.encrypt(number.to_bytes(11, "big") + bytes([number == last]), chunk, None)
        for number, chunk in enumerate(chunks))


def _public(secret: bytes) -> bytes:
    return X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()


def _hkdf(material: bytes, salt: bytes, info: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=salt, info=info).derive(material)


def _base64(data: bytes) -> str:
    return b64encode(data).decode().rstrip("=")


def bech32(prefix: str, data: bytes) -> str:
    """Bech32 (BIP 173) of some bytes, in lower case."""
    number, size = int.from_bytes(data, "big"), len(data) * 8
    padding = -size % 5
    number <<= padding
    words = [number >> shift & 31 for shift in range(size + padding - 5, -1, -5)]
    expanded = [ord(letter) >> 5 for letter in prefix] + [0] + [ord(letter) & 31 for letter in prefix]
    checksum = _polymod(expanded + words + [0] * 6) ^ 1
    words += [checksum >> 5 * (5 - place) & 31 for place in range(6)]
    return prefix + "1" + "".join(_BECH32[word] for word in words)


def _polymod(words: list[int]) -> int:
    state = 1
    for word in words:
        top = state >> 25
        state = (state & 0x1FFFFFF) << 5 ^ word
        for place, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            if top >> place & 1:
                state ^= generator
    return state
