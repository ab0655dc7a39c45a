#!/usr/bin/env python3
"""Checks books handed over to an auditor, from their files alone: `books.py FOLDER`.

Shares nothing with the program that wrote them: it reads `index.xml` and the tables by it, recomputes every checksum, hash and link, and
checks the seal's signature. Prints what it has proved as JSON; exit 1 with one sentence at the first thing that does not agree.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
import sys
import xml.etree.ElementTree as xml
from pathlib import Path
from typing import Any

from teilhabe_formats import cbor

Row = dict[str, str]

NUMBER = re.compile(r"-?\d+")
EUROS = re.compile(r"-?\d+,\d\d")
DAY = re.compile(r"\d\d\.\d\d\.\d{4}")


class Wrong(Exception):
    """Something does not agree."""


def expect(is_so: bool, otherwise: str) -> None:
    """Raises where it is not so."""
    if not is_so:
        raise Wrong(otherwise)


def sha(*parts: bytes) -> str:
    """SHA-256 of the parts, in hexadecimal."""
    return hashlib.sha256(b"".join(parts)).hexdigest()


def exact(text: str) -> str:
    """A field as it was before a line break became a backslash and a letter."""
    return re.sub(r"\\(.)", lambda m: {"n": "\n", "r": "\r", "\\": "\\"}[m.group(1)], text)


def cents(text: str) -> int:
    """Euros with a comma as cents; nothing is zero."""
    return int(text.replace(",", "")) if text else 0


class Books:
    """The tables of a folder, read as index.xml describes them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tables: dict[str, list[Row]] = {}
        self.keys: dict[str, list[str]] = {}
        root = xml.parse(folder / "index.xml").getroot()
        files = set()
        described = root.findall("Media/Table")
        for table in described:
            files.add(self.read(table))
        found = {path.name for path in folder.glob("*.csv")}
        expect(files == found, f"index.xml describes {sorted(files ^ found)} otherwise than the folder")
        for table in described:
            self.follow(table)

    def read(self, table: xml.Element) -> str:
        """Reads one table and checks what every column holds; the name of its file."""
        file, name = str(table.findtext("URL")), str(table.findtext("Name"))
        form = table.find("VariableLength")
        assert form is not None
        keys, columns = form.findall("VariablePrimaryKey"), form.findall("VariableColumn")
        kinds = {str(c.findtext("Name")): c for c in keys + columns}
        delimiter, quote = str(form.findtext("ColumnDelimiter")), str(form.findtext("TextEncapsulator"))
        with open(self.folder / file, encoding="utf-8", newline="") as lines:
            records = list(csv.reader(lines, delimiter=delimiter, quotechar=quote, strict=True))
        header = records[int(str(table.findtext("Range/From"))) - 2]
        expect(header == list(kinds), f"{file}: its first line is not what index.xml says")
        rows = []
        for record in records[1:]:
            expect(len(record) == len(header), f"{file}: a record of {len(record)} fields")
            for column, value in zip(header, record):
                self.check_kind(file, kinds[column], value)
            rows.append(dict(zip(header, record)))
        self.keys[name] = [str(k.findtext("Name")) for k in keys]
        seen = {tuple(row[k] for k in self.keys[name]) for row in rows}
        expect(len(seen) == len(rows), f"{file}: its key is not unique")
        self.tables[name] = rows
        return file

    @staticmethod
    def check_kind(file: str, column: xml.Element, value: str) -> None:
        """Checks that a field is of the column's kind."""
        pattern = None
        if column.find("Numeric") is not None:
            pattern = EUROS if column.find("Numeric/Accuracy") is not None else NUMBER
        elif column.find("Date") is not None:
            pattern = DAY
        expect(pattern is None or not value or bool(pattern.fullmatch(value)), f"{file}: {column.findtext('Name')} is “{value}”")

    def follow(self, table: xml.Element) -> None:
        """Checks that whatever names a row of another table names one that is there."""
        rows = self.tables[str(table.findtext("Name"))]
        for reference in table.findall("VariableLength/ForeignKey"):
            columns, other = [str(n.text) for n in reference.findall("Name")], str(reference.findtext("References"))
            there = {tuple(row[k] for k in self.keys[other]) for row in self.tables[other]}
            for row in rows:
                named = tuple(row[c] for c in columns)
                expect("" in named or named in there, f"{table.findtext('URL')}: {named} is not in {other}")


def check_seal(folder: Path) -> dict[str, str]:
    """Checks the checksums and the seal; what the seal says."""
    sums = (folder / "pruefsummen.txt").read_bytes()
    named = {}
    for line in sums.decode().splitlines():
        value, name = line.split("  ", 1)
        named[name] = value
        expect(sha((folder / name).read_bytes()) == value, f"{name} is not what its checksum was made for")
    there = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()} - {"pruefsummen.txt", "siegel.txt"}
    expect(there == set(named), f"the checksums name other files: {sorted(there ^ set(named))}")
    text = (folder / "siegel.txt").read_text(encoding="utf-8")
    signed, signature = text.split("unterschrift: ")
    expect(signed.startswith("teilhabe/books/1\n"), "the seal is of another kind")
    facts = dict(line.split(": ", 1) for line in signed.splitlines()[1:])
    expect(facts["pruefsummen.txt"] == sha(sums), "the seal is for other checksums")
    key = bytes.fromhex(facts["schluessel"])
    expect(holds(key, signed.encode(), bytes.fromhex(signature.strip())), "the seal's signature does not hold")
    return facts


P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P
Point = tuple[int, int]


def add(first: Point, second: Point) -> Point:
    """The sum of two points of the curve (RFC 8032 § 5.1.4, affine)."""
    (x1, y1), (x2, y2) = first, second
    t = D * x1 * x2 * y1 * y2 % P
    return (x1 * y2 + y1 * x2) * pow(1 + t, -1, P) % P, (y1 * y2 + x1 * x2) * pow(1 - t, -1, P) % P


def multiply(scalar: int, point: Point) -> Point:
    """The point added to itself."""
    total = (0, 1)
    while scalar:
        if scalar & 1:
            total = add(total, point)
        point, scalar = add(point, point), scalar >> 1
    return total


def point_of(data: bytes) -> Point:
    """The point 32 bytes stand for."""
    number = int.from_bytes(data, "little")
    sign, y = number >> 255, number & (1 << 255) - 1
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * pow(2, (P - 1) // 4, P) % P
    expect(x * x % P == square, "a key or signature that is no point")
    return (P - x if x & 1 != sign else x), y


def holds(key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether an Ed25519 signature holds (RFC 8032 § 5.1.7)."""
    base = point_of((4 * pow(5, -1, P) % P).to_bytes(32, "little"))
    scalar = int.from_bytes(signature[32:], "little")
    hashed = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little")
    return multiply(scalar, base) == add(point_of(signature[:32]), multiply(hashed, point_of(key)))


def link_after(before: str, content: str) -> str:
    """The link of a chain after one more hash."""
    return sha(bytes.fromhex(before), bytes.fromhex(content))


def check_journals(books: Books) -> dict[str, int]:
    """Recomputes every terminal's chain from the office's copy."""
    starts = {t["LESEGERAET"]: sha(b"teilhabe/journal/1", bytes.fromhex(t["KENNUNG"])) for t in books.tables["Lesegeraete"]}
    taken = {b["ABRECHNUNG"]: b for b in books.tables["Abrechnungen"] if not b["WARTET"]}
    special = {b["ABRECHNUNG"] for b in books.tables["Sonderfaelle"]}
    links: dict[tuple[str, int], str] = {}
    hashes: set[tuple[str, int, str]] = set()
    shown: dict[tuple[str, int, str], dict[int, Any]] = {}
    for row in books.tables["Eintraege"]:
        expect(link_after(row["KETTE_VOR"], row["HASH"]) == row["KETTE"], f"entry {row['NR']}: its link does not follow")
        if row["BYTES"]:
            data = bytes.fromhex(row["BYTES"])
            expect(sha(data) == row["HASH"], f"entry {row['NR']}: its bytes have another hash")
        if row["BYTES"]:
            shown[(row["LESEGERAET"], int(row["NR"]), row["HASH"])] = cbor.decode(bytes.fromhex(row["BYTES"]))
        hashes.add((row["LESEGERAET"], int(row["NR"]), row["HASH"]))
        if row["ABRECHNUNG"] not in taken or row["ABRECHNUNG"] in special:
            links.setdefault((row["LESEGERAET"], int(row["NR"])), row["KETTE"])
            continue
        place = (row["LESEGERAET"], int(row["NR"]))
        before = links.get((place[0], place[1] - 1)) or (starts[place[0]] if place[1] == 1 else None)
        expect(before in (None, row["KETTE_VOR"]), f"entry {row['NR']} does not follow the one before it")
        expect(links.get(place) in (None, row["KETTE"]), f"entry {row['NR']} is there twice, and different")
        links[place] = row["KETTE"]
    for terminal in books.tables["Lesegeraete"]:
        last = (terminal["LESEGERAET"], int(terminal["LETZTE_NR"]))
        expect(last not in links or links[last] == terminal["KETTE"], f"terminal {last[0]}: its journal ends otherwise")
    erased = 0
    for line in books.tables["Zeilen"]:
        place = (line["LESEGERAET"], int(line["NR"]) % 2**40, line["HASH"])
        expect(place in hashes, f"line {place} is not an entry that was sent")
        if place not in shown:
            erased += 1
            continue
        body = shown[place][4]
        expect(body[7] == cents(line["BETRAG"]) and body[6] == int(line["MENGE"]), f"line {place} says another amount than its entry")
    return {"entries": len(hashes), "shown": len(shown), "lines": len(books.tables["Zeilen"]), "erased_lines": erased}


def check_log(books: Books, office: str) -> dict[str, int]:
    """Recomputes the audit log's chain."""
    before, erased = sha(b"teilhabe/audit/1", office.encode()), 0
    rows = books.tables["Protokoll"]
    for place, row in enumerate(rows):
        if place == 0 and row["NR"] != "1":
            before = row["KETTE_VOR"]
        expect(row["KETTE_VOR"] in ("", before), f"record {row['NR']} of the log does not follow the one before it")
        expect(link_after(before, row["HASH"]) == row["KETTE"], f"record {row['NR']} of the log: its link does not follow")
        if row["SALZ"]:
            parts = [exact(row[c]).encode() for c in ("WER", "HANDLUNG", "WORAN", "EINZELHEIT")]
            text = int(row["ZEIT_MS"]).to_bytes(8, "big") + b"".join(len(p).to_bytes(8, "big") + p for p in parts)
            expect(sha(text, bytes.fromhex(row["SALZ"])) == row["HASH"], f"record {row['NR']} of the log has another hash")
        else:
            erased += 1
            expect(not (row["WER"] or row["WORAN"] or row["EINZELHEIT"]), f"record {row['NR']} of the log is erased only in part")
        before = row["KETTE"]
    return {"log": len(rows), "erased_log": erased}


def check_money(books: Books) -> dict[str, int]:
    """Adds up what was paid in every place it appears."""
    paid = {p["ZAHLUNG"]: cents(p["BETRAG"]) for p in books.tables["Zahlungen"]}
    shares: dict[str, int] = {}
    for share in books.tables["Anteile"]:
        shares[share["ZAHLUNG"]] = shares.get(share["ZAHLUNG"], 0) + cents(share["BETRAG"])
    expect(shares == paid, "the shares of a transfer are not its amount")
    lines = sum(cents(row["JETZT"]) for row in books.tables["Laufzeilen"])
    for file in books.tables["Dateien"]:
        if file["GELOESCHT"]:
            continue
        data = (books.folder / "dateien" / file["LAUF"] / file["DATEI"]).read_bytes()
        expect(sha(data) == file["SHA256"], f"{file['DATEI']} has another checksum")
    return {"paid": sum(paid.values()), "paid_lines": lines, "claimed": sum(cents(row["BETRAG"]) for row in books.tables["Zeilen"])}


def check_box(books: Books, terminal: str) -> dict[str, Any]:
    """Recomputes a terminal's own journal."""
    link, erased, rows = sha(b"teilhabe/journal/1", bytes.fromhex(terminal)), 0, books.tables["Journal"]
    for place, row in enumerate(rows, 1):
        expect(int(row["NR"]) == place, f"entry {place} is missing")
        if row["BYTES"]:
            data = bytes.fromhex(row["BYTES"])
            expect(sha(data) == row["HASH"], f"entry {place}: its bytes have another hash")
            entry = cbor.decode(data)
            expect(entry[1] == place, f"entry {place} carries the number {entry[1]}")
            expect(entry[3] != 2 or entry[4][7] == cents(row["BETRAG"]), f"entry {place}: the table says another amount")
        else:
            erased += 1
        link = link_after(link, row["HASH"])
        expect(link == row["KETTE"], f"entry {place}: its link does not follow")
    return {"entries": len(rows), "erased": erased, "head": f"{len(rows)} {link}"}


def main(folder: Path) -> dict[str, Any]:
    """Checks all there is."""
    facts = check_seal(folder)
    books = Books(folder)
    if "lesegeraet" in facts:
        proved = check_box(books, facts["lesegeraet"])
        expect(proved["head"] == facts["journal"], "the seal names another end of the journal")
        return proved
    proved = check_journals(books) | check_log(books, facts["amt"]) | check_money(books)
    return proved | {"cases": "Faelle" in books.tables}


if __name__ == "__main__":
    try:
        print(json.dumps(main(Path(sys.argv[1]))))
    except Wrong as why:
        print(f"books.py: {why}", file=sys.stderr)
        sys.exit(1)
