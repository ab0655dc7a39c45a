#!/usr/bin/env python3
"""The wire formats' test vectors, written and read by an implementation of its own (tests/interop/).

    vectors.py write        writes tests/vectors/*.json, the same bytes every time
    vectors.py check        makes them again and compares with what is committed
    vectors.py read FILE    verifies documents another program wrote, one JSON object a line

A line for `read` is {"type", "hex", "key" or "keys", "document"?, …} as in the files of tests/vectors/, whose
`expect` may be left out: it is "accepted". Exit 1 with one sentence for each failure.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
VECTORS = ROOT / "tests" / "vectors"
sys.path.insert(0, str(ROOT / "tests" / "interop"))

from vector_cases import numbers, office, terminal, tokens  # noqa: E402
from vector_cases.judge import judge  # noqa: E402
from vector_cases.world import Case  # noqa: E402


def files() -> dict[str, list[dict[str, Any]]]:
    """Every file's cases by the file's name."""
    signed: dict[str, list[Case]] = {
        "token": tokens.tokens(), "signature": tokens.signatures(), "trust": office.trust_lists(),
        "credential": office.credentials(), "receipt": office.receipts(), "advice": office.advices(),
        "inbound": office.inbounds(), "status_list": office.status_lists(), "entry": terminal.entry_cases(),
        "batch": terminal.batches(), "outbound": terminal.outbounds(), "enrolment": terminal.enrolments(),
    }
    cases = {name: [case.plain() for case in listed] for name, listed in signed.items()}
    return cases | {
        "journal": [item | {"type": "journal", "expect": "accepted"} for item in terminal.journals()],
        "enrolment_code": terminal.enrolment_codes(), "card_number": numbers.numbers(), "slot": numbers.slots(),
        "envelope": numbers.envelopes(),
    }


def rendered() -> dict[Path, str]:
    """The text of every file, one case a line; each case is judged before it is written."""
    texts = {}
    for name, cases in files().items():
        names = [case["name"] for case in cases]
        if len(set(names)) != len(names):
            raise SystemExit(f"{name}: two cases have one name")
        for case in cases:
            if failure := judge(case):
                raise SystemExit(f"{name}: {failure}")
        lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases)
        texts[VECTORS / f"{name}.json"] = f'{{"cases": [\n{lines}\n]}}\n'
    return texts


def write() -> int:
    """Writes every file."""
    VECTORS.mkdir(parents=True, exist_ok=True)
    for path, text in rendered().items():
        path.write_text(text, encoding="utf-8")
        print(f"{path.relative_to(ROOT)}: {text.count(chr(10)) - 2} cases")
    return 0


def check() -> int:
    """Compares what is committed with what would be written now."""
    texts = rendered()
    differing = [path for path, text in texts.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    for path in differing:
        print(f"{path.relative_to(ROOT)} is not what scripts/vectors.py writes: run `scripts/vectors.py write`.")
    for path in set(VECTORS.glob("*.json")) - set(texts):
        print(f"{path.relative_to(ROOT)} was not written by scripts/vectors.py: remove it or write it there.")
        differing.append(path)
    if not differing:
        print(f"{len(texts)} files are as they must be")
    return 1 if differing else 0


def read(path: Path) -> int:
    """Verifies another program's documents."""
    failures = count = 0
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        count += 1
        case = json.loads(line)
        case = {"name": f"line {number}", "expect": "accepted"} | case
        case.setdefault("keys", [case["key"]] if "key" in case else [])
        if failure := judge(case):
            failures += 1
            print(failure)
    if count == 0:
        print(f"{path} has no documents: nothing was verified.")
        return 1
    print(f"{count - failures} of {count} documents verified")
    return 1 if failures else 0


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("write")
    commands.add_parser("check")
    commands.add_parser("read").add_argument("file", type=Path)
    arguments = parser.parse_args()
    if arguments.command == "read":
        return read(arguments.file)
    return write() if arguments.command == "write" else check()


if __name__ == "__main__":
    sys.exit(main())
