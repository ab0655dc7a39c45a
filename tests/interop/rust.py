"""The Rust binary as processes: commands of formats.md § 7, an office and a terminal that serve."""

from __future__ import annotations

import json
import socket
import subprocess
import time
import urllib.error
import urllib.request
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from box import read_tokens

START_SECONDS = 30
COMMAND_SECONDS = 120
OFFICE = "05562032"
IBAN_OFFICE, IBAN_PROVIDER = "DE02120300000000202051", "DE02500105170137075030"


class Failed(Exception):
    """A command ended with another code than 0; the text is its own sentence."""


def command(binary: Path, *words: str) -> Any:
    """Runs one command with --json and gives its answer (None where it prints nothing)."""
    done = subprocess.run([str(binary), *words, "--json"], capture_output=True, text=True, timeout=COMMAND_SECONDS,
                          check=False)
    if done.returncode != 0:
        raise Failed(f"`teilhabe {' '.join(words)}` ended with {done.returncode}: {(done.stderr or done.stdout).strip()}")
    return json.loads(done.stdout) if done.stdout.strip() else None


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


class Served:
    """A serving process; its output goes to `log`."""

    def __init__(self, binary: Path, words: list[str], port: int, log: Path) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen([str(binary), *words, "--listen", f"127.0.0.1:{port}"], stdout=output,
                                            stderr=subprocess.STDOUT)
        until = time.monotonic() + START_SECONDS
        while not self._healthy():
            if self.process.poll() is not None or time.monotonic() > until:
                self.stop()
                raise Failed(f"`{' '.join(words)}` does not serve: {log.read_text(errors='replace')[-500:]}")
            time.sleep(0.1)

    def _healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def stop(self) -> None:
        """Ends the process."""
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()


class RustOffice:
    """The Rust office with one canteen and ten children, as play_terminal.Side."""

    def __init__(self, binary: Path, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.binary, self.folder, self.data = binary, folder, str(folder / "data")
        self.settled: list[dict[str, Any]] = []
        command(binary, "office", "init", "--data", self.data, "--id", OFFICE, "--name", "Stadt Recklinghausen",
                "--debtor-iban", IBAN_OFFICE)
        added = command(binary, "office", "provider", "add", "--data", self.data, "--name", "Mensa am Löhrhof", "--iban",
                        IBAN_PROVIDER, "--service", "lunch:lunch:Mittagessen:420")
        self.provider, self.codes = str(added["provider"]), [added["enrolment_code"]]
        (folder / "children.csv").write_text(children(), encoding="utf-8")
        command(binary, "office", "issue", "--data", self.data, "--csv", str(folder / "children.csv"), "--out",
                str(folder / "letters"))
        rows = {row["reference"]: row for row in read_tokens(folder / "letters" / "tokens.csv")}
        self.expired = rows.pop("OLD-1")
        self.rows = list(rows.values())
        self.served = Served(binary, ["office", "serve", "--data", self.data], free_port(), folder / "office.log")
        self.url = self.served.url

    def new_code(self) -> str:
        """The code of `provider add` first, then one of `enrolment new` each."""
        if self.codes:
            return str(self.codes.pop())
        made = command(self.binary, "office", "enrolment", "new", "--data", self.data, "--provider", self.provider)
        return str(made["enrolment_code"])

    def decide(self) -> int | None:
        """Reconciles and settles; the cents paid."""
        command(self.binary, "office", "reconcile", "--data", self.data)
        return self.settle()

    def settle(self) -> int:
        """One settlement run; its cents."""
        out = str(self.folder / f"settled-{len(self.settled) + 1}")
        self.settled.append(command(self.binary, "office", "settle", "--data", self.data, "--out", out, "--by", "anna",
                                    "--second", "bernd"))
        return sum(int(payment["cents"]) for payment in self.settled[-1]["payments"])

    def payment_files(self) -> list[str]:
        """The payment files of the first run."""
        return [name for name in self.settled[0]["files"] if "pain.001" in str(name)] if self.settled else []

    def stop(self) -> None:
        """Ends the office."""
        self.served.stop()


def children() -> str:
    """children.csv: ten children valid for months around today, one whose last month is over."""
    today = date.today()
    begin, end = month_start(today, -3), month_start(today, 4) - timedelta(days=1)
    head = "reference;benefit;from;to;period;measure;amount;detail;hint;home_providers"
    rows = [f"R-{number:04d};lunch;{begin};{end};day;units;1;;K{number:02d};" for number in range(1, 11)]
    over = month_start(today, -1) - timedelta(days=1)
    rows.append(f"OLD-1;lunch;{month_start(today, -6)};{over};day;units;1;;;")
    return "\n".join([head, *rows]) + "\n"


def month_start(day: date, months: int) -> date:
    """The first of the month `months` after that of `day`."""
    count = day.year * 12 + day.month - 1 + months
    return date(count // 12, count % 12 + 1, 1)
