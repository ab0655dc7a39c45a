#!/usr/bin/env python3
"""A minimal office written by someone else: admits terminals, issues tokens, takes in batches, gives advices.

    office.py --listen 127.0.0.1:8190 --out DIR

makes a new office in memory, writes DIR/office.json (its enrolment codes) and DIR/tokens.csv, and serves until it is
ended. As a library it can also misbehave: `Office.nonce`, `Office.signer` and `Office.extra` spoil what it answers.
"""

from __future__ import annotations

import argparse
import csv
import hmac
import json
import secrets
import sys
import threading
import time
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from teilhabe_formats import codes, documents, envelope, journal, status
from teilhabe_formats.documents import CANCELLATION, ENTITLEMENT, REDEMPTION
from teilhabe_formats.ed25519 import SigningKey
from teilhabe_formats.refusal import Refused

MAX_BODY = 17 * 1024 * 1024
DAY_SECONDS = 86_400
PENDING, ACCEPTED, REDUCED, REJECTED = range(4)


@dataclass
class Box:
    """A terminal the office has admitted, and what it holds of its journal."""

    key: bytes
    recipient: str
    provider: int
    credential: bytes
    seq: int = 0
    link: bytes = b""
    receipts: dict[bytes, bytes] = field(default_factory=dict)
    advices: list[bytes] = field(default_factory=list)
    cursor: int = 0


@dataclass
class Line:
    """One claimed line as it was taken in."""

    terminal: bytes
    batch: bytes
    seq: int
    entry: dict[int, Any]


class Office:
    """One office in memory."""

    def __init__(self, office_id: str = "05913000", name: str = "Stadt Dortmund") -> None:
        self.id, self.name = office_id, name
        self.root, self.tokens_key, self.papers_key, self.status_key = (SigningKey(secrets.token_bytes(32)) for _ in range(4))
        self.identity, self.recipient = envelope.new_identity()
        self.providers: dict[int, tuple[str, list[dict[int, Any]]]] = {}
        self.secrets: dict[bytes, tuple[bytes, int]] = {}
        self.boxes: dict[bytes, Box] = {}
        self.issued: dict[bytes, dict[int, Any]] = {}
        self.statuses: list[int] = []
        self.lines: list[Line] = []
        self.decided: dict[tuple[bytes, int], tuple[int, int, str]] = {}
        self.version, self.listed = 1, 0
        self.nonce: bytes | None = None
        self.signer = self.papers_key
        self.extra: dict[int, Any] = {}
        self.lock = threading.Lock()
        self.outbounds: list[dict[int, Any]] = []
        self.batches: list[journal.Opened] = []

    # What it signs

    def trust(self) -> bytes:
        """The trust list, valid for a year."""
        now = now_ms()
        year = 366 * DAY_SECONDS * 1000
        keys = [{1: key.public, 2: [purpose], 3: now - year, 4: now + 2 * year}
                for purpose, key in enumerate((self.tokens_key, self.papers_key, self.status_key), start=1)]
        return documents.sign(documents.TRUST, {1: self.version, 2: now, 3: now + year, 4: [self.id, self.name], 5: keys,
                                                6: self.recipient, 7: {1: 90, 2: 3, 3: 14}}, self.root)

    def add_provider(self, number: int, name: str, services: list[dict[int, Any]]) -> str:
        """A provider with its services; gives an enrolment code."""
        self.providers[number] = (name, services)
        return self.new_code(number)

    def new_code(self, provider: int) -> str:
        """An enrolment code for one more terminal."""
        secret = secrets.token_bytes(10)
        self.secrets[documents.code_id(secret)] = (secret, provider)
        return codes.enrolment_code(secret, self.root.public)

    def issue(self, allowances: list[Any], begin: int, end: int) -> dict[str, str]:
        """A token valid from `begin` to `end` (seconds, Berlin midnights) as a row of tokens.csv."""
        entitlement = {1: allowances, 2: len(self.statuses), 5: secrets.token_bytes(8)}
        claims: dict[int, Any] = {4: end, 5: begin, 6: int(time.time()), 7: secrets.token_bytes(16), ENTITLEMENT: entitlement}
        token = documents.sign(documents.TOKEN, claims, self.tokens_key)
        self.issued[claims[7]] = claims
        self.statuses.append(status.VALID)
        return {"reference": f"R{len(self.statuses):05d}", "token_id": claims[7].hex(),
                "number": codes.card_number(claims[7]), "code": codes.token_code(token), "svg": ""}

    def set_status(self, token_id: str, state: int) -> None:
        """Revokes, suspends or replaces a token; the next list says so."""
        self.statuses[self.issued[bytes.fromhex(token_id)][ENTITLEMENT][2]] = state
        self.listed += 1

    def status_list(self) -> bytes:
        """The status list as of now; every change makes it a second newer, so that it replaces the one before."""
        issued = int(time.time()) - 60 + self.listed
        return status.sign(self.status_key, status.pack(self.statuses), issued, DAY_SECONDS, f"https://{self.id}.example/status")

    # Enrolment

    def enrol(self, body: bytes) -> dict[str, str]:
        """The answer to an enrolment; a code works once."""
        content = documents.verify_enrolment(body)
        found = self.secrets.get(content[4])
        if found is None:
            raise Refused("provider_not_admitted", "this code is unknown or was used: ask the office for a new one")
        secret, provider = found
        if not hmac.compare_digest(documents.enrolment_proof(secret, content[1], content[2]), content[5]):
            raise Refused("bad_signature", "the proof does not fit the code")
        del self.secrets[content[4]]
        terminal, now = documents.terminal_id(content[1]), now_ms()
        name, services = self.providers[provider]
        credential = documents.sign(documents.CREDENTIAL, {
            1: provider, 2: name, 3: terminal, 4: content[1], 5: content[2], 6: now, 7: now + 366 * DAY_SECONDS * 1000,
            8: services}, self.papers_key)
        self.boxes[terminal] = Box(content[1], content[2], provider, credential, link=journal.first_link(terminal))
        parts = {"root": self.root.public, "trust": self.trust(), "credential": credential}
        return {name: urlsafe_b64encode(data).decode().rstrip("=") for name, data in parts.items()}

    # Exchange

    def exchange(self, body: bytes) -> bytes:
        """The age file that answers an age file."""
        signed = envelope.open_sealed(body, self.identity)
        box = self.boxes.get(documents.peek(documents.OUTBOUND, signed)[1])
        if box is None:
            raise Refused("provider_not_admitted", "this terminal is not enrolled here")
        content = documents.verify(documents.OUTBOUND, signed, [box.key])
        if content[7] != self.id or documents.terminal_id(box.key) != content[1]:
            raise Refused("wrong_provider", "this envelope is for another office")
        self.outbounds.append(content)
        receipts = [self.take_in(content[1], box, batch) for batch in content[4]]
        inbound = self._inbound(content, box, receipts)
        return envelope.seal(documents.sign(documents.INBOUND, inbound | self.extra, self.signer), box.recipient)

    def _inbound(self, content: dict[int, Any], box: Box, receipts: list[bytes]) -> dict[int, Any]:
        version, listed, credential, cursor = content[5]
        inbound: dict[int, Any] = {
            1: content[1], 2: self.nonce or content[2], 3: now_ms(), 4: receipts, 5: box.advices[cursor:],
            6: len(box.advices), 11: [box.seq, box.link], 13: self.id}
        if version < self.version:
            inbound[7] = self.trust()
        if listed == 0 or self.listed:
            inbound[8] = self.status_list()
        if documents.peek(documents.CREDENTIAL, box.credential)[6] > credential:
            inbound[9] = box.credential
        return inbound

    def take_in(self, terminal: bytes, box: Box, data: bytes) -> bytes:
        """The receipt for a batch; the same batch gets the same receipt, a wrong one a receipt with its reason."""
        digest = journal.sha256(data)
        if digest in box.receipts:
            return box.receipts[digest]
        try:
            batch = journal.open_batch(data, box.key, self.id)
            self._place(box, batch)
        except Refused as refusal:
            return self._receipt(bytes(16), box, digest, refusal.reason)
        self.batches.append(batch)
        self.lines += [Line(terminal, batch.content[1], seq, entry) for seq, entry in batch.entries.items()
                       if entry[3] in (REDEMPTION, CANCELLATION)]
        box.seq, box.link = batch.content[6] + len(batch.content[8]) - 1, batch.content[9]
        box.receipts[digest] = self._receipt(batch.content[1], box, digest)
        return box.receipts[digest]

    def _place(self, box: Box, batch: journal.Opened) -> None:
        first = batch.content[6]
        if first > box.seq + 1:
            raise Refused("journal_gap", f"entries {box.seq + 1} to {first - 1} are missing")
        if first <= box.seq or batch.content[7] != box.link:
            raise Refused("journal_forked", "this does not continue the journal the office has")

    def _receipt(self, batch: bytes, box: Box, digest: bytes, reason: str | None = None) -> bytes:
        content: dict[int, Any] = {1: batch, 2: now_ms(), 3: box.seq, 4: box.link, 5: digest}
        return documents.sign(documents.RECEIPT, content | ({6: reason} if reason else {}), self.papers_key)

    # Decision

    def decide(self) -> None:
        """Decides every line taken in so far and puts an advice for each batch into its terminal's answers."""
        taken: dict[bytes, tuple[bytes, int]] = {}
        by_batch: dict[tuple[bytes, bytes], list[list[Any]]] = {}
        for line in self.lines:
            verdict = self._verdict(line, taken)
            self.decided[(line.terminal, line.seq)] = verdict
            by_batch.setdefault((line.terminal, line.batch), []).append([line.seq, *verdict])
        for (terminal, batch), lines in by_batch.items():
            box = self.boxes[terminal]
            box.cursor += 1
            share = sum(line[2] for line in lines)
            tomorrow = documents.berlin_day(now_ms() // 1000) + 1
            payment = {1: f"PY-{self.id}-{box.cursor:06d}-{box.provider}", 2: tomorrow, 3: share, 4: share}
            content = {1: batch, 2: now_ms(), 3: lines, 4: [payment], 5: box.cursor}
            box.advices.append(documents.sign(documents.ADVICE, content, self.papers_key))

    def _verdict(self, line: Line, taken: dict[bytes, tuple[bytes, int]]) -> tuple[int, int, str]:
        body = line.entry[4]
        if line.entry[3] == CANCELLATION:
            _, cents, _ = self.decided.get((line.terminal, body[1]), (PENDING, 0, ""))
            return ACCEPTED, -cents, ""
        claims = self.issued.get(body[2])
        if claims is None or claims[ENTITLEMENT][5] != body[14]:
            return REJECTED, 0, "unknown_token"
        midnight = documents.berlin_midnight(body[5])
        if not claims[5] <= midnight < claims[4]:
            return REJECTED, 0, "expired" if midnight >= claims[4] else "not_yet_valid"
        if taken.setdefault(body[8], (line.terminal, line.seq)) != (line.terminal, line.seq):
            return REJECTED, 0, "duplicate"
        agreed = self._agreed(line)
        if agreed is not None and body[7] > agreed:
            return REDUCED, agreed, "price_differs"
        return ACCEPTED, body[7], ""

    def _agreed(self, line: Line) -> int | None:
        """The agreed cents of a line, or None where the amount is free."""
        body = line.entry[4]
        _, services = self.providers[self.boxes[line.terminal].provider]
        service = next((item for item in services if item[1] == body[4] and item[4] != 1), None)
        dated = [entry for entry in service[5] if entry[0] <= body[5]] if service else []
        return int(max(dated)[1]) * int(body[6]) if dated else None

    # Serving

    def serve(self, host: str = "127.0.0.1", port: int = 0) -> tuple[ThreadingHTTPServer, str]:
        """Serves in a thread of its own; gives the server and its URL."""
        server = ThreadingHTTPServer((host, port), handler_for(self))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server, f"http://{host}:{server.server_address[1]}"


def handler_for(office: Office) -> type[BaseHTTPRequestHandler]:
    """The HTTP side: two addresses and /healthz, errors as RFC 9457."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # noqa: N802
            """/healthz"""
            self.answer(200 if self.path == "/healthz" else 404, b"ok\n", "text/plain")

        def do_POST(self) -> None:  # noqa: N802
            """/api/v1/exchange and /api/v1/enrolments"""
            size = int(self.headers.get("Content-Length") or 0)
            if size > MAX_BODY:
                return self.problem(413, "malformed", "the body is larger than an outbound may be")
            body = self.rfile.read(size)
            try:
                with office.lock:
                    if self.path == "/api/v1/exchange":
                        return self.answer(200, office.exchange(body), "application/octet-stream")
                    if self.path == "/api/v1/enrolments":
                        return self.answer(200, json.dumps(office.enrol(body)).encode(), "application/json")
            except Refused as refusal:
                return self.problem(400, refusal.reason, refusal.detail)
            return self.problem(404, "malformed", "there is nothing at this address")

        def problem(self, code: int, reason: str, detail: str) -> None:
            body = {"type": "about:blank", "title": reason, "status": code, "detail": detail}
            self.answer(code, json.dumps(body).encode(), "application/problem+json")

        def answer(self, code: int, body: bytes, kind: str) -> None:
            self.send_response(code)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Silent: who scanned where is nobody's log line."""

    return Handler


def now_ms() -> int:
    """UTC milliseconds."""
    return time.time_ns() // 1_000_000


def sample(office: Office) -> tuple[str, list[dict[str, str]]]:
    """A canteen with lunch, and tokens for ten children valid for a year around today; gives code and rows."""
    today = documents.berlin_day(int(time.time()))
    services = [{1: "lunch", 2: 1, 3: "Mittagessen", 4: 0, 5: [[today - 400, 420]]},
                {1: "judo", 2: 2, 3: "Judo", 4: 1, 5: []}]
    code = office.add_provider(412, "Mensa Nordstadt", services)
    begin, end = documents.berlin_midnight(today - 180), documents.berlin_midnight(today + 180)
    rows = [office.issue([[1, [[1, 0, 1]]], [2, [[4, 1, 18_000]]]], begin, end) for _ in range(10)]
    rows.append(office.issue([[1, [[1, 0, 1]]]], documents.berlin_midnight(today - 400), documents.berlin_midnight(today - 30)))
    return code, rows


def write_tokens(path: Path, rows: list[dict[str, str]]) -> None:
    """A tokens.csv."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["reference", "token_id", "number", "code", "svg"], delimiter=";")
        writer.writeheader()
        writer.writerows(rows)


def main() -> int:
    """Serves a new office until it is ended; decides whatever came in every two seconds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--listen", default="127.0.0.1:8190")
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args()
    host, port = chosen.listen.rsplit(":", 1)
    office = Office()
    code, rows = sample(office)
    chosen.out.mkdir(parents=True, exist_ok=True)
    write_tokens(chosen.out / "tokens.csv", rows)
    _, url = office.serve(host, int(port))
    (chosen.out / "office.json").write_text(json.dumps({"url": url, "enrolment_code": code}), encoding="utf-8")
    print(f"office {office.id} at {url}, enrolment code {code}", flush=True)
    seen = 0
    while True:
        time.sleep(2)
        with office.lock:
            if len(office.lines) > seen:
                seen = len(office.lines)
                office.decide()


if __name__ == "__main__":
    sys.exit(main())
