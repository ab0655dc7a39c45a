"""Deterministic CBOR (RFC 8949 § 4.2.1): an encoder, and a decoder that refuses every other encoding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .refusal import Refused

MAX_DEPTH = 8
"""Arrays and maps within each other in one CBOR item; an embedded byte string starts anew."""


@dataclass(frozen=True)
class Raw:
    """Bytes that are CBOR already, copied into the output as they are (test vectors use it to be wrong)."""

    data: bytes


def encode(value: Any) -> bytes:
    """The one deterministic encoding of `value` (None, bool, int, bytes, str, list, tuple, dict, Raw)."""
    if isinstance(value, Raw):
        return value.data
    if value is None:
        return b"\xf6"
    if isinstance(value, bool):
        return b"\xf5" if value else b"\xf4"
    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        text = value.encode()
        return head(3, len(text)) + text
    if isinstance(value, (list, tuple)):
        return head(4, len(value)) + b"".join(encode(item) for item in value)
    if isinstance(value, dict):
        pairs = sorted((encode(key), encode(item)) for key, item in value.items())
        return head(5, len(value)) + b"".join(key + item for key, item in pairs)
    raise TypeError(f"no CBOR encoding for {type(value).__name__}")


def head(major: int, argument: int) -> bytes:
    """The shortest head of a data item."""
    if argument < 24:
        return bytes([major << 5 | argument])
    for code, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if argument < 1 << (8 * size):
            return bytes([major << 5 | code]) + argument.to_bytes(size, "big")
    raise ValueError(f"{argument} does not fit in 64 bits")


def decode(data: bytes) -> Any:
    """The value of `data`, which must be exactly one deterministically encoded item, else Refused(malformed)."""
    reader = _Reader(data)
    value = reader.item(0)
    if reader.position != len(data):
        raise Refused("malformed", "trailing bytes after the CBOR item")
    return value


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0

    def take(self, size: int) -> bytes:
        end = self.position + size
        if end > len(self.data):
            raise Refused("malformed", "the CBOR ends too early")
        piece = self.data[self.position : end]
        self.position = end
        return piece

    def head(self) -> tuple[int, int]:
        first = self.take(1)[0]
        major, code = first >> 5, first & 31
        if code < 24:
            return major, code
        if code > 27:
            raise Refused("malformed", "indefinite length or reserved head")
        if major == 7:
            raise Refused("malformed", "floating point or long simple value")
        size = 1 << (code - 24)
        argument = int.from_bytes(self.take(size), "big")
        if argument < (24 if size == 1 else 1 << (4 * size)):
            raise Refused("malformed", "a head longer than needed")
        return major, argument

    def item(self, depth: int) -> Any:
        major, argument = self.head()
        if major == 0:
            return argument
        if major == 1:
            return -1 - argument
        if major == 2:
            return self.take(argument)
        if major == 3:
            try:
                return self.take(argument).decode("utf-8")
            except UnicodeDecodeError as error:
                raise Refused("malformed", "text that is not UTF-8") from error
        if major in (4, 5) and depth >= MAX_DEPTH:
            raise Refused("malformed", f"nesting over {MAX_DEPTH}")
        if major == 4:
            return [self.item(depth + 1) for _ in range(self.bounded(argument))]
        if major == 5:
            return self.map(self.bounded(argument), depth + 1)
        if major == 7 and argument in (20, 21, 22):
            return {20: False, 21: True, 22: None}[argument]
        raise Refused("malformed", "a tag or a simple value that no document has")

    def bounded(self, count: int) -> int:
        if count > len(self.data) - self.position:
            raise Refused("malformed", "more items announced than bytes are left")
        return count

    def map(self, count: int, depth: int) -> dict[Any, Any]:
        result: dict[Any, Any] = {}
        previous = b""
        for _ in range(count):
            start = self.position
            key = self.item(depth)
            encoded = self.data[start : self.position]
            if not isinstance(key, (int, str)) or isinstance(key, bool):
                raise Refused("malformed", "a map key that is neither integer nor text")
            if encoded <= previous:
                raise Refused("malformed", "map keys twice or not in order")
            previous = encoded
            result[key] = self.item(depth)
        return result
