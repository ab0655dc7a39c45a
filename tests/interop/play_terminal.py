"""The Python terminal against an office, whoever wrote that: a lunch from admission to the advice on every line."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any, Protocol

import misbehaviour
from box import Terminal, Unreachable
from checks import Checks
from teilhabe_formats import codes
from teilhabe_formats.refusal import Refused

PRICE = 420
LUNCH = "lunch"


class Side(Protocol):
    """What the scenario needs of an office."""

    url: str
    rows: list[dict[str, str]]
    """tokens.csv: at least nine children with one lunch a day, valid today."""
    expired: dict[str, str]
    """One whose last month is over."""

    def new_code(self) -> str:
        """One more enrolment code for the one provider, whose service `lunch` costs 420."""

    def decide(self) -> int | None:
        """Reconciles and settles; the cents paid, where the office tells them."""


@dataclass
class Claimed:
    """The seqs of the lines whose verdicts are looked at."""

    plain: int
    by_number: int
    cancelled: tuple[int, int]
    cancelled_late: tuple[int, int]
    first_of_slot: int
    second_of_slot: int
    too_high: int
    expired: int
    unknown: int


def play(checks: Checks, side: Side) -> None:
    """The whole way."""
    terminal = Terminal.new()
    office = _admission(checks, side, terminal)
    claimed = _day(checks, side, terminal, office)
    other = _second_till(checks, side, terminal)
    _mischief(checks, terminal, office)
    paid = side.decide()
    for box in (terminal, other):
        box.exchange(office)
    _advices(checks, terminal, office, claimed)
    _till_advice(checks, other, office, terminal, claimed)
    told = [line for box in (terminal, other) for line in box.lines(office)]
    checks.that("every line has a verdict and its cents", all(line["verdict"] for line in told),
                [line for line in told if not line["verdict"]])
    if paid is not None:
        checks.equal("what is paid is the sum of the lines", paid, sum(line.get("cents", 0) for line in told))
    _payments(checks, terminal, office)
    cursor = terminal.offices[office].cursor
    terminal.exchange(office)
    checks.that("the cursor does not go back", terminal.offices[office].cursor >= cursor)
    checks.that("nothing is waiting", not terminal.offices[office].outbox)
    _fork(checks, terminal, office)


def _admission(checks: Checks, side: Side, terminal: Terminal) -> str:
    root = secrets.token_bytes(32)
    try:
        terminal.enrol(side.url, codes.enrolment_code(secrets.token_bytes(10), root))
        checks.that("a wrong code is refused", False, "accepted")
    except Unreachable as error:
        checks.that("a wrong code is refused with a sentence", 400 <= error.status_code < 500 and len(error.text) > 10, error)
    secret, _ = codes.read_enrolment_code(side.new_code())
    checks.refuses("an office with another root than the code's is refused", "unknown_key",
                   lambda: Terminal.new().enrol(side.url, codes.enrolment_code(secret, root)))
    code = side.new_code()
    office = terminal.enrol(side.url, code)
    checks.that("enrolled: trust list and credential are signed as they must be", True)
    try:
        Terminal.new().enrol(side.url, code)
        checks.that("a code works once", False, "it worked twice")
    except Unreachable as error:
        checks.that("a code works once", 400 <= error.status_code < 500, error)
    taken = terminal.exchange(office)
    link = terminal.offices[office]
    checks.that("the first exchange brings a status list", link.listed is not None)
    checks.equal("the first batch has a receipt without a reason", (len(taken["receipts"]), taken["reasons"]), (1, []))
    checks.equal("the office holds the head of what was sealed", link.head_at_office,
                 [link.sealed_to, terminal.link_at(link.sealed_to).hex()])
    return office


def _day(checks: Checks, side: Side, terminal: Terminal, office: str) -> Claimed:
    scans = [row["code"] for row in side.rows]
    plain = terminal.redeem(scans[0], LUNCH)
    checks.that("a token is read, verified and redeemed", plain > 0)
    checks.refuses("the same meal twice is refused", "already_redeemed", lambda: terminal.redeem(scans[0].lower(), LUNCH))
    checks.refuses("a token of a past period is refused", "expired", lambda: terminal.redeem(side.expired["code"], LUNCH))
    checks.refuses("a number never seen is refused", "unknown_number", lambda: terminal.redeem(side.rows[1]["number"], LUNCH))
    terminal.identify(scans[1])
    by_number = terminal.redeem(side.rows[1]["number"], LUNCH)
    checks.that("the printed card number is that of the token", by_number > 0)
    early = terminal.redeem(scans[2], LUNCH)
    cancelled = (early, terminal.cancel(early, "wrong_child"))
    late = terminal.redeem(scans[3], LUNCH)
    taken = terminal.exchange(office)
    checks.equal("a day's batch has a receipt without a reason", (len(taken["receipts"]), taken["reasons"]), (1, []))
    cancelled_late = (late, terminal.cancel(late, "not_collected"))
    again = misbehaviour.resend(terminal, office)
    checks.equal("the same outbound twice gets the same receipts", again, {"batches": 1, "same": True, "receipts": 1})
    first = terminal.redeem(scans[4], LUNCH)
    claimed = Claimed(
        plain, by_number, cancelled, cancelled_late, first,
        misbehaviour.forged(terminal, office, scans[4], LUNCH),
        misbehaviour.forged(terminal, office, scans[5], LUNCH, k7=PRICE * 3, k17=PRICE * 3),
        misbehaviour.forged(terminal, office, side.expired["code"], LUNCH),
        misbehaviour.unknown_token(terminal, office, scans[6], LUNCH))
    taken = terminal.exchange(office)
    checks.equal("an office takes wrong lines in, too", (len(taken["receipts"]), taken["reasons"]), (1, []))
    return claimed


def _second_till(checks: Checks, side: Side, first: Terminal) -> Terminal:
    other = Terminal.new()
    office = other.enrol(side.url, side.new_code())
    other.exchange(office)
    other.redeem(side.rows[0]["code"], LUNCH)
    other.redeem(side.rows[7]["code"], LUNCH)
    taken = other.exchange(office)
    checks.equal("a second till has a journal of its own", (len(taken["receipts"]), taken["reasons"]), (1, []))
    checks.that("two tills are two terminals", first.id != other.id)
    return other


def _mischief(checks: Checks, terminal: Terminal, office: str) -> None:
    gap = misbehaviour.gap(terminal, office)
    checks.equal("a gap is answered with its reason", gap.get("reasons"), ["journal_gap"])
    for mode in ("other_office", "other_key", "rubbish_batch"):
        answer = misbehaviour.MODES[mode](terminal, office)
        reasons = answer.get("reasons") or []
        checks.that(f"{mode}: taken and answered with a reason", len(reasons) == 1 and bool(reasons[0]), answer)
    for mode in ("rubbish_body", "rubbish_in_age", "stranger"):
        answer = misbehaviour.MODES[mode](terminal, office)
        refused = answer["refused"]
        checks.that(f"{mode}: refused with a sentence", refused is not None and 400 <= refused < 500
                    and 10 < len(answer["text"]) < 2000, answer)
    stale = misbehaviour.stale_nonce(terminal, office)
    told = [answer.get("nonce_echoed") or answer.get("refused") in range(400, 500) for answer in stale.values()]
    checks.that("a nonce used twice is echoed or refused, never mixed up", all(told), stale)
    taken = terminal.exchange(office)
    checks.equal("after all that an honest exchange works", taken["reasons"], [])


def _advices(checks: Checks, terminal: Terminal, office: str, claimed: Claimed) -> None:
    told = {line["seq"]: line for line in terminal.lines(office)}

    def verdict(seq: int) -> tuple[Any, Any]:
        return told[seq]["verdict"], told[seq].get("cents")

    checks.equal("a lunch is accepted at its price", verdict(claimed.plain), ("accepted", PRICE))
    checks.equal("a lunch by card number is accepted", verdict(claimed.by_number), ("accepted", PRICE))
    for name, pair in (("before", claimed.cancelled), ("after", claimed.cancelled_late)):
        checks.equal(f"a lunch cancelled {name} sealing nets to zero", sum(told[seq].get("cents", 1) for seq in pair), 0)
    checks.equal("the first of one slot is paid", verdict(claimed.first_of_slot), ("accepted", PRICE))
    second = told[claimed.second_of_slot]
    checks.equal("the second of one slot is a duplicate", (second.get("cents"), second.get("reason")), (0, "duplicate"))
    high = told[claimed.too_high]
    checks.that("a price too high is not paid as claimed", high.get("cents", PRICE * 3) <= PRICE
                and high.get("reason") == "price_differs", high)
    expired = told[claimed.expired]
    checks.equal("an expired token is rejected", (expired["verdict"], expired.get("cents"), expired.get("reason")),
                 ("rejected", 0, "expired"))
    unknown = told[claimed.unknown]
    checks.equal("a token nobody issued is not paid", (unknown.get("cents"), unknown.get("reason")), (0, "unknown_token"))


def _till_advice(checks: Checks, other: Terminal, office: str, terminal: Terminal, claimed: Claimed) -> None:
    lines = other.lines(office)
    mine = next(line for line in terminal.lines(office) if line["seq"] == claimed.plain)
    both = mine.get("cents", 0) + lines[0].get("cents", 0)
    checks.equal("one meal at two tills is paid once", (both, lines[0].get("reason")), (PRICE, "duplicate"))
    checks.equal("another meal at the second till is accepted", (lines[1]["verdict"], lines[1].get("cents")),
                 ("accepted", PRICE))


def _payments(checks: Checks, terminal: Terminal, office: str) -> None:
    paid = [line for line in terminal.lines(office) if line.get("cents")]
    checks.that("every paid line names its transfer", bool(paid) and all(line["payments"] for line in paid), paid)


def _fork(checks: Checks, terminal: Terminal, office: str) -> None:
    answer = misbehaviour.fork(terminal, office)
    checks.equal("a rewritten journal is answered with its reason", answer.get("reasons"), ["journal_forked"])
    try:
        terminal.exchange(office)
        checks.that("the true journal is still known to the office", True)
    except (Refused, Unreachable) as error:
        checks.that("the true journal is still known to the office", False, error)
