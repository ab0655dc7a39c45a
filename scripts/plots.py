#!/usr/bin/env python3
"""Draws what the bars measured: `plots.py FOLDER OUT` reads latency.csv and intake.csv and writes OUT/latency.svg and OUT/intake.svg.

A file has a line `x,ours,limit` a point. The pictures follow the reader's light or dark page.
"""

import math
import sys
from pathlib import Path

WIDTH, HEIGHT = 720, 380
LEFT, RIGHT, TOP, BOTTOM = 70, 20, 50, 55
STYLE = (
    "text{font:13px sans-serif;fill:#222}.ours{stroke:#0b5fa5;fill:none;stroke-width:2.5}.limit{stroke:#8a5a00;fill:none;stroke-width:2.5;"
    "stroke-dasharray:7 5}.grid{stroke:#ccc}.dot.ours{fill:#0b5fa5}.dot.limit{fill:#8a5a00}"
    "@media(prefers-color-scheme:dark){text{fill:#eee}.grid{stroke:#555}.ours{stroke:#7cc0ff}.limit{stroke:#f0b858}"
    ".dot.ours{fill:#7cc0ff}.dot.limit{fill:#f0b858}}"
)


def points(file: Path) -> list[tuple[float, float, float]]:
    rows = [line.split(",") for line in file.read_text().splitlines() if line]
    return sorted((float(x), float(ours), float(limit)) for x, ours, limit in rows)


def nice(most: float) -> float:
    """The next round number above."""
    power = 10 ** math.floor(math.log10(most))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= most)


def number(value: float) -> str:
    return f"{value:,.0f}".replace(",", " ")


def chart(title: str, x_name: str, ours: str, limit: str, data: list[tuple[float, float, float]]) -> str:
    low, high = math.log10(data[0][0]), math.log10(data[-1][0])
    top = nice(max(max(o, l) for _, o, l in data) * 1.05)
    x = lambda value: LEFT + (WIDTH - LEFT - RIGHT) * ((math.log10(value) - low) / ((high - low) or 1))  # noqa: E731
    y = lambda value: HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / top  # noqa: E731
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{title}"><style>{STYLE}</style>']
    out.append(f'<text x="{LEFT}" y="20" font-weight="bold">{title}</text>')
    for place in range(6):
        value = top * place / 5
        out.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>')
        out.append(f'<text x="{LEFT - 8}" y="{y(value) + 4:.1f}" text-anchor="end">{value:g} µs</text>')
    labelled = {data[0][0], data[-1][0]} | {10.0**power for power in range(math.ceil(low), math.floor(high) + 1)}
    for value in sorted(labelled):
        if value in (data[0][0], data[-1][0]) or all(abs(x(value) - x(end)) > 90 for end in (data[0][0], data[-1][0])):
            anchor = "end" if value == data[-1][0] else "middle"
            out.append(f'<text x="{x(value):.1f}" y="{HEIGHT - BOTTOM + 20}" text-anchor="{anchor}">{number(value)}</text>')
    out.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 12}" text-anchor="middle">{x_name}</text>')
    for place, (name, column) in enumerate(((ours, 1), (limit, 2))):
        kind = "ours" if column == 1 else "limit"
        line = " ".join(f"{x(row[0]):.1f},{y(row[column]):.1f}" for row in data)
        out.append(f'<polyline class="{kind}" points="{line}"/>')
        out.extend(f'<circle class="dot {kind}" cx="{x(row[0]):.1f}" cy="{y(row[column]):.1f}" r="3.5"/>' for row in data)
        at = LEFT + 300 * place
        out.append(f'<line class="{kind}" x1="{at}" x2="{at + 30}" y1="36" y2="36"/><text x="{at + 38}" y="40">{name}</text>')
    return "\n".join([*out, "</svg>", ""])


def main() -> None:
    folder, out = Path(sys.argv[1]), Path(sys.argv[2])
    drawn = {
        "latency": ("A redemption, by how long its journal is", "entries in the journal", "redeem, median (wall)", "bare commit + verify, median"),
        "intake": ("A line taken in, by how many there are", "lines in the ledger", "office, CPU a line", "bare insert + signature, CPU a line"),
    }
    for name, words in drawn.items():
        file = folder / f"{name}.csv"
        if file.exists() and len(data := points(file)) > 1:
            (out / f"{name}.svg").write_text(chart(*words, data))


main()
