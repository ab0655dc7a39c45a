#!/usr/bin/env python3
"""A terminal written by someone else, from formats.md alone: enrols, redeems, exchanges, and is told every line.

    terminal.py --data DIR enrol --office URL --code CODE
    terminal.py --data DIR redeem --tokens tokens.csv --service lunch [--cents N] [--date D]
    terminal.py --data DIR cancel --seq N --reason wrong_child
    terminal.py --data DIR exchange
    terminal.py --data DIR lines
    terminal.py --data DIR misbehave MODE       (see misbehaviour.py)

Its memory is one JSON file in DIR. Every command prints JSON; exit 1 with one sentence where it cannot go on.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import date
from pathlib import Path
from typing import Any

import misbehaviour
from box import Terminal, Unreachable, read_tokens
from teilhabe_formats.refusal import Refused


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    commands = parser.add_subparsers(dest="command", required=True)
    enrol = commands.add_parser("enrol")
    enrol.add_argument("--office", required=True)
    enrol.add_argument("--code", required=True)
    redeem = commands.add_parser("redeem")
    redeem.add_argument("--tokens", type=Path, required=True)
    redeem.add_argument("--service", required=True)
    redeem.add_argument("--cents", type=int)
    redeem.add_argument("--date", type=date.fromisoformat)
    cancel = commands.add_parser("cancel")
    cancel.add_argument("--seq", type=int, required=True)
    cancel.add_argument("--reason", default="wrong_child")
    commands.add_parser("exchange")
    commands.add_parser("lines")
    commands.add_parser("misbehave").add_argument("mode")
    return parser.parse_args()


def run(terminal: Terminal, chosen: argparse.Namespace) -> Any:
    """Does one command and gives what it prints."""
    if chosen.command == "enrol":
        return {"office": terminal.enrol(chosen.office, chosen.code), "terminal": terminal.id.hex()}
    if chosen.command == "cancel":
        return {"seq": terminal.cancel(chosen.seq, chosen.reason)}
    if chosen.command == "exchange":
        return {office: terminal.exchange(office) for office in terminal.offices}
    if chosen.command == "lines":
        return {office: terminal.lines(office) for office in terminal.offices}
    if chosen.command == "misbehave":
        return misbehaviour.MODES[chosen.mode](terminal, next(iter(terminal.offices)))
    day = {"day": chosen.date.toordinal() - date(1970, 1, 1).toordinal()} if chosen.date else {}
    answers = []
    for row in read_tokens(chosen.tokens):
        try:
            seq = terminal.redeem(row["code"], chosen.service, cents=chosen.cents, **day)
            answers.append({"number": row["number"], "verdict": "accepted", "seq": seq})
        except Refused as refusal:
            answers.append({"number": row["number"], "verdict": "refused", "reason": refusal.reason})
    return answers


def main() -> int:
    """One command on the terminal in --data."""
    chosen = arguments()
    path: Path = chosen.data / "terminal.json"
    terminal = Terminal.load(path)
    try:
        answer = run(terminal, chosen)
    except (Refused, Unreachable) as error:
        print(error, file=sys.stderr)
        return 1
    terminal.save(path)
    print(json.dumps(answer, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
