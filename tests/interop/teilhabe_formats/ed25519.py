"""Ed25519 with the strict rule: small-order and non-canonical points and a scalar S >= L are refused.

`cryptography` (OpenSSL) does the signature itself; the points are looked at here, since OpenSSL accepts
small-order keys. The curve arithmetic is public so that the vectors can build signatures that must be refused.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
Point = tuple[int, int]
IDENTITY: Point = (0, 1)


def add(first: Point, second: Point) -> Point:
    """The sum of two points in affine coordinates."""
    (x1, y1), (x2, y2) = first, second
    product = D * x1 * x2 * y1 * y2 % P
    x = (x1 * y2 + x2 * y1) * pow(1 + product, -1, P) % P
    y = (y1 * y2 + x1 * x2) * pow(1 - product, -1, P) % P
    return x, y


def multiply(scalar: int, point: Point) -> Point:
    """`scalar` times `point` (not constant time: for checks and test vectors only)."""
    result = IDENTITY
    while scalar:
        if scalar & 1:
            result = add(result, point)
        point = add(point, point)
        scalar >>= 1
    return result


def compress(point: Point) -> bytes:
    """The canonical 32 bytes of a point."""
    return (point[1] | (point[0] & 1) << 255).to_bytes(32, "little")


@lru_cache(maxsize=4096)
def decompress(data: bytes) -> Point | None:
    """The point of 32 bytes, or None where they are no canonical encoding of a point on the curve."""
    number = int.from_bytes(data, "little")
    sign, y = number >> 255, number & (1 << 255) - 1
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * pow(2, (P - 1) // 4, P) % P
    if x * x % P != square or (x == 0 and sign == 1):
        return None
    return (P - x if x & 1 != sign else x), y


BASE = decompress((4 * pow(5, -1, P) % P).to_bytes(32, "little")) or IDENTITY


def is_strong(data: bytes) -> bool:
    """Whether the bytes are a canonical point that is not of small order."""
    point = decompress(data)
    return point is not None and multiply(8, point) != IDENTITY


def verify_strict(key: bytes, signature: bytes, message: bytes) -> bool:
    """Whether `signature` of `message` holds under the strict rule."""
    if len(signature) != 64 or int.from_bytes(signature[32:], "little") >= L:
        return False
    if not is_strong(key) or not is_strong(signature[:32]):
        return False
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


class SigningKey:
    """An Ed25519 key made from 32 secret bytes."""

    def __init__(self, seed: bytes) -> None:
        self.seed = seed
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self.public: bytes = self._private.public_key().public_bytes_raw()

    @property
    def scalar(self) -> int:
        """The secret scalar, as RFC 8032 § 5.1.5 derives it."""
        number = int.from_bytes(hashlib.sha512(self.seed).digest()[:32], "little")
        return number & ((1 << 254) - 8) | 1 << 254

    def sign(self, message: bytes) -> bytes:
        """The signature's 64 bytes."""
        return self._private.sign(message)
