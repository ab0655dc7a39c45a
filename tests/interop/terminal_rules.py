"""What the Python terminal decides before it writes: service, price, allowance, status, ceilings and slot."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from teilhabe_formats import journal, status
from teilhabe_formats.documents import BERLIN, ENTITLEMENT, LUNCH, PARTICIPATION, TUTORING
from teilhabe_formats.refusal import Refused

FIXED, FREE, MONTHLY = range(3)
UNITS, CENTS, MINUTES = range(3)
DAY, WEEK, MONTH, VALIDITY, ACCRUED = range(1, 6)
DAY_MS = 86_400_000


@dataclass(frozen=True)
class Ask:
    """One scan: the claims of a verified token, the service of the credential, and what the operator typed."""

    claims: dict[int, Any]
    service: dict[int, Any]
    office: str
    provider: int
    day: int
    units: int = 1
    cents: int | None = None
    start: int | None = None
    end: int | None = None
    charge: str = ""

    @property
    def handle(self) -> bytes:
        """The child's handle."""
        handle: bytes = self.claims[ENTITLEMENT][5]
        return handle

    @property
    def benefit(self) -> int:
        """The service's benefit."""
        benefit: int = self.service[2]
        return benefit

    @property
    def date(self) -> date:
        """The service date."""
        return to_date(self.day)


def to_date(day: int) -> date:
    """The calendar date of a civil day."""
    return date.fromordinal(day + date(1970, 1, 1).toordinal())


def price(ask: Ask) -> int:
    """The cents of this service: the price in force on its day times the units, or the free amount."""
    if ask.service[4] == FREE:
        if ask.cents is None:
            raise Refused("no_price", "this service has no fixed price: type the amount")
        return ask.cents
    dated = [entry for entry in ask.service[5] if entry[0] <= ask.day]
    if not dated:
        raise Refused("no_price", "no price was agreed for that day")
    cents: int = max(dated)[1]
    return cents * ask.units


def slot_key(ask: Ask) -> str:
    """The key of § 4 for this service."""
    written, service, detail = ask.date.isoformat(), ask.service[1], ask.service.get(7, "")
    if ask.service[4] == MONTHLY:
        return journal.monthly_key(written, ask.provider, service)
    if ask.benefit == LUNCH:
        return journal.lunch_key(written)
    if ask.benefit == PARTICIPATION:
        return journal.participation_key(written, ask.provider, service, ask.charge)
    if ask.benefit == TUTORING:
        if ask.start is None or ask.end is None:
            raise Refused("malformed", "a lesson needs its start and its end")
        return journal.tutoring_key(written, ask.start, detail)
    return journal.trip_key(detail, ask.provider, ask.charge)


def check_status(ask: Ask, listed: status.StatusList, policy: dict[int, int], now_ms: int) -> int:
    """The data age (0 green, 1 amber, 2 red) for a token that is not revoked, suspended or replaced."""
    reason = {status.REVOKED: "revoked", status.SUSPENDED: "suspended", status.REPLACED: "replaced"}
    state = listed.of(ask.claims[ENTITLEMENT][2])
    if state != status.VALID:
        raise Refused(reason[state], "the office's status list says so")
    age = now_ms - listed.issued * 1000
    bounds = (listed.ttl * 1000, policy[2] * DAY_MS, policy[3] * DAY_MS)
    for colour, bound in enumerate(bounds):
        if age <= bound:
            return colour
    raise Refused("status_stale", "the status list is older than the office allows")


def check_allowance(ask: Ask, cents: int, spent: Iterable[dict[int, Any]]) -> None:
    """Refuses what no allowance of the token covers; `spent` are earlier redemptions of this child and benefit."""
    detail = ask.service.get(7)
    fitting = [allowance for allowance in ask.claims[ENTITLEMENT][1] if allowance[0] == ask.benefit]
    if not fitting:
        raise Refused("wrong_benefit", "the token has no such benefit")
    fitting = [item for item in fitting if len(item) < 3 or not isinstance(item[2], str) or item[2] == detail]
    if not fitting:
        raise Refused("wrong_benefit", "the token has this benefit for another subject or event")
    fitting = [item for item in fitting if not isinstance(item[-1], list) or len(item) < 3 or ask.provider in item[-1]]
    if not fitting:
        raise Refused("wrong_provider", "this allowance is for other providers")
    earlier = list(spent)
    if not any(all(_within(ask, cents, ceiling, earlier) for ceiling in item[1]) for item in fitting):
        raise Refused("ceiling_reached", "nothing is left")


def _within(ask: Ask, cents: int, ceiling: list[int], spent: list[dict[int, Any]]) -> bool:
    period, measure, amount = ceiling
    used = sum(_measured(measure, body[6], body[7], body.get(12), body.get(13))
               for body in spent if _same_period(period, to_date(body[5]), ask.date))
    wanted = _measured(measure, ask.units, cents, ask.start, ask.end)
    return used + wanted <= amount * (_months_begun(ask) if period == ACCRUED else 1)


def _measured(measure: int, units: int, cents: int, start: int | None, end: int | None) -> int:
    if measure == MINUTES:
        return (end or 0) - (start or 0)
    return units if measure == UNITS else cents


def _same_period(period: int, first: date, second: date) -> bool:
    if period == DAY:
        return first == second
    if period == WEEK:
        return first.isocalendar()[:2] == second.isocalendar()[:2]
    return period != MONTH or (first.year, first.month) == (second.year, second.month)


def _months_begun(ask: Ask) -> int:
    begin = datetime.fromtimestamp(ask.claims[5], UTC).astimezone(BERLIN)
    return (ask.date.year - begin.year) * 12 + ask.date.month - begin.month + 1
