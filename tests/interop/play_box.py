"""The Rust terminal against offices written by someone else, honest and not."""

from __future__ import annotations

import json
import secrets
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from checks import Checks
from office import Office, sample
from rust import Failed, Served, command, free_port
from teilhabe_formats import documents, status
from teilhabe_formats.documents import REDEMPTION
from teilhabe_formats.ed25519 import SigningKey
from terminal_rules import to_date

PRICE = 420


class RustTerminal:
    """The Rust terminal: its data folder and its JSON interface."""

    def __init__(self, binary: Path, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.binary, self.folder, self.data = binary, folder, str(folder / "data")
        self.served: Served | None = None

    def enrol(self, url: str, code: str) -> Any:
        """Enrols at an office."""
        return command(self.binary, "terminal", "enrol", "--data", self.data, "--office", url, "--code", code)

    def serve(self) -> None:
        """Starts the interface."""
        self.served = Served(self.binary, ["terminal", "serve", "--data", self.data], free_port(), self.folder / "terminal.log")

    def stop(self) -> None:
        """Ends the process."""
        if self.served:
            self.served.stop()

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """One request with the key of DIR/api-token; status and JSON (or text)."""
        assert self.served, "serve() comes first"
        key = Path(self.data, "api-token").read_text(encoding="utf-8").strip()
        sent = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        data = json.dumps(body).encode() if body is not None else (b"" if method == "POST" else None)
        request = urllib.request.Request(self.served.url + path, data, sent, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, _json(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, _json(error.read())

    def redeem(self, code: str, **more: Any) -> tuple[int, Any]:
        """One scan for lunch."""
        return self.ask("POST", "/api/v1/redemptions", {"code": code, "service": "lunch"} | more)

    def exchange(self) -> tuple[int, Any]:
        """Exchanges now."""
        return self.ask("POST", "/api/v1/exchange")


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return data.decode("utf-8", "replace")


def play(checks: Checks, binary: Path, folder: Path) -> None:
    """The whole way at one box: admission, a day, an exchange, a liar, a second office."""
    office, second = Office("05913000", "Stadt Dortmund"), Office("05911000", "Stadt Bochum")
    code, rows = sample(office)
    other_code, other_rows = sample(second)
    (server, url), (other_server, other_url) = office.serve(), second.serve()
    box = RustTerminal(binary, folder)
    try:
        _admission(checks, box, office, url, code)
        box.enrol(other_url, other_code)
        box.serve()
        status_code, answer = box.exchange()
        checks.that("the first exchange succeeds", status_code == 200, (status_code, answer))
        _day(checks, box, rows)
        box.redeem(other_rows[0]["code"])
        _doors(checks, box, rows[0]["code"])
        _delivery(checks, box, office, second)
        _liars(checks, box, office)
        _revocation(checks, box, office, rows)
        server.shutdown()
        server.server_close()
        _offline(checks, box, rows)
    finally:
        box.stop()
        other_server.shutdown()
    checks.that("journal verify finds nothing", _verifies(box), "see the sentence above")


def _verifies(box: RustTerminal) -> bool:
    try:
        command(box.binary, "journal", "verify", "--data", box.data)
    except Failed as error:
        print(error)
        return False
    return True


def _admission(checks: Checks, box: RustTerminal, office: Office, url: str, code: str) -> None:
    for name, wrong in (("a code of another root", _with_other_root(office)), ("a mistyped code", code[:-1])):
        try:
            checks.that(f"{name} is refused", False, box.enrol(url, wrong))
        except Failed as error:
            checks.that(f"{name} is refused with a sentence", "ended with 1" in str(error), error)
    answer = box.enrol(url, code)
    checks.equal("the Rust terminal enrols", str(answer.get("provider")), "412")
    checks.that("it says its terminal id", answer.get("terminal") in {name.hex() for name in office.boxes}, answer)


def _with_other_root(office: Office) -> str:
    kept, office.root = office.root, SigningKey(secrets.token_bytes(32))
    code = office.new_code(412)
    office.root = kept
    return code


def _day(checks: Checks, box: RustTerminal, rows: list[dict[str, str]]) -> None:
    first = box.redeem(rows[0]["code"], ask="scan-1")
    checks.equal("a scan is accepted", (first[0], first[1].get("verdict"), first[1].get("cents")), (201, "accepted", PRICE))
    again = box.redeem(rows[0]["code"], ask="scan-1")
    checks.that("the same ask gets the same answer", again[1].get("seq") == first[1].get("seq"), again)
    _refused(checks, box, "a second lunch", rows[0]["code"], "already_redeemed")
    _refused(checks, box, "an expired token", rows[-1]["code"], "expired")
    _refused(checks, box, "a web page", "https://example.org", "malformed")
    _refused(checks, box, "a number never seen", rows[3]["number"], "unknown_number")
    scanned = box.redeem("]Q1" + rows[1]["code"].lower() + "\r\n")
    checks.equal("a scan with an AIM identifier in lower case", (scanned[0], scanned[1].get("verdict")), (201, "accepted"))
    checked = box.ask("POST", "/api/v1/checks", {"code": rows[3]["code"], "service": "lunch"})
    checks.that("a check is answered", checked[0] < 300, checked)
    unused = box.redeem(rows[3]["code"])
    checks.equal("a check has recorded nothing", (unused[0], unused[1].get("verdict")), (201, "accepted"))
    _refused(checks, box, "the card number of a lunch already eaten", rows[3]["number"], "already_redeemed")
    cancelled = box.redeem(rows[2]["code"])
    answer = box.ask("POST", f"/api/v1/redemptions/{cancelled[1].get('id')}/cancellation", {"reason": "wrong_child"})
    checks.that("a cancellation is taken", answer[0] < 300, answer)


def _refused(checks: Checks, box: RustTerminal, name: str, code: str, reason: str) -> None:
    status_code, answer = box.redeem(code)
    checks.equal(f"{name} is refused", (status_code, answer.get("verdict"), answer.get("reason")), (200, "refused", reason))
    message = answer.get("message") or {}
    checks.that(f"{name}: in German and English", bool(message.get("de")) and bool(message.get("en")), answer)


def _doors(checks: Checks, box: RustTerminal, code: str) -> None:
    body = {"code": code, "service": "lunch"}
    for name, headers in (("without a key", {"Authorization": "Bearer x"}), ("from a foreign page", {"Origin": "https://evil.example"}),
                          ("under a foreign host", {"Host": "evil.example"})):
        status_code, _ = box.ask("POST", "/api/v1/redemptions", body, **headers)
        checks.that(f"a request {name} is refused", status_code in (400, 401, 403, 421), status_code)
    checks.that("a request without a code is not well-formed", 400 <= box.ask("POST", "/api/v1/redemptions", {})[0] < 500)


def _delivery(checks: Checks, box: RustTerminal, office: Office, second: Office) -> None:
    answer = box.exchange()
    checks.that("the day's exchange succeeds", answer[0] == 200, answer)
    mine = [line for line in office.lines if line.entry[3] == REDEMPTION]
    checks.that("the office has the redemptions", len(mine) == 4, len(mine))
    checks.equal("they claim what was shown", {line.entry[4][7] for line in mine}, {PRICE})
    checks.equal("the other office has its own", len(second.lines), 1)
    named = {entry[4].get(1) for batch in second.batches for entry in batch.entries.values() if entry[3] == REDEMPTION}
    checks.equal("and sees nobody else's", named, {second.id})
    with office.lock:
        office.decide()
    box.exchange()
    box.exchange()
    known = box.ask("GET", "/api/v1/status")
    checks.that("the status can be asked for", known[0] == 200, known)
    checks.that("the cursor is acknowledged", office.outbounds[-1][5][3] == 1, office.outbounds[-1][5])
    day = box.ask("GET", f"/api/v1/days/{_today()}")
    checks.that("the day shows what the office said", day[0] == 200 and "accepted" in json.dumps(day[1]), day)


def _today() -> str:
    return to_date(documents.berlin_day(int(time.time()))).isoformat()


@contextmanager
def _spoiled(office: Office, **changes: Any) -> Iterator[None]:
    kept = {name: getattr(office, name) for name in changes}
    for name, value in changes.items():
        setattr(office, name, value)
    yield
    for name, value in kept.items():
        setattr(office, name, value)


def _liars(checks: Checks, box: RustTerminal, office: Office) -> None:
    cursor = office.outbounds[-1][5][3]
    lies: dict[str, dict[str, Any]] = {
        "an answer to another question (stale nonce)": {"nonce": secrets.token_bytes(16)},
        "an unsolicited answer (nonce of zeros)": {"nonce": bytes(16)},
        "an answer signed by a stranger": {"signer": SigningKey(secrets.token_bytes(32))},
        "an answer signed by the token key": {"signer": office.tokens_key},
        "an answer for another terminal": {"extra": {1: secrets.token_bytes(16)}},
        "an answer from another office": {"extra": {13: "05999000"}},
    }
    for name, changes in lies.items():
        changes["extra"] = changes.get("extra", {}) | {6: 99}
        with _spoiled(office, **changes):
            box.exchange()
        box.exchange()
        checks.equal(f"{name} changes nothing", office.outbounds[-1][5][3], cursor)
    checks.that("after all that an honest exchange works", box.exchange()[0] == 200)


def _revocation(checks: Checks, box: RustTerminal, office: Office, rows: list[dict[str, str]]) -> None:
    with office.lock:
        office.set_status(rows[4]["token_id"], status.REVOKED)
    box.exchange()
    _refused(checks, box, "a revoked token", rows[4]["code"], "revoked")


def _offline(checks: Checks, box: RustTerminal, rows: list[dict[str, str]]) -> None:
    answer = box.exchange()
    checks.that("an office that is away is said, not hidden", answer[0] >= 400 or "05913000" in json.dumps(answer[1]), answer)
    scanned = box.redeem(rows[5]["code"])
    checks.equal("a scan needs no office", (scanned[0], scanned[1].get("verdict")), (201, "accepted"))
