"""Sheets that set up a hand scanner, one for each maker: codes that show how the scanner is set, and what the settings are called in the
maker's manual.

    scripts/scanner_sheets.py         writes firmware-config/scanner/*.html anew
    scripts/scanner_sheets.py check   they are what would be written now, and every code on them decodes to what stands under it

The table of what appears on the screen is asked from xkb-data through libxkbcommon. Makers' own programming codes are not printed: we found
none whose text *and* kind of barcode we could verify in a public manual; what could be verified stands in MAKERS with its source.
"""
import html
import pathlib
import re
import sys

import numpy
import zxingcpp

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDER = ROOT / "firmware-config/scanner"
sys.path.insert(0, str(ROOT / "tests/browser"))
from wedge_layouts import LAYOUTS  # noqa: E402

# What the page /scanner reads and judges (src/shell/web/terminal/pages/scanner.rs).
TEST_CODE = re.search(r'TEST_CODE: &str = "(\w+)"', (ROOT / "src/shell/web/terminal/pages/scanner.rs").read_text()).group(1)
# All characters that a US keyboard has, in the order of their codes.
ALL = "".join(map(chr, range(33, 127)))

# Maker: what the settings are called in its manuals, and what we know of them, with the source.
MAKERS = {
    "honeywell": ("Honeywell", "Keyboard Country Layout", "Data Editing: Add Suffix (CR Suffix)", "USB Serial · USB HID (HID-POS)", [
        "Das Menükommando neben dem Strichcode heißt KBDCTY0 (USA), KBDCTY3 (Deutschland), VSUFCR (Enter am Ende), DEFALT (Werkseinstellung).",
        "The menu command beside the bar code is KBDCTY0 (USA), KBDCTY3 (Germany), VSUFCR (Enter at the end), DEFALT (factory settings)."],
        "github.com: three programs that send or list these commands (XEN197X country list, VSUFCR as “Add CR suffix to all symbologies”); manual of the 1300g2, chapter 4, usermanuals.tech"),
    "newland": ("Newland", "USB HID-KBW: Country Keyboard (KBW, CTY)", "Suffix / Terminating Character", "USB COM Port Emulation · HID-POS", [
        "Vor jeder Einstellung „Enter Setup“ scannen, danach „Exit Setup“. USB-Nummer des Herstellers: 1eab.",
        "Scan “Enter Setup” before each setting and “Exit Setup” after it. The maker's USB number is 1eab."],
        "manuals of HR11, HR52 (Use of Programming Command) and FM420 (HID-POS, VID and PID), manualshive.com, manualslib.com"),
    "datalogic": ("Datalogic", "USB Keyboard Settings: Country Mode", "Data Format: Global Suffix", "USB-COM-STD", [], ""),
    "zebra": ("Zebra (Symbol)", "USB Interface: North American Standard USB Keyboard", "Prefix/Suffix Values, Scan Data Transmission Format", "USB CDC Host", [], ""),
    "netum": ("Netum, Tera, Eyoyo u. a.", "Keyboard Language: America", "Terminator: Enter (CR)", "USB Virtual COM", [], ""),
    "other": ("Andere / other makers", "Keyboard Language, Country Layout", "Suffix, Terminator: CR / Enter", "USB COM, CDC, Virtual COM", [], ""),
}

STYLE = """body{font:12pt/1.4 sans-serif;margin:1.5cm;max-width:19cm;color:#000;background:#fff}h1{font-size:18pt}h2{font-size:13pt;margin-top:1.2em}
section{break-inside:avoid}svg{display:block;width:auto;height:3cm;margin:.3cm 0}svg.wide{height:1.6cm}code{font-family:monospace;overflow-wrap:anywhere}
table{border-collapse:collapse}th,td{border:1px solid #666;padding:.15cm .25cm;text-align:left;vertical-align:top}.en{color:#444}"""


def svg(text, kind):
    """A code as SVG with a quiet zone, and nothing of the writer's but its path."""
    options = {"ec_level": "M"} if kind == zxingcpp.BarcodeFormat.QRCode else {}
    made = zxingcpp.write_barcode_to_svg(zxingcpp.create_barcode(text, kind, **options))
    width, height = re.search(r'<svg width="(\d+)" height="(\d+)"', made).groups()
    path = re.search(r'<path d="([^"]+)"', made).group(1)
    wide = "" if kind == zxingcpp.BarcodeFormat.QRCode else ' class="wide"'
    label = html.escape(text, quote=True)
    return f'<svg{wide} viewBox="0 0 {width} {height}" role="img" aria-label="{label}"><path fill="#fff" d="M0 0h{width}v{height}H0z"/><path d="{path}"/></svg>'


def shown(text, scanner, host):
    """What appears when a scanner set to one layout types on a computer set to another; ◌ is a dead key, which may swallow what follows."""
    keys = {char: press for press, char in sorted(LAYOUTS[scanner].items(), key=lambda item: -item[0][1])}
    return "".join({"Dead": "◌"}.get(char := LAYOUTS[host].get(keys.get(c), "□"), char) for c in text)


def sheet(maker):
    name, keyboard, ending, own, more, source = MAKERS[maker]
    qr, line = zxingcpp.BarcodeFormat.QRCode, zxingcpp.BarcodeFormat.Code128
    e = html.escape
    rows = [("richtig eingestellt / set right", ALL),
            ("Scanner US, Rechner deutsch / scanner US, computer German", shown(ALL, "us", "de")),
            ("Scanner deutsch, Rechner US / scanner German, computer US", shown(ALL, "de", "us"))]
    table = "".join(f"<tr><th scope=row>{e(who)}</th><td><code>{e(text)}</code></td></tr>" for who, text in rows)
    notes = "".join(f"<li>{e(text)}</li>" for text in more)
    sources = f"<p>Quelle / source: {e(source)}</p>" if source else ""
    return f"""<!doctype html>
<html lang="de"><head><meta charset="utf-8"><title>Handscanner einrichten: {e(name)}</title><style>{STYLE}</style></head><body>
<h1>Handscanner einrichten: {e(name)}</h1>
<p>Am Lesegerät die Seite „Gerät → Handscanner“ (/scanner) öffnen und den ersten Code scannen: Sie sagt, was nicht stimmt.
<span class="en" lang="en">Open /scanner on the terminal and scan the first code: the page says what is wrong.</span></p>
<section><h2>1 · Prüfcode / test code</h2>{svg(TEST_CODE, qr)}<p><code>{TEST_CODE}</code></p></section>
<section><h2>2 · Alle Zeichen der Reihe nach / all characters in order</h2>
<p>In einem leeren Textfenster scannen und vergleichen. ◌ ist eine tote Taste, □ kommt nicht an.
<span class="en" lang="en">Scan into an empty text window and compare. ◌ is a dead key, □ does not arrive.</span></p>
{svg(ALL, qr)}<table><tbody>{table}</tbody></table></section>
<section><h2>3 · Enter am Ende / Enter at the end</h2>
<p>Beide nacheinander in das Textfenster scannen: Sie müssen in zwei Zeilen stehen. <span class="en" lang="en">Scan both: they must stand on two lines.</span></p>
{svg("ENTER-1", line)}<p><code>ENTER-1</code></p>{svg("ENTER-2", line)}<p><code>ENTER-2</code></p></section>
<section><h2>4 · Vorspann / prefix</h2>
<p>Erscheint <code>]Q1AIM</code> statt <code>AIM</code>, sendet der Scanner Kennungen (AIM). Das schadet nicht: Sie werden entfernt.
<span class="en" lang="en">If <code>]Q1AIM</code> appears, the scanner sends AIM identifiers. That does no harm: they are dropped.</span></p>
{svg("AIM", qr)}<p><code>AIM</code></p></section>
<section><h2>5 · Im Handbuch von {e(name)} / in the maker's manual</h2>
<table><tbody><tr><th scope=row>Tastatur auf US stellen / keyboard to US</th><td lang="en">{e(keyboard)}</td></tr>
<tr><th scope=row>Enter anhängen / add Enter</th><td lang="en">{e(ending)}</td></tr>
<tr><th scope=row>Besser: ohne Tastatur (<code>--scanner</code>) / better: no keyboard at all</th><td lang="en">{e(own)}</td></tr></tbody></table>
<ul>{notes}</ul>{sources}
<p>Strichcodes des Herstellers stehen nur in seinem Handbuch. <span class="en" lang="en">The maker's own codes stand in its manual only.</span></p></section>
</body></html>
"""


def drawn(picture):
    """The picture of an SVG of ours, black and white, as an array."""
    width, height = map(int, re.search(r'viewBox="0 0 (\d+) (\d+)"', picture).groups())
    image = numpy.full((height, width), 255, numpy.uint8)
    for x, y, w, h in re.findall(r"M(\d+) (\d+)h(\d+)v(\d+)h-\d+Z", picture):
        image[int(y):int(y) + int(h), int(x):int(x) + int(w)] = 0
    return numpy.kron(image, numpy.ones((4, 4), numpy.uint8))


def check():
    wrong = [str(path) for path in FOLDER.glob("*.html") if path.stem not in MAKERS]
    for maker in MAKERS:
        path = FOLDER / f"{maker}.html"
        page = path.read_text() if path.exists() else ""
        if page != sheet(maker):
            wrong.append(f"{path}: not what scripts/scanner_sheets.py writes")
        pictures = re.findall(r"<svg.*?</svg>", page)
        if len(pictures) != 5:
            wrong.append(f"{path}: {len(pictures)} codes, 5 expected")
        for picture in pictures:
            says = html.unescape(re.search(r'aria-label="([^"]*)"', picture).group(1))
            read = [code.text for code in zxingcpp.read_barcodes(drawn(picture))]
            if read != [says]:
                wrong.append(f"{path}: the code for {says!r} reads as {read}")
    if wrong:
        sys.exit("\n".join(wrong))
    print(f"{len(MAKERS)} sheets for scanners, every code decodes")


if sys.argv[1:] == ["check"]:
    check()
else:
    FOLDER.mkdir(exist_ok=True)
    for maker in MAKERS:
        (FOLDER / f"{maker}.html").write_text(sheet(maker))
