"""Card numbers, slots and age envelopes."""

from __future__ import annotations

from typing import Any

from teilhabe_formats import codes, journal

from .age_writer import CHUNK, identity_of, recipient_of, write_age
from .world import OFFICE, OTHER_OFFICE, TERMINAL_AGE, Seed


def numbers() -> list[dict[str, Any]]:
    """All cases of card_number.json."""
    seed = Seed("numbers")
    cases: list[dict[str, Any]] = []
    for count in range(24):
        cti = seed.octets(16)
        number = codes.card_number(cti)
        cases.append({"name": f"number_{count}", "type": "card_number", "cti": cti.hex(), "number": number,
                      "expect": "accepted"})
    number = cases[0]["number"]
    grouped = f"{number[:4]} {number[4:8]} {number[8:]}"
    cases.append({"name": "in_groups_of_four", "type": "card_number", "cti": cases[0]["cti"], "number": grouped,
                  "expect": "accepted"})
    wrong = {f"digit_{place}_mistyped": number[:place] + str((int(number[place]) + 1) % 10) + number[place + 1 :]
             for place in range(12)}
    swapped = next(item for item in (case["number"] for case in cases) if item[2] != item[3])
    wrong |= {
        "two_digits_swapped": swapped[:2] + swapped[3] + swapped[2] + swapped[4:],
        "eleven_digits": number[:11], "thirteen_digits": number + "0", "a_letter": number[:11] + "O", "empty": "",
        "arabic_digits": number.translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")), "negative": "-" + number[1:],
    }
    return cases + [{"name": name, "type": "card_number", "number": text, "expect": "malformed",
                     "or": ["unknown_number"]} for name, text in wrong.items()]


def slots() -> list[dict[str, Any]]:
    """All cases of slot.json: the key of § 4 from its parts, and the slot."""
    seed = Seed("slots")
    date, month = "2026-11-23", "2026-11"
    keys: list[tuple[str, int, str]] = [
        ("lunch", 1, journal.lunch_key(date)),
        ("lunch_on_a_leap_day", 1, journal.lunch_key("2028-02-29")),
        ("monthly_flat", 1, journal.monthly_key(date, 412, "flat")),
        ("participation", 2, journal.participation_key(date, 412, "judo")),
        ("participation_second_fee_of_the_day", 2, journal.participation_key(date, 412, "judo", "start")),
        ("participation_monthly", 2, journal.monthly_key(date, 412, "judo")),
        ("tutoring", 3, journal.tutoring_key(date, 840, "DE")),
        ("tutoring_before_ten", 3, journal.tutoring_key(date, 485, "MA")),
        ("tutoring_at_midnight", 3, journal.tutoring_key(date, 0, "DE")),
        ("day_trip", 4, journal.trip_key("zoo-26", 17)),
        ("class_trip_second_instalment", 5, journal.trip_key("harz-26", 17, "2")),
    ]
    written = ["2026-11-23", "2028-02-29", f"{month}/412/flat", "2026-11-23/412/judo/", "2026-11-23/412/judo/start",
               f"{month}/412/judo", "2026-11-23T14:00/DE", "2026-11-23T08:05/MA", "2026-11-23T00:00/DE", "zoo-26/17/",
               "harz-26/17/2"]
    assert [item[2] for item in keys] == written, "the key builders and § 4 must say the same"
    cases = []
    for office in (OFFICE, OTHER_OFFICE, "05562032-BUT"):
        handle = seed.octets(8)
        cases += [{"name": f"{name}_{office}", "type": "slot", "office": office, "handle": handle.hex(), "benefit": benefit,
                   "key": key, "slot": journal.slot(office, handle, benefit, key).hex(), "expect": "accepted"}
                  for name, benefit, key in keys]
    return cases


def envelopes() -> list[dict[str, Any]]:
    """All cases of envelope.json: age files for the terminal's identity."""
    seed = Seed("envelopes")
    identity = identity_of(TERMINAL_AGE)

    def sealed(plain: bytes, secret: bytes = TERMINAL_AGE) -> bytes:
        return write_age(plain, secret, seed.octets(32), seed.octets(16), seed.octets(16))

    long = (bytes(range(256)) * 257)[: CHUNK + 100]
    good = sealed(b"an envelope")
    end = good.index(b"\n---") + 1
    chunks = sealed(long)
    files: list[tuple[str, bytes, bytes | None]] = [
        ("short", good, b"an envelope"),
        ("empty", sealed(b""), b""),
        ("two_chunks", chunks, long),
        ("for_another_recipient", sealed(b"an envelope", Seed("age/other").octets(32)), None),
        ("cut_by_a_byte", good[:-1], None),
        ("last_chunk_cut_off", chunks[: -(100 + 16)], None),
        ("a_bit_changed", good[:-3] + bytes([good[-3] ^ 1]) + good[-2:], None),
        ("header_changed", good.replace(b"X25519", b"X25518"), None),
        ("mac_changed", good[: end + 6] + (b"A" if good[end + 6 : end + 7] != b"A" else b"B") + good[end + 7 :], None),
        ("bytes_after_it", good + b"\x00", None),
        ("of_another_version", good.replace(b"/v1", b"/v2"), None),
        ("not_an_age_file", b"an envelope", None),
        ("nothing", b"", None),
    ]
    return [{"name": name, "type": "envelope", "identity": identity, "recipient": recipient_of(TERMINAL_AGE),
             "hex": data.hex(), "expect": "accepted" if plain is not None else "malformed",
             **({"plain": plain.hex()} if plain is not None else {})} for name, data, plain in files]
