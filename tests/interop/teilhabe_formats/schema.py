"""A small vocabulary in which `documents` writes the CDDL down. A rule takes a value and refuses it or is silent."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from .refusal import Refused

Rule = Callable[[Any], None]
IGNORED_FROM = 64
"""Integer keys from here on are ignored in every map but the token's."""


def refuse(what: str) -> None:
    """Refused(malformed), as every rule here does it."""
    raise Refused("malformed", what)


def integer(value: Any) -> None:
    """CDDL int."""
    if not isinstance(value, int) or isinstance(value, bool):
        refuse("an integer is missing")


def uint(value: Any) -> None:
    """CDDL uint."""
    integer(value)
    if value < 0:
        refuse("a negative number where none can be")


def text(value: Any) -> None:
    """CDDL tstr."""
    if not isinstance(value, str):
        refuse("a text is missing")


def boolean(value: Any) -> None:
    """CDDL bool."""
    if not isinstance(value, bool):
        refuse("true or false is missing")


def octets(value: Any) -> None:
    """CDDL bstr."""
    if not isinstance(value, bytes):
        refuse("a byte string is missing")


def octets_of(size: int) -> Rule:
    """CDDL bstr .size."""

    def rule(value: Any) -> None:
        octets(value)
        if len(value) != size:
            refuse(f"{len(value)} bytes instead of {size}")

    return rule


def among(first: int, last: int) -> Rule:
    """CDDL first..last."""

    def rule(value: Any) -> None:
        integer(value)
        if not first <= value <= last:
            refuse(f"{value} is not within {first}..{last}")

    return rule


def matching(pattern: str) -> Rule:
    """CDDL tstr .regexp."""
    compiled = re.compile(pattern)

    def rule(value: Any) -> None:
        text(value)
        if not compiled.fullmatch(value):
            refuse(f"{value!r} does not match {pattern}")

    return rule


def text_sized(first: int, last: int) -> Rule:
    """CDDL tstr .size, which counts bytes of UTF-8."""

    def rule(value: Any) -> None:
        text(value)
        if not first <= len(value.encode()) <= last:
            refuse(f"a text of {len(value.encode())} bytes, not {first}..{last}")

    return rule


def list_of(item: Rule, at_least: int = 0, at_most: int | None = None) -> Rule:
    """CDDL [* item] and [+ item]."""

    def rule(value: Any) -> None:
        if not isinstance(value, list) or len(value) < at_least:
            refuse("a list is missing or too short")
        if at_most is not None and len(value) > at_most:
            refuse(f"a list of more than {at_most}")
        for element in value:
            item(element)

    return rule


def record(*items: Rule) -> Rule:
    """CDDL array with one rule for each place."""

    def rule(value: Any) -> None:
        if not isinstance(value, list) or len(value) != len(items):
            refuse(f"an array of {len(items)} is missing")
        for element, item in zip(value, items, strict=True):
            item(element)

    return rule


def either(*choices: Rule) -> Rule:
    """CDDL choice."""

    def rule(value: Any) -> None:
        for choice in choices:
            try:
                return choice(value)
            except Refused:
                continue
        return refuse("none of the forms that may be here")

    return rule


def map_of(must: dict[int, Rule], may: dict[int, Rule] | None = None, closed: bool = False) -> Rule:
    """CDDL map with integer keys; unless `closed`, integer keys >= 64 are ignored."""
    known = must | (may or {})

    def rule(value: Any) -> None:
        if not isinstance(value, dict):
            refuse("a map is missing")
        for key in must:
            if key not in value:
                refuse(f"key {key} is missing")
        for key, element in value.items():
            if key in known:
                known[key](element)
            elif closed or not isinstance(key, int) or key < IGNORED_FROM:
                refuse(f"unknown key {key!r}")

    return rule
