#!/usr/bin/env python3
"""Plays both roles against a second implementation: `run.py [--binary PATH-OF-teilhabe]`.

Without a binary the Python terminal meets the Python office; with one also the Rust office and the Rust terminal.
Prints a line for each check and last `N passed, N failed`; exit 1 where one failed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import play_box
import play_terminal
from checks import Checks
from office import Office, sample, write_tokens
from rust import RustOffice

HERE = Path(__file__).resolve().parent


@dataclass
class PythonSide:
    """The Python office as the scenario wants it."""

    office: Office
    url: str
    rows: list[dict[str, str]]
    expired: dict[str, str]

    def new_code(self) -> str:
        """One more code for the canteen."""
        return self.office.new_code(412)

    def decide(self) -> int | None:
        """Decides all lines; the sum of what was accepted."""
        with self.office.lock:
            self.office.decide()
            return sum(cents for _, cents, _ in self.office.decided.values())


def python_pair(checks: Checks) -> None:
    """The Python terminal against the Python office."""
    office = Office()
    _, rows = sample(office)
    server, url = office.serve()
    play_terminal.play(checks, PythonSide(office, url, rows[:-1], rows[-1]))
    server.shutdown()


def command_line(checks: Checks, folder: Path) -> None:
    """The terminal's own commands, each a process of its own."""
    office = Office()
    code, rows = sample(office)
    server, url = office.serve()
    write_tokens(folder / "tokens.csv", rows)

    def terminal(*words: str) -> Any:
        done = subprocess.run([sys.executable, str(HERE / "terminal.py"), "--data", str(folder / "t"), *words],
                              capture_output=True, text=True, check=False)
        return json.loads(done.stdout) if done.returncode == 0 else done.stderr.strip()

    checks.equal("terminal.py enrol", terminal("enrol", "--office", url, "--code", code).get("office"), office.id)
    terminal("exchange")
    answers = terminal("redeem", "--tokens", str(folder / "tokens.csv"), "--service", "lunch")
    checks.equal("terminal.py redeem", [item.get("reason", item["verdict"]) for item in answers],
                 ["accepted"] * (len(rows) - 1) + ["expired"])
    terminal("cancel", "--seq", str(answers[0]["seq"]))
    terminal("exchange")
    office.decide()
    terminal("exchange")
    lines = terminal("lines")[office.id]
    checks.equal("terminal.py lines", [line["verdict"] for line in lines], ["accepted"] * len(rows))
    checks.that("terminal.py misbehave", terminal("misbehave", "resend")["same"] is True)
    server.shutdown()


def main() -> int:
    """All scenarios the arguments allow."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=Path, help="the Rust binary `teilhabe`")
    parser.add_argument("--only", choices=["python", "office", "terminal"], help="one pairing alone")
    chosen = parser.parse_args()
    checks = Checks()
    with tempfile.TemporaryDirectory(prefix="teilhabe-interop-") as name:
        folder = Path(name)
        if chosen.only in (None, "python"):
            checks.scenario("Python terminal, Python office", lambda: python_pair(checks))
            checks.scenario("terminal.py as commands", lambda: command_line(checks, folder))
        if chosen.binary and chosen.only in (None, "office"):
            checks.scenario("Python terminal, Rust office", lambda: rust_office(checks, chosen.binary, folder / "office"))
        if chosen.binary and chosen.only in (None, "terminal"):
            checks.scenario("Rust terminal, Python office", lambda: play_box.play(checks, chosen.binary, folder / "terminal"))
    return checks.summary()


def rust_office(checks: Checks, binary: Path, folder: Path) -> None:
    """The Python terminal against the Rust office, to reconcile, settle, and a second run that pays nothing."""
    side = RustOffice(binary, folder)
    try:
        play_terminal.play(checks, side)
        checks.equal("a second settlement pays nothing again", side.settle(), 0)
        checks.that("a payment file was written", side.payment_files() != [], side.settled)
    finally:
        side.stop()


if __name__ == "__main__":
    sys.exit(main())
