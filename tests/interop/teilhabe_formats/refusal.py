"""The one error of this package: a refusal with a stable reason code of formats.md § 6."""

from __future__ import annotations


class Refused(Exception):
    """What was read does not count. `reason` is a code of § 6, `detail` a sentence for the developer."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
