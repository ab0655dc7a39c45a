#!/usr/bin/env python3
"""Ours and others in turn, so that whatever else the machine does falls on both. Prints rows of docs/PERFORMANCE.md.

    race.py tokens BARS PYTHON FOLDER
    race.py pretix BARS ADDRESS TOWN_FILE GUNICORN_PID PRETIX_SCAN

BARS is the bench's program; it answers `--bench rate` and `--bench till` with JSON.
"""

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROUNDS = 3
TICKS = os.sysconf("SC_CLK_TCK")


def said(*command: str, **more: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **more}, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def ours(bars: str, part: str, **more: str) -> dict[str, float]:
    return json.loads(next(line for line in said(bars, "--bench", part, **more).splitlines() if line.startswith("{")))


def row(number: str, what: str, figure: str, limit: str, value: float, asked: str, verdict: str) -> None:
    print(f"| {number} | {what} | {figure} | {limit} | {value:.1f} | {asked} | {verdict} |")


def head() -> None:
    print("| bar | what | ours | theirs | value | must / want | verdict |\n|---|---|---|---|---|---|---|")


def at_least(value: float, must: float) -> str:
    return "as wanted" if value >= must else "**missed**"


def tokens(bars: str, python: str, folder: str) -> None:
    payload = str(Path(folder) / "payload")
    ours(bars, "rate", BARS_PAYLOAD=payload)
    rates: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        rates.setdefault("ours", []).append(ours(bars, "rate", BARS_PAYLOAD=payload)["tokens"])
        for library in ("cwt", "pycose"):
            rates.setdefault(f"Python, {library}", []).append(float(said(python, str(HERE / "tokens.py"), library, payload, "2")))
        rates.setdefault("Node, its own crypto", []).append(float(said("node", str(HERE / "tokens.mjs"), payload, "2")))
        rates.setdefault("Java, SunEC", []).append(float(said("java", str(HERE / "Tokens.java"), payload, "4")))
    middle = {name: statistics.median(all_rates) for name, all_rates in rates.items()}
    head()
    for name, rate in middle.items():
        if name != "ours":
            value = middle["ours"] / rate
            row("20", f"tokens a CPU second beside {name}", f"{middle['ours']:,.0f}", f"{rate:,.0f}", value, "≥ 2", at_least(value, 2))


def of_process(pid: int) -> tuple[float, float]:
    """CPU seconds and resident MiB (the shared pages counted once, where the kernel tells) of a process and its children."""
    cpu = memory = 0.0
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
                if pid not in (int(entry.name), int(fields[1])):
                    continue
                cpu += (int(fields[11]) + int(fields[12])) / TICKS
                lines = (entry / "smaps_rollup").read_text().splitlines()
                memory += next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
            except (OSError, IndexError, StopIteration):
                continue
    return cpu, memory


def pretix(bars: str, address: str, town: str, pid: str, scan: str) -> None:
    theirs: dict[int, list[dict[str, float]]] = {1: [], 4: []}
    mine: dict[int, list[dict[str, float]]] = {1: [], 4: []}
    first = 0
    json.loads(said(sys.executable, scan, address, town, str(first), "20", "2"))
    first += 20
    for _ in range(ROUNDS):
        for clients, count in ((1, 100), (4, 200)):
            before = of_process(int(pid))[0]
            told = json.loads(said(sys.executable, scan, address, town, str(first), str(count), str(clients)))
            cpu, told["memory"] = of_process(int(pid))
            told["cpu"] = (cpu - before) * 1e3 / count
            theirs[clients].append(told)
            first += count
            mine[clients].append(ours(bars, "till", BARS_TILLS=str(clients)))
    head()
    for clients in (1, 4):
        get = lambda side, key: statistics.median(one[key] for one in side[clients])  # noqa: E731
        for key, what, unit, better in (("p50", "latency at the median", "ms", "less"), ("per_second", "redemptions", "/s", "more"), ("cpu", "CPU each", "ms", "less")):
            a, b = get(mine, key), get(theirs, key)
            value = b / a if better == "less" else a / b
            asked, verdict = ("–", "–") if key == "cpu" else ("≥ 50", at_least(value, 50))
            row("19", f"{clients} till{'s' if clients > 1 else ''}: {what}", f"{a:.2f} {unit}", f"{b:.1f} {unit}", value, asked, verdict)
    a, b = statistics.median(one["memory"] for one in mine[4]), statistics.median(one["memory"] for one in theirs[4])
    row("19", "memory of the server (pretix: gunicorn and two workers, without its PostgreSQL)", f"{a:.0f} MiB", f"{b:.0f} MiB", b / a, "≥ 20", at_least(b / a, 20))


{"tokens": tokens, "pretix": pretix}[sys.argv[1]](*sys.argv[2:])
