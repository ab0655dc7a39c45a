"""Counts what holds: one line for each check, and a last line with both numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from teilhabe_formats.refusal import Refused


class Checks:
    """The checks of one run."""

    def __init__(self) -> None:
        self.passed = self.failed = 0

    def that(self, name: str, holds: bool, seen: Any = "") -> bool:
        """One check; `seen` is printed where it does not hold."""
        self.passed += holds
        self.failed += not holds
        print(f"ok    {name}" if holds else f"FAIL  {name}: {seen}", flush=True)
        return holds

    def equal(self, name: str, seen: Any, expected: Any) -> bool:
        """Two values are equal."""
        return self.that(name, seen == expected, f"{seen!r}, not {expected!r}")

    def refuses(self, name: str, reason: str, action: Callable[[], Any]) -> bool:
        """The action is refused with this reason."""
        try:
            return self.that(name, False, f"accepted: {action()!r}")
        except Refused as refusal:
            return self.equal(name, refusal.reason, reason)

    def scenario(self, name: str, play: Callable[[], None]) -> None:
        """Plays a scenario; what it throws is one failed check, so that the others still run."""
        print(f"--- {name}", flush=True)
        try:
            play()
        except Exception as error:  # noqa: BLE001 - whatever ends a scenario must be counted
            self.that(f"{name} plays to its end", False, f"{type(error).__name__}: {error}")

    def summary(self) -> int:
        """The last line, and the exit code: a run without a single check is no success."""
        print(f"{self.passed} passed, {self.failed} failed")
        return 0 if self.passed and not self.failed else 1
