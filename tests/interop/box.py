"""A terminal written by someone else: its key, its journal, what it holds of each office, and the exchange."""

from __future__ import annotations

import csv
import json
import secrets
import time
import urllib.error
import urllib.request
from base64 import urlsafe_b64decode
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import terminal_rules as rules
from teilhabe_formats import cbor, codes, cose, documents, envelope, journal, status
from teilhabe_formats.documents import ADMISSION, BATCH, CANCELLATION, CHECKPOINT, OPENED, OUTBOUND, REDEMPTION, SEALED
from teilhabe_formats.ed25519 import SigningKey
from teilhabe_formats.refusal import Refused

TIMEOUT_SECONDS = 60
SEEN_AS_QR, SEEN_AS_NUMBER = 1, 4
VERDICTS = ("pending", "accepted", "reduced", "rejected")


class Unreachable(Exception):
    """The office did not answer with what was asked for; the text is its own sentence."""

    def __init__(self, status_code: int, text: str) -> None:
        super().__init__(f"the office answered {status_code}: {text}")
        self.status_code = status_code
        self.text = text


@dataclass
class Link:
    """What the terminal holds of one office; documents in hex, `sealed_to` the last seq in a batch."""

    url: str
    root: str
    trust: str
    credential: str
    listed_hex: str = ""
    cursor: int = 0
    sealed_to: int = 0
    outbox: list[str] = field(default_factory=list)
    sent: dict[str, list[int]] = field(default_factory=dict)
    receipts: dict[str, dict[str, Any]] = field(default_factory=dict)
    advices: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    head_at_office: list[Any] = field(default_factory=list)

    @property
    def trusted(self) -> dict[int, Any]:
        """The content of the trust list, verified anew."""
        content: dict[int, Any] = documents.verify(documents.TRUST, bytes.fromhex(self.trust), [bytes.fromhex(self.root)])
        return content

    @property
    def keys(self) -> list[documents.TrustKey]:
        """The office's keys."""
        return documents.trust_keys(self.trusted)

    @property
    def admitted(self) -> dict[int, Any]:
        """The content of the credential, verified anew."""
        content: dict[int, Any] = documents.issued_by(documents.CREDENTIAL, bytes.fromhex(self.credential), self.keys, 6)
        return content

    @property
    def listed(self) -> status.StatusList | None:
        """The status list, if the office has given one."""
        return status.verify_trusted(bytes.fromhex(self.listed_hex), self.keys) if self.listed_hex else None


class Terminal:
    """One terminal with its key, its journal and its offices; `clock` gives UTC milliseconds."""

    def __init__(self, seed: bytes, identity: tuple[str, str], clock: Callable[[], int] | None = None) -> None:
        self.key = SigningKey(seed)
        self.identity, self.recipient = identity
        self.clock = clock or (lambda: time.time_ns() // 1_000_000)
        self.id = documents.terminal_id(self.key.public)
        self.journal: list[bytes] = []
        self.offices: dict[str, Link] = {}
        self.known: dict[str, str] = {}
        self.last_outbound: dict[str, bytes] = {}

    @classmethod
    def new(cls, clock: Callable[[], int] | None = None) -> Terminal:
        """A terminal with a fresh key and age identity, and `opened` in its journal."""
        terminal = cls(secrets.token_bytes(32), envelope.new_identity(), clock)
        terminal.enter(OPENED, {})
        return terminal

    @classmethod
    def load(cls, path: Path) -> Terminal:
        """The terminal in a file, or a new one where there is none."""
        if not path.exists():
            return cls.new()
        state = json.loads(path.read_text(encoding="utf-8"))
        terminal = cls(bytes.fromhex(state["seed"]), (state["identity"], state["recipient"]))
        terminal.journal = [bytes.fromhex(item) for item in state["journal"]]
        terminal.offices = {office: Link(**link) for office, link in state["offices"].items()}
        terminal.known = state["known"]
        terminal.last_outbound = {office: bytes.fromhex(data) for office, data in state["last_outbound"].items()}
        return terminal

    def save(self, path: Path) -> None:
        """Writes the terminal to its file."""
        state = {"seed": self.key.seed.hex(), "identity": self.identity, "recipient": self.recipient,
                 "journal": [item.hex() for item in self.journal], "known": self.known,
                 "offices": {office: asdict(link) for office, link in self.offices.items()},
                 "last_outbound": {office: data.hex() for office, data in self.last_outbound.items()}}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(state, indent=1), encoding="utf-8")

    # The journal

    def enter(self, kind: int, body: dict[int, Any]) -> int:
        """Appends an entry and gives its seq."""
        seq = len(self.journal) + 1
        entry = {1: seq, 2: self.clock(), 3: kind, 4: body, 5: secrets.token_bytes(16)}
        documents.entry(entry)
        self.journal.append(cbor.encode(entry))
        return seq

    def entries(self) -> list[dict[int, Any]]:
        """The journal's entries, read."""
        return [documents.read(documents.ENTRY, data) for data in self.journal]

    def link_at(self, seq: int) -> bytes:
        """The link after entry `seq` (0: before the first)."""
        first = journal.first_link(self.id)
        return journal.links(first, [[data] for data in self.journal[:seq]])[-1] if seq else first

    # Admission

    def enrol(self, url: str, code: str, label: str = "Ausgabe") -> str:
        """Enrols with a printed code and gives the office's id; the root must be the code's."""
        secret, fingerprint = codes.read_enrolment_code(code)
        request = {1: self.key.public, 2: self.recipient, 3: label, 4: documents.code_id(secret),
                   5: documents.enrolment_proof(secret, self.key.public, self.recipient)}
        answer = json.loads(post(f"{url}/api/v1/enrolments", documents.sign(documents.ENROLMENT, request, self.key)))
        root, trust, credential = (unbase64url(answer[name]) for name in ("root", "trust", "credential"))
        if not codes.root_fits(root, fingerprint):
            raise Refused("unknown_key", "the office's root key is not the one on the printed code")
        link = Link(url, root.hex(), trust.hex(), credential.hex(), sealed_to=0)
        office = str(link.trusted[4][0])
        self._check_own(link.admitted)
        self.offices[office] = link
        self._admit(office, 1, trust)
        self._admit(office, 2, credential)
        return office

    def _check_own(self, credential: dict[int, Any]) -> None:
        if credential[3] != self.id or credential[4] != self.key.public or credential[5] != self.recipient:
            raise Refused("provider_not_admitted", "a credential for another terminal")

    def _admit(self, office: str, kind: int, data: bytes) -> None:
        self.enter(ADMISSION, {1: office, 2: kind, 3: journal.sha256(data)})

    # Redemption

    def identify(self, scanned: str) -> tuple[str, dict[int, Any], int]:
        """The office, the claims and the way of a scan: a whole code, or the card number of one seen before."""
        now = self.clock() // 1000
        seen_as = SEEN_AS_QR
        if not codes.strip_scan(scanned).upper().startswith("BUT"):
            number = codes.read_number(scanned)
            if number not in self.known:
                raise Refused("unknown_number", "scan the whole code once")
            scanned, seen_as = self.known[number], SEEN_AS_NUMBER
        refusal = Refused("unknown_key", "no office known here has signed this token")
        for office, link in self.offices.items():
            try:
                _, claims = codes.read_scan(scanned, link.keys, now)
            except Refused as error:
                refusal = error if error.reason != "unknown_key" else refusal
                continue
            self.known[codes.card_number(claims[7])] = scanned
            return office, claims, seen_as
        raise refusal

    def redeem(self, scanned: str, service: str, **typed: Any) -> int:
        """Decides on a scan and writes the redemption; gives its seq. `typed`: cents, day, units, start, end, charge."""
        office, claims, seen_as = self.identify(scanned)
        link = self.offices[office]
        credential, listed = link.admitted, link.listed
        offered = [item for item in credential[8] if item[1] == service]
        if not offered:
            raise Refused("provider_not_admitted", f"the credential has no service {service}")
        if listed is None:
            raise Refused("status_stale", "exchange first: there is no status list yet")
        now = self.clock()
        ask = rules.Ask(claims, offered[0], office, credential[1], typed.pop("day", documents.berlin_day(now // 1000)), **typed)
        self._check_window(ask, link.trusted[7][1], now)
        age = rules.check_status(ask, listed, link.trusted[7], now)
        cents, slot = rules.price(ask), journal.slot(office, ask.handle, ask.benefit, rules.slot_key(ask))
        spent = self._standing()
        if any(body[8] == slot for body in spent):
            raise Refused("already_redeemed", "this can be used once")
        rules.check_allowance(ask, cents, [body for body in spent if (body[14], body[3]) == (ask.handle, ask.benefit)])
        return self.enter(REDEMPTION, redemption_body(ask, cents, slot, seen_as, [listed.issued, age]))

    def _check_window(self, ask: rules.Ask, grace_days: int, now_ms: int) -> None:
        midnight = documents.berlin_midnight(ask.day)
        if midnight < ask.claims[5]:
            raise Refused("not_yet_valid", "the service day is before the first entitled month")
        if midnight >= ask.claims[4]:
            raise Refused("expired", "the service day is after the last entitled month")
        if now_ms >= (max(ask.claims[4], ask.claims[6]) + grace_days * 86_400) * 1000:
            raise Refused("outside_claim_window", "the time to claim is over")

    def _standing(self) -> list[dict[int, Any]]:
        """The redemptions that were not cancelled."""
        entries = self.entries()
        cancelled = {entry[4][1] for entry in entries if entry[3] == CANCELLATION}
        return [entry[4] for entry in entries if entry[3] == REDEMPTION and entry[1] not in cancelled]

    def cancel(self, seq: int, reason: str) -> int:
        """Cancels a redemption by a counter-record; gives its seq."""
        entries = self.entries()
        if not 1 <= seq <= len(entries) or entries[seq - 1][3] != REDEMPTION:
            raise Refused("malformed", f"entry {seq} is no redemption")
        if any(entry[3] == CANCELLATION and entry[4][1] == seq for entry in entries):
            raise Refused("malformed", f"entry {seq} is cancelled already")
        target = self.journal[seq - 1]
        return self.enter(CANCELLATION, {1: seq, 2: reason, 3: entries[seq - 1][4][1], 4: journal.sha256(target)})

    # Exchange

    def batch(self, office: str, first: int, last: int, **changes: Any) -> bytes:
        """A signed batch of entries first..last; `k2=…` replaces key 2, `key` the signing key."""
        signer = changes.pop("key", self.key)
        content = {1: secrets.token_bytes(16), 2: office, 3: self.offices[office].admitted[1], 4: self.id, 5: self.clock(),
                   6: first, 7: self.link_at(first - 1), 8: journal.items_for(self.journal[first - 1 : last], office),
                   9: self.link_at(last)}
        return documents.sign(BATCH, content | {int(name[1:]): value for name, value in changes.items()}, signer)

    def seal(self, office: str) -> None:
        """Puts everything not yet sealed for this office into its outbox, in batches of at most 50,000."""
        link, end = self.offices[office], len(self.journal)
        while link.sealed_to < end:
            last = min(end, link.sealed_to + documents.MAX_ITEMS)
            data = self.batch(office, link.sealed_to + 1, last)
            self.post_batch(office, data)
            link.sealed_to = last

    def post_batch(self, office: str, data: bytes) -> None:
        """Puts a batch into the outbox and `sealed` into the journal."""
        link, content = self.offices[office], documents.peek(BATCH, data)
        link.outbox.append(data.hex())
        link.sent[content[1].hex()] = [content[6], content[6] + len(content[8]) - 1]
        self.enter(SEALED, {1: office, 2: content[1], 3: journal.sha256(data)})

    def outbound(self, office: str, nonce: bytes | None = None) -> bytes:
        """A signed outbound with the office's outbox."""
        link = self.offices[office]
        content = {1: self.id, 2: nonce or secrets.token_bytes(16), 3: self.clock(),
                   4: [bytes.fromhex(data) for data in link.outbox],
                   5: [link.trusted[1], link.listed.issued if link.listed else 0, link.admitted[6], link.cursor],
                   6: [len(self.journal), self.link_at(len(self.journal))], 7: office}
        return documents.sign(OUTBOUND, content, self.key)

    def exchange(self, office: str) -> dict[str, Any]:
        """Seals, sends, takes in the answer, and comes again while there is more."""
        self.seal(office)
        taken: dict[str, Any] = {"receipts": [], "advices": 0, "rounds": 0, "reasons": []}
        more = True
        while more:
            outbound = self.outbound(office)
            more = self.take_in(office, outbound, self.send(office, outbound), taken)
            taken["rounds"] += 1
        return taken

    def send(self, office: str, outbound: bytes) -> bytes:
        """Sends an outbound and gives the signed inbound."""
        link = self.offices[office]
        self.last_outbound[office] = outbound
        answer = post(f"{link.url}/api/v1/exchange", envelope.seal(outbound, link.trusted[6]))
        return envelope.open_sealed(answer, self.identity)

    def take_in(self, office: str, outbound: bytes, inbound: bytes, taken: dict[str, Any]) -> bool:
        """Verifies an inbound against the outbound it answers and takes it over; whether there is more to come."""
        link = self.offices[office]
        self._take_trust(office, documents.peek(documents.INBOUND, inbound).get(7))
        content = documents.issued_by(documents.INBOUND, inbound, link.keys, 3)
        sent = documents.peek(OUTBOUND, outbound)
        if content[1] != self.id or content[13] != office:
            raise Refused("malformed", "the answer is for another terminal or from another office")
        if content[2] != sent[2]:
            raise Refused("malformed", "the answer repeats another nonce: it answers an older question")
        if 8 in content:
            self._take_status(office, content[8])
        if 9 in content:
            self._take_credential(office, content[9])
        for receipt in content[4]:
            taken["receipts"].append(self._take_receipt(office, receipt, taken))
        for advice in content[5]:
            self._take_advice(link, advice)
            taken["advices"] += 1
        if content[6] < link.cursor:
            raise Refused("malformed", "the office's cursor went back")
        link.cursor, link.head_at_office = content[6], [content[11][0], content[11][1].hex()]
        return bool(content.get(12, False))

    def _take_trust(self, office: str, data: bytes | None) -> None:
        link = self.offices[office]
        if data is None:
            return
        old, roots = link.trusted, [bytes.fromhex(link.root)]
        new = documents.verify(documents.TRUST, data, roots + ([old[8]] if 8 in old else []))
        foreign = {key.key for name, other in self.offices.items() if name != office for key in other.keys}
        if new[4][0] != office or new[1] < old[1] or foreign & {item[1] for item in new[5]}:
            raise Refused("malformed", "a trust list of another office, an older one, or with another office's key")
        if new[1] > old[1]:
            if 8 in old and cose.kid_of(old[8]) == cose.parse(data).kid:
                link.root = old[8].hex()
            link.trust = data.hex()
            self._admit(office, 1, data)

    def _take_status(self, office: str, data: bytes) -> None:
        link = self.offices[office]
        new = status.verify_trusted(data, link.keys)
        if link.listed is None or new.issued > link.listed.issued:
            link.listed_hex = data.hex()
            self._admit(office, 3, data)

    def _take_credential(self, office: str, data: bytes) -> None:
        link = self.offices[office]
        new = documents.issued_by(documents.CREDENTIAL, data, link.keys, 6)
        self._check_own(new)
        if new[6] > link.admitted[6]:
            link.credential = data.hex()
            self._admit(office, 2, data)

    def _take_receipt(self, office: str, data: bytes, taken: dict[str, Any]) -> str:
        link = self.offices[office]
        content = documents.issued_by(documents.RECEIPT, data, link.keys, 2)
        name: str = content[1].hex()
        waiting = {journal.sha256(bytes.fromhex(item)): item for item in link.outbox}
        link.receipts[name] = {"seq": content[3], "link": content[4].hex(), "batch": content[5].hex(),
                               "reason": content.get(6), "hex": data.hex()}
        if 6 in content:
            taken["reasons"].append(content[6])
        elif self.link_at(content[3]) != content[4]:
            raise Refused("journal_forked", "the receipt is for another history than this journal's")
        elif content[5] in waiting:
            self.enter(CHECKPOINT, {1: office, 2: journal.sha256(data)})
        if content[5] in waiting:
            link.outbox.remove(waiting[content[5]])
        return name

    def _take_advice(self, link: Link, data: bytes) -> None:
        content = documents.issued_by(documents.ADVICE, data, link.keys, 2)
        revision = {"revision": content[5],
                    "lines": [{"seq": seq, "verdict": VERDICTS[verdict], "cents": cents, "reason": reason}
                              for seq, verdict, cents, reason in content[3]],
                    "payments": [{"end_to_end_id": item[1], "date": item[2], "share": item[3], "whole": item[4]}
                                 for item in content.get(4, [])]}
        link.advices.setdefault(content[1].hex(), []).append(revision)

    def lines(self, office: str) -> list[dict[str, Any]]:
        """Every redemption and cancellation for an office with what it was told: the highest revision of each line."""
        told: dict[int, dict[str, Any]] = {}
        for name, revisions in self.offices[office].advices.items():
            for revision in sorted(revisions, key=lambda item: int(item["revision"])):
                for line in revision["lines"]:
                    told[line["seq"]] = line | {"batch": name, "payments": revision["payments"]}
        names = {REDEMPTION: ("redemption", 1), CANCELLATION: ("cancellation", 3)}
        return [{"seq": entry[1], "kind": names[entry[3]][0], "claimed": entry[4][7] if entry[3] == REDEMPTION else None,
                 **told.get(entry[1], {"verdict": None})}
                for entry in self.entries() if entry[3] in names and entry[4][names[entry[3]][1]] == office]


def redemption_body(ask: rules.Ask, cents: int, slot: bytes, seen_as: int, evidence: list[int]) -> dict[int, Any]:
    """The body of a redemption entry."""
    body = {1: ask.office, 2: ask.claims[7], 3: ask.benefit, 4: ask.service[1], 5: ask.day, 6: ask.units, 7: cents, 8: slot,
            9: seen_as, 10: evidence, 14: ask.handle}
    optional = {12: ask.start, 13: ask.end, 15: ask.charge or None}
    return body | {name: value for name, value in optional.items() if value is not None}


def post(url: str, body: bytes) -> bytes:
    """The answer's body; Unreachable where it is no 2xx."""
    request = urllib.request.Request(url, body, {"Content-Type": "application/octet-stream"}, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
            data: bytes = answer.read()
            return data
    except urllib.error.HTTPError as error:
        raise Unreachable(error.code, error.read().decode("utf-8", "replace")) from error
    except (urllib.error.URLError, ConnectionError) as error:
        raise Unreachable(0, str(error)) from error


def unbase64url(text: str) -> bytes:
    """Base64url with or without padding."""
    return urlsafe_b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4))


def read_tokens(path: Path) -> list[dict[str, str]]:
    """The rows of a tokens.csv, whichever delimiter it has."""
    text = path.read_text(encoding="utf-8-sig")
    delimiter = ";" if ";" in text.split("\n", 1)[0] else ","
    return list(csv.DictReader(text.splitlines(), delimiter=delimiter))
