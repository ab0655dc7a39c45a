"""Writes wedge_cases.json: the key events that a scanner set to one keyboard layout makes in a browser on a computer set to another.
"""
import json
import pathlib

from wedge_layouts import LAYOUTS


def typed(text, scanner, host, start=0, gap=4, ending="Enter"):
    """The keys of a scanner that types `text`, `gap` milliseconds apart."""
    presses = {}
    for (key, level), char in LAYOUTS[scanner].items():
        if char not in presses or level < presses[char][1]:
            presses[char] = (key, level)
    events, at = [], start
    for char in text:
        key, level = presses[char]
        event = {"code": key, "key": LAYOUTS[host].get((key, level), "Unidentified"), "at": at}
        event |= {"shift": True} if level == 1 else {"altgr": True, "alt": True, "ctrl": True} if level == 2 else {}
        events.append(event)
        at += gap
    if ending:
        events.append({"code": ending, "key": ending, "at": at})
    return events


ALL = "0123456789ABCDEFGHIJKLMNOPQRSTUV"
CODE, OTHER = f"BUT1GH4Q409I{ALL}", f"BUT1GH4Q4097{ALL[::-1]}"
NUMBER, CHIP = "426262267885", "04A224B25C6D80"
PAIRS = [("us", host) for host in LAYOUTS] + [(both, both) for both in LAYOUTS if both != "us"] + \
        [("fr", "us"), ("de", "us"), ("fr", "de"), ("be", "us"), ("cz", "us"), ("de", "fr")]
cases = []


def case(name, events, scans):
    cases.append({"name": name, "scans": scans, "events": events})


for scanner, host in PAIRS:
    for what, text, result in (("code", CODE, CODE), ("number", NUMBER, NUMBER), ("AIM code", "]Q1" + CODE, CODE)):
        if what == "AIM code" and "]" not in LAYOUTS[scanner].values():
            continue
        case(f"{what}, scanner {scanner}, computer {host}", typed(text, scanner, host), [result])
for host in ("us", "de", "fr", "ch", "tr"):
    case(f"chip, scanner us, computer {host}", typed(CHIP, "us", host), [CHIP])
    case(f"chip, scanner and computer {host}", typed(CHIP, host, host), [CHIP])
case("Tab at the end", typed(CODE, "us", "de", ending="Tab"), [CODE])
case("no end", typed(CODE, "us", "fr", ending=None), [CODE])
gs = typed(CODE, "us", "us", ending=None)
case("GS at the end", gs + [{"code": "BracketRight", "key": "]", "ctrl": True, "at": gs[-1]["at"] + 4}], [CODE])
case("two codes without an end between them", typed(CODE + OTHER, "us", "fr"), [CODE, OTHER])
case("the same code twice without an end", typed(CODE + CODE, "us", "de"), [CODE, CODE])
case("half a code, then a whole one", typed(CODE[:20] + OTHER, "us", "us"), [CODE[:20], OTHER])
case("two card numbers without an end between them", typed(NUMBER + "023030851006", "us", "fr"), [NUMBER, "023030851006"])
case("two codes in a hurry", typed(CODE, "us", "de") + typed(OTHER, "us", "de", start=len(CODE) * 4 + 8), [CODE, OTHER])
slow = typed(CODE, "us", "de")
case("a hiccup of two seconds", slow[:15] + [event | {"at": event["at"] + 2000} for event in slow[15:]], [CODE])
case("a slow scanner", typed(CODE, "us", "fr", gap=45), [CODE])
case("small letters", typed(CODE.lower(), "us", "fr"), [CODE.lower()])
caps = [event | {"key": event["key"].swapcase(), "caps": True} for event in typed(CODE, "us", "de")]
case("Caps Lock", caps, [CODE])
case("a person types a word", typed("Meyer", "de", "de", gap=170), [])
case("a person types a card number", typed(NUMBER, "de", "de", gap=170), [NUMBER])
case("two keys only", typed("ab", "us", "us"), [])
case("an emoji keyboard", [{"code": "", "key": "🍕", "at": at} for at in (0, 3, 6)] + [{"code": "Enter", "key": "Enter", "at": 9}], ["🍕🍕🍕"])
case("a digit by hand, then a scan", typed("7", "us", "de", ending=None) + typed(CODE, "us", "de", start=900), [CODE])
card = typed("BEGIN:VCARD", "us", "us") + typed("N:Meyer", "us", "us", start=60) + typed("END:VCARD", "us", "us", start=110)
case("a vCard is one scan", card, ["BEGIN:VCARD\nN:Meyer\nEND:VCARD"])
case("a vCard, then a code", card + typed(CODE, "us", "us", start=2000), ["BEGIN:VCARD\nN:Meyer\nEND:VCARD", CODE])
alt, at = [], 0
for char in CODE:
    for key in ["AltLeft"] + [f"Numpad{digit}" for digit in f"{ord(char):04d}"]:
        alt.append({"code": key, "key": "Alt" if key == "AltLeft" else key[-1], "alt": True, "at": at})
        at += 3
case("a scanner that types by Alt and numbers", alt + [{"code": "Enter", "key": "Enter", "at": at}], [CODE])
case("the test code, scanner fr, computer us", typed(f"TEST1{ALL}YZ", "fr", "us"), [f"TEST1{ALL}YZ"])

lines = ",\n".join(json.dumps(case, ensure_ascii=False, separators=(",", ":")) for case in cases)
pathlib.Path(__file__).with_suffix(".json").write_text(f"[\n{lines}\n]\n")
