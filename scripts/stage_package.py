"""Writes what the packages need beside the program and firmware-config/: scripts of both services, changelog, third parties' licences.

Used by scripts/package and scripts/check-package. Arguments: the folder, the packages' version, the time (seconds since 1970) they are dated to.
"""
import gzip, json, pathlib, re, subprocess, sys, textwrap
from email.utils import formatdate

folder, version, date = pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
source = pathlib.Path("firmware-config/package")
MAINTAINER = re.search(r'^maintainer = "(.*)"$', pathlib.Path("Cargo.toml").read_text(), re.M)[1]
# What differs between the two services: words of the question that a purge asks, and the command that says what would be lost.
ROLES = {
    "terminal": {
        "FAREWELL": "terminal hand-back",
        "ROLE_DE": "Lesegeräts",
        "LOST": "The journal of this box is its provider's book. Entries that no office has confirmed are never paid once it is gone, "
                "its keys cannot be made anew, and what was paid must stay provable for years.",
        "LOST_DE": "Das Journal dieses Lesegeräts ist das Buch des Anbieters. Einträge, die kein Amt bestätigt hat, werden nie mehr bezahlt, "
                   "die Schlüssel lassen sich nicht neu machen, und was bezahlt wurde, muss über Jahre belegbar bleiben.",
    },
    "office": {
        "FAREWELL": "doctor",
        "ROLE_DE": "Amtes",
        "LOST": "Whoever lacks this office's keys cannot speak for it: every terminal has to enrol anew, every card has to be printed anew, "
                "and claims that are not paid yet are lost. What was paid must stay provable for years.",
        "LOST_DE": "Ohne die Schlüssel dieses Amtes kann niemand mehr in seinem Namen handeln: Jedes Lesegerät muss sich neu anmelden, jede Karte "
                   "neu gedruckt werden, und noch nicht bezahlte Abrechnungen sind verloren. Was bezahlt wurde, muss über Jahre belegbar bleiben.",
    },
}


def scripts(role, words):
    into = folder / role
    into.mkdir(parents=True, exist_ok=True)
    for file in sorted((source / "service").iterdir()):
        text = file.read_text()
        for name, value in {"ROLE": role, **words}.items():
            # Continued lines of a debconf template begin with a space.
            lines = textwrap.wrap(value, 76, break_on_hyphens=False)
            text = text.replace(f"@{name}@", "\n ".join(lines))
        (into / file.name).write_text(text)


def changelog(package):
    text = (f"{package} ({version}) unstable; urgency=medium\n\n  * What changed: changelog.gz of teilhabe-terminal or teilhabe-office.\n\n"
            f" -- {MAINTAINER}  {formatdate(date, usegmt=False)}\n")
    (folder / f"{package}.changelog").write_text(text)


def licence_texts(crate):
    home = pathlib.Path(crate["manifest_path"]).parent
    names = re.compile(r"^(licen[cs]e|copying|notice|copyright)", re.I)
    return [file.read_text(errors="replace").strip() for file in sorted(home.iterdir()) if names.match(file.name) and file.is_file()]


def third_parties(role):
    """Every crate compiled into that role's program, with the notices its licence wants kept. The same text is printed once."""
    command = ["cargo", "metadata", "--format-version=1", "--locked", "--no-default-features", "--features", f"{role},pcsc",
               "--filter-platform", "x86_64-unknown-linux-gnu"]
    meta = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    nodes = {node["id"]: node for node in meta["resolve"]["nodes"]}
    used, open_ids = set(), [meta["resolve"]["root"]]
    while open_ids:
        crate = open_ids.pop()
        if crate not in used:
            used.add(crate)
            open_ids += [dep["pkg"] for dep in nodes[crate]["deps"] if any(kind["kind"] is None for kind in dep["dep_kinds"])]
    crates = [crate for crate in meta["packages"] if crate["id"] in used and crate["source"]]
    parts, seen = ["Teilhabe is built from these crates (crates.io), each under its own licence.\n"], {}
    for crate in sorted(crates, key=lambda c: (c["name"], c["version"])):
        parts.append(f"\n==== {crate['name']} {crate['version']}: {crate['license'] or 'see the text'}")
        parts += [f"     by {', '.join(crate['authors'])}"] if crate["authors"] else []
        for text in licence_texts(crate):
            first = seen.setdefault(text, crate["name"])
            parts.append(text if first == crate["name"] else f"(the same text as at {first})")
    (folder / role / "third-parties.txt.gz").write_bytes(gzip.compress("\n".join(parts).encode(), 9, mtime=0))


for role, words in ROLES.items():
    scripts(role, words)
    third_parties(role)
for package in ["teilhabe-terminal", "teilhabe-office", "teilhabe-box"]:
    changelog(package)
