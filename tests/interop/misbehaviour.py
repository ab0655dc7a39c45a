"""What a faulty or dishonest terminal does. Each mode acts on an enrolled Terminal and gives what the office answered."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import terminal_rules as rules
from box import SEEN_AS_QR, Terminal, Unreachable, post, redemption_body
from teilhabe_formats import codes, documents, envelope, journal
from teilhabe_formats.documents import REDEMPTION
from teilhabe_formats.ed25519 import SigningKey
from teilhabe_formats.refusal import Refused

OTHER_OFFICE = "99999999"
RUBBISH_BYTES = 10 * 1024 * 1024
Answer = dict[str, Any]


def _deliver(terminal: Terminal, office: str, batches: list[bytes], nonce: bytes | None = None) -> Answer:
    """Sends these batches alone and tells the receipts' reasons by batch, without taking anything over."""
    link = terminal.offices[office]
    kept, link.outbox = link.outbox, [data.hex() for data in batches]
    outbound = terminal.outbound(office, nonce)
    link.outbox = kept
    try:
        inbound = terminal.send(office, outbound)
    except Unreachable as error:
        return {"refused": error.status_code, "text": error.text}
    content = documents.issued_by(documents.INBOUND, inbound, link.keys, 3)
    receipts = [documents.issued_by(documents.RECEIPT, data, link.keys, 2) for data in content[4]]
    return {"receipts": [data.hex() for data in content[4]], "nonce_echoed": content[2] == documents.peek(
        documents.OUTBOUND, outbound)[2], "reasons": [item.get(6) for item in receipts], "head": content[11][0]}


def resend(terminal: Terminal, office: str) -> Answer:
    """The same outbound once more: the same receipts are expected."""
    link = terminal.offices[office]
    terminal.seal(office)
    outbound = terminal.outbound(office)
    answers = [documents.issued_by(documents.INBOUND, terminal.send(office, outbound), link.keys, 3) for _ in range(2)]
    terminal.exchange(office)
    return {"batches": len(documents.peek(documents.OUTBOUND, outbound)[4]), "same": answers[0][4] == answers[1][4],
            "receipts": len(answers[0][4])}


def fork(terminal: Terminal, office: str) -> Answer:
    """A disk restored from an old copy: other entries under seqs the office has already."""
    kept, sealed_to = list(terminal.journal), terminal.offices[office].sealed_to
    del terminal.journal[sealed_to - 1 :]
    for _ in range(3):
        terminal.enter(documents.CLOCK, {1: terminal.clock(), 2: 0})
    answer = _deliver(terminal, office, [terminal.batch(office, sealed_to + 1, sealed_to + 2)])
    terminal.journal = kept
    return answer


def gap(terminal: Terminal, office: str) -> Answer:
    """A batch that leaves an entry out between itself and the last one."""
    kept = list(terminal.journal)
    for _ in range(2):
        terminal.enter(documents.CLOCK, {1: terminal.clock(), 2: 0})
    answer = _deliver(terminal, office, [terminal.batch(office, len(terminal.journal), len(terminal.journal))])
    terminal.journal = kept
    return answer


def other_office(terminal: Terminal, office: str) -> Answer:
    """A batch for another office in an envelope for this one."""
    end = len(terminal.journal)
    return _deliver(terminal, office, [terminal.batch(office, end, end, k2=OTHER_OFFICE)])


def other_key(terminal: Terminal, office: str) -> Answer:
    """A batch in this terminal's name that another key signed."""
    end = len(terminal.journal)
    return _deliver(terminal, office, [terminal.batch(office, end, end, key=SigningKey(secrets.token_bytes(32)))])


def rubbish_batch(terminal: Terminal, office: str) -> Answer:
    """Bytes that are no batch, in an envelope that is right."""
    return _deliver(terminal, office, [secrets.token_bytes(500)])


def stale_nonce(terminal: Terminal, office: str) -> Answer:
    """Another outbound under a nonce used before."""
    nonce = secrets.token_bytes(16)
    first = _deliver(terminal, office, [], nonce)
    second = _deliver(terminal, office, [], nonce)
    return {"first": first, "second": second}


def rubbish_body(terminal: Terminal, office: str) -> Answer:
    """10 MB that are no age file."""
    return _refused(terminal.offices[office].url, secrets.token_bytes(RUBBISH_BYTES))


def rubbish_in_age(terminal: Terminal, office: str) -> Answer:
    """An age file for the office with 10 MB of rubbish in it."""
    link = terminal.offices[office]
    return _refused(link.url, envelope.seal(secrets.token_bytes(RUBBISH_BYTES), link.trusted[6]))


def stranger(terminal: Terminal, office: str) -> Answer:
    """A terminal that never enrolled sends an outbound."""
    link, other = terminal.offices[office], Terminal.new(terminal.clock)
    content = {1: other.id, 2: secrets.token_bytes(16), 3: other.clock(), 4: [], 5: [0, 0, 0, 0],
               6: [1, other.link_at(1)], 7: office}
    return _refused(link.url, envelope.seal(documents.sign(documents.OUTBOUND, content, other.key), link.trusted[6]))


def _refused(url: str, body: bytes) -> Answer:
    try:
        answer = post(f"{url}/api/v1/exchange", body)
    except Unreachable as error:
        return {"refused": error.status_code, "text": error.text}
    return {"refused": None, "bytes": len(answer)}


def forged(terminal: Terminal, office: str, scanned: str, service: str, **changes: Any) -> int:
    """A redemption written without asking any rule; `k7=…` replaces key 7 of its body. Gives its seq."""
    link = terminal.offices[office]
    claims = _claims(terminal, office, scanned)
    credential, listed = link.admitted, link.listed
    if listed is None:
        raise Refused("status_stale", "exchange first")
    offered = next(item for item in credential[8] if item[1] == service)
    ask = rules.Ask(claims, offered, office, credential[1], documents.berlin_day(terminal.clock() // 1000), cents=0)
    slot = journal.slot(office, ask.handle, ask.benefit, rules.slot_key(ask))
    body = redemption_body(ask, rules.price(ask), slot, SEEN_AS_QR, [listed.issued, 0])
    return terminal.enter(REDEMPTION, body | {int(name[1:]): value for name, value in changes.items()})


def _claims(terminal: Terminal, office: str, scanned: str) -> dict[int, Any]:
    """The claims of a token, valid today or not."""
    token = codes.unbase32hex(codes.strip_scan(scanned)[4:])
    return documents.verify_token(token, terminal.offices[office].keys, None)


def unknown_token(terminal: Terminal, office: str, scanned: str, service: str) -> int:
    """A redemption of a token nobody issued."""
    handle = secrets.token_bytes(8)
    date = rules.to_date(documents.berlin_day(terminal.clock() // 1000)).isoformat()
    return forged(terminal, office, scanned, service, k2=secrets.token_bytes(16), k14=handle,
                  k8=journal.slot(office, handle, documents.LUNCH, journal.lunch_key(date)))


MODES: dict[str, Callable[[Terminal, str], Answer]] = {
    "resend": resend, "fork": fork, "gap": gap, "other_office": other_office, "other_key": other_key,
    "rubbish_batch": rubbish_batch, "stale_nonce": stale_nonce, "rubbish_body": rubbish_body,
    "rubbish_in_age": rubbish_in_age, "stranger": stranger,
}
"""Modes that need nothing but an enrolled terminal; `forged` and `unknown_token` also need a token."""
