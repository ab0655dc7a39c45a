"""What a terminal writes: journal entries and chains, batches, outbound envelopes, enrolments."""

from __future__ import annotations

from typing import Any

from teilhabe_formats import cbor, codes, documents, journal
from teilhabe_formats.documents import BATCH, ENROLMENT, ENTRY, OUTBOUND

from .age_writer import recipient_of
from .refusals import of_every_type
from .world import (AT, DAY, NOW, OFFICE, OTHER_OFFICE, ROOT, TERMINAL, TERMINAL_AGE, TERMINAL_ID, Case, Seed, accepted,
                    key, refused)

SECRET = Seed("enrolment secret").octets(10)


def redemption(office: str, benefit: int, service: str, slot_key: str, **changes: Any) -> dict[int, Any]:
    """The body of a redemption; `k12=…` sets key 12."""
    seed = Seed(f"redemption/{office}/{slot_key}")
    handle = seed.octets(8)
    body = {1: office, 2: seed.octets(16), 3: benefit, 4: service, 5: DAY, 6: 1, 7: 420,
            8: journal.slot(office, handle, benefit, slot_key), 9: 1, 10: [AT - 3600, 0], 14: handle}
    return body | {int(name[1:]): value for name, value in changes.items()}


def bodies() -> list[tuple[str, int, dict[int, Any]]]:
    """Every kind of entry, redemptions for two offices and all five benefits, in an order a journal could have."""
    seed = Seed("bodies")
    date = "2026-11-23"
    return [
        ("opened", 1, {}),
        ("admission_of_a_trust_list", 7, {1: OFFICE, 2: 1, 3: seed.octets(32)}),
        ("admission_of_a_credential", 7, {1: OFFICE, 2: 2, 3: seed.octets(32)}),
        ("admission_of_a_status_list", 7, {1: OTHER_OFFICE, 2: 3, 3: seed.octets(32)}),
        ("redemption_of_a_lunch", 2, redemption(OFFICE, 1, "lunch", date)),
        ("redemption_for_another_office", 2, redemption(OTHER_OFFICE, 1, "lunch", date)),
        ("redemption_of_a_monthly_flat", 2, redemption(OFFICE, 1, "flat", "2026-11/412/flat", k7=6500)),
        ("redemption_of_a_fee_below_its_price", 2,
         redemption(OFFICE, 2, "judo", f"{date}/412/judo/start", k7=1500, k15="start", k17=2100, k9=4)),
        ("started", 11, {1: OFFICE, 2: seed.octets(16), 3: "de45", 4: DAY, 5: 840, 14: seed.octets(8)}),
        ("redemption_of_a_lesson", 2,
         redemption(OFFICE, 3, "de45", f"{date}T14:00/DE", k6=2, k7=4900, k9=3, k11="op-7", k12=840, k13=930)),
        ("redemption_of_a_day_trip", 2, redemption(OFFICE, 4, "zoo", "zoo-26/412/", k7=1800, k9=6)),
        ("redemption_of_an_instalment", 2,
         redemption(OFFICE, 5, "harz", "harz-26/412/2", k7=19_000, k15="2", k10=[AT - 400_000, 2])),
        ("held", 10, {1: seed.octets(8), 2: 1, 3: "lunch", 4: DAY, 5: 1, 6: 420, 7: "expired"}),
        ("redemption_that_settles_a_held_meal", 2, redemption(OFFICE, 1, "lunch", "2026-11-20", k16=13, k5=DAY - 3)),
        ("cancellation", 3, {1: 5, 2: "wrong_child", 3: OFFICE, 4: seed.octets(32)}),
        ("clock", 6, {1: NOW - 86_400_000, 2: 1}),
        ("sealed", 4, {1: OFFICE, 2: seed.octets(16), 3: seed.octets(32)}),
        ("checkpoint", 5, {1: OFFICE, 2: seed.octets(32)}),
        ("closed", 8, {1: DAY}),
        ("purge", 9, {1: 1, 2: 4}),
        ("opened_after_a_restore", 1, {1: seed.octets(16), 2: 40, 3: seed.octets(32)}),
    ]


def entries() -> list[bytes]:
    """A journal of all `bodies`, whose cancellation names the entry it cancels."""
    seed = Seed("salts")
    result: list[bytes] = []
    for seq, (_, kind, body) in enumerate(bodies(), start=1):
        if kind == documents.CANCELLATION:
            body = body | {4: journal.sha256(result[body[1] - 1])}
        result.append(cbor.encode({1: seq, 2: NOW + seq * 1000, 3: kind, 4: body, 5: seed.octets(16)}))
    return result


def entry_cases() -> list[Case]:
    """All cases of entry.json: entries stand alone and are not signed."""
    cases = [Case(name, ENTRY, "accepted", data, document=cbor.decode(data))
             for (name, _, _), data in zip(bodies(), entries(), strict=True)]
    for wrong_name, content in _wrong_entries().items():
        cases.append(Case(wrong_name, ENTRY, "malformed", cbor.encode(content)))
    later = cbor.decode(entries()[4])
    for name, content in (("later_member", later | {64: "later"}),
                          ("later_member_in_the_body", later | {4: later[4] | {64: 1}})):
        cases.append(Case(f"{name}_is_ignored", ENTRY, "accepted", cbor.encode(content)))
    lunch = cbor.decode(entries()[4])
    by_phone = lunch | {4: lunch[4] | {9: 2, 65: [AT, Seed("proof").octets(32) * 2]}}
    cases.append(Case("redemption_with_the_proof_of_a_phone", ENTRY, "accepted", cbor.encode(by_phone), document=by_phone))
    for name, proof in (("without_signature", [AT]), ("with_a_short_signature", [AT, bytes(63)]), ("with_a_third_part", [AT, bytes(64), 0]),
                        ("as_bytes", bytes(64)), ("with_a_negative_time", [-AT, bytes(64)])):
        wrong = lunch | {4: lunch[4] | {9: 2, 65: proof}}
        cases.append(Case(f"redemption_with_a_proof_{name}", ENTRY, "malformed", cbor.encode(wrong)))
    good = entries()[4]
    for name, data in (("empty", b""), ("trailing_byte", good + b"\x00"), ("cut_short", good[:-1]),
                       ("indefinite_length", b"\xbf" + good[1:] + b"\xff"), ("length_in_long_form", b"\xb8\x05" + good[1:])):
        cases.append(Case(name, ENTRY, "malformed", data))
    return cases


def _wrong_entries() -> dict[str, dict[int, Any]]:
    lunch, lesson = cbor.decode(entries()[4]), cbor.decode(entries()[9])
    cancellation, clock = cbor.decode(entries()[14]), cbor.decode(entries()[15])
    held, started = cbor.decode(entries()[12]), cbor.decode(entries()[8])

    def body(entry: dict[int, Any], **changes: Any) -> dict[int, Any]:
        return entry | {4: entry[4] | {int(name[1:]): value for name, value in changes.items()}}

    def without(entry: dict[int, Any], name: int) -> dict[int, Any]:
        return entry | {4: {other: value for other, value in entry[4].items() if other != name}}

    wrong = {f"redemption_without_key_{name}": without(lunch, name) for name in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 14)}
    wrong |= {f"{label}_without_its_office": without(entry, name)
              for label, entry, name in (("cancellation", cancellation, 3), ("started", started, 1))}
    return wrong | {
        "seq_0": lunch | {1: 0}, "seq_negative": lunch | {1: -1}, "kind_0": lunch | {3: 0}, "kind_12": lunch | {3: 12},
        "salt_of_8_bytes": lunch | {5: bytes(8)},
        "salt_missing": {name: value for name, value in lunch.items() if name != 5},
        "unknown_member": lunch | {6: 0},
        "body_as_list": lunch | {4: []},
        "body_of_another_kind": lunch | {4: clock[4]},
        "redemption_with_unknown_member": body(lunch, k18=0),
        "redemption_of_benefit_6": body(lunch, k3=6),
        "redemption_seen_as_7": body(lunch, k9=7),
        "redemption_data_age_3": body(lunch, k10=[AT, 3]),
        "redemption_cents_negative": body(lunch, k7=-420),
        "redemption_units_floating_point": body(lunch, k6=cbor.Raw(b"\xf9\x3c\x00")),
        "redemption_slot_of_32_bytes": body(lunch, k8=bytes(32)),
        "redemption_charge_with_slash": body(lunch, k15="a/b"),
        "redemption_office_invalid": body(lunch, k1="Stadt"),
        "lesson_without_start": without(lesson, 12),
        "lesson_without_end": without(lesson, 13),
        "cancellation_with_short_hash": body(cancellation, k4=bytes(16)),
        "cancellation_with_free_text": body(cancellation, k2="was a mistake"),
        "clock_state_3": body(clock, k2=3),
        "held_with_an_office": body(held, k8=OFFICE),
        "admission_of_kind_4": {1: 9, 2: NOW, 3: 7, 4: {1: OFFICE, 2: 4, 3: bytes(32)}, 5: bytes(16)},
    }


def journals() -> list[dict[str, Any]]:
    """The one journal of journal.json, with the link after every entry."""
    data = entries()
    first = journal.first_link(TERMINAL_ID)
    after = journal.links(first, [[item] for item in data])
    return [{"name": "all_kinds", "terminal_key": TERMINAL.public.hex(), "terminal": TERMINAL_ID.hex(),
             "link_before": first.hex(), "entries": [item.hex() for item in data], "links": [item.hex() for item in after]}]


def batch_content(office: str, first: int, last: int, name: str) -> dict[int, Any]:
    """A batch of the journal's entries first..last for one office."""
    data = entries()
    before = journal.links(journal.first_link(TERMINAL_ID), [[item] for item in data[: first - 1]])
    link = before[-1] if before else journal.first_link(TERMINAL_ID)
    items = journal.items_for(data[first - 1 : last], office)
    after = journal.links(link, items)
    return {1: Seed(f"batch/{name}").octets(16), 2: office, 3: 412, 4: TERMINAL_ID, 5: NOW + 60_000, 6: first, 7: link,
            8: items, 9: after[-1] if after else link}


def batches() -> list[Case]:
    """All cases of batch.json: two offices get the same journal, each with the other's entries blinded."""
    whole = batch_content(OFFICE, 1, len(entries()), "whole")
    cases = [
        _batch("whole_journal_for_one_office", whole),
        _batch("the_same_journal_for_the_other_office", batch_content(OTHER_OFFICE, 1, len(entries()), "other"), OTHER_OFFICE),
        _batch("from_the_middle", batch_content(OFFICE, 6, 11, "middle")),
        _batch("nothing_to_say", batch_content(OFFICE, 9, 8, "nothing")),
        _batch("one_entry", batch_content(OFFICE, 5, 5, "one")),
    ]
    others = [[item] for item in entries()]
    first, second = whole[8][4], whole[8][6]
    changes: dict[str, dict[int, Any]] = {
        "last_link_of_another_journal": {9: bytes(32)},
        "first_link_of_another_journal": {7: bytes(32)},
        "entry_left_out": {8: whole[8][:5] + whole[8][6:]},
        "entry_said_twice": {8: whole[8][:5] + [first] + whole[8][5:]},
        "entries_swapped": {8: whole[8][:4] + [second, whole[8][5], first] + whole[8][7:]},
        "first_seq_0": {6: 0},
        "first_seq_one_too_high": {6: 2},
        "item_of_31_bytes": {8: [bytes(31)]},
        "item_of_two": {8: [[entries()[0], b""]]},
        "item_of_none": {8: [[]]},
        "item_a_map": {8: [{}]},
        "office_invalid": {2: "Stadt"},
    }
    cases += [_wrong_batch(name, whole | change) for name, change in changes.items()]
    open_entry = _wrong_batch("entry_of_another_office_not_blinded", whole | {8: others})
    open_entry.note = "every entry in the open: the office would see another office's child"
    rubbish = batch_content(OFFICE, 1, 1, "rubbish")
    chained = journal.next_link(rubbish[7], journal.sha256(b"\x80"))
    for name, content in (("item_that_is_no_entry", rubbish | {8: [[b"\x80"]], 9: chained}), ("too_many_items", _crowd())):
        cases.append(_wrong_batch(name, content))
    cases += [open_entry] + of_every_type(BATCH, batch_content(OFFICE, 1, 5, "small"), TERMINAL, office=OFFICE)
    stolen = key("second terminal")
    cases.append(Case("terminal_id_of_another_key", BATCH, "malformed", documents.sign(BATCH, whole, stolen), [stolen.public],
                      ["unknown_key", "bad_signature"], more={"office": OFFICE}))
    return cases


def _crowd() -> dict[int, Any]:
    """50,001 items would be 1.7 MB in hex; the same byte string 50,001 times announced and cut is malformed as well."""
    content = batch_content(OFFICE, 1, 1, "crowd")
    return content | {8: cbor.Raw(cbor.head(4, 50_001) + cbor.encode(bytes(32)))}


def _batch(name: str, content: dict[int, Any], office: str = OFFICE) -> Case:
    return accepted(name, BATCH, content, TERMINAL, office=office)


def _wrong_batch(name: str, content: dict[int, Any]) -> Case:
    return refused(name, BATCH, content, TERMINAL, office=OFFICE)


def outbounds() -> list[Case]:
    """All cases of outbound.json."""
    seed = Seed("outbound")
    bare = {1: TERMINAL_ID, 2: seed.octets(16), 3: NOW, 4: [], 5: [0, 0, 0, 0], 6: [0, journal.first_link(TERMINAL_ID)],
            7: OFFICE}
    batch = documents.sign(BATCH, batch_content(OFFICE, 1, 5, "small"), TERMINAL)
    full = bare | {4: [batch, batch], 5: [7, AT, NOW, 17], 6: [21, seed.octets(32)]}
    cases = [accepted("first_contact", OUTBOUND, bare, TERMINAL), accepted("two_batches", OUTBOUND, full, TERMINAL)]
    wrong: dict[str, dict[int, Any]] = {
        "versions_of_three": {5: [7, AT, NOW]},
        "versions_of_five": {5: [7, AT, NOW, 17, 0]},
        "cursor_negative": {5: [7, AT, NOW, -1]},
        "head_without_link": {6: [21]},
        "batch_not_in_a_byte_string": {4: [batch_content(OFFICE, 1, 5, "small")]},
        "nonce_of_12_bytes": {2: bytes(12)},
        "office_invalid": {7: "05562032-"},
    }
    cases += [refused(name, OUTBOUND, full | change, TERMINAL) for name, change in wrong.items()]
    return cases + of_every_type(OUTBOUND, full, TERMINAL)


def enrolments() -> list[Case]:
    """All cases of enrolment.json; the office holds each against the code whose secret is given."""
    recipient = recipient_of(TERMINAL_AGE)
    content = {1: TERMINAL.public, 2: recipient, 3: "Ausgabe 1, Löhrhof", 4: documents.code_id(SECRET),
               5: documents.enrolment_proof(SECRET, TERMINAL.public, recipient)}
    wrong_secret = Seed("other secret").octets(10)
    other = recipient_of(Seed("age/other").octets(32))
    proofs = {
        "proof_with_another_secret": content | {5: documents.enrolment_proof(wrong_secret, TERMINAL.public, recipient)},
        "proof_for_another_recipient": content | {2: other},
        "proof_of_zeros": content | {5: bytes(32)},
    }
    cases = [accepted("right_code", ENROLMENT, content, TERMINAL),
             accepted("label_empty", ENROLMENT, content | {3: ""}, TERMINAL)]
    for name, wrong in proofs.items():
        cases.append(Case(name, ENROLMENT, "bad_signature", documents.sign(ENROLMENT, wrong, TERMINAL), [TERMINAL.public],
                          note="the signature is right, the proof is not; § 6 has no reason of its own for it"))
    cases += of_every_type(ENROLMENT, content, TERMINAL)
    for case in cases:
        case.more["secret"] = SECRET.hex()
    return cases


def enrolment_codes() -> list[dict[str, Any]]:
    """All cases of enrolment_code.json."""
    good = codes.enrolment_code(SECRET, ROOT.public)
    bare = good.replace(" ", "")
    texts = [("in_groups_of_four", good, True), ("without_spaces", bare, True),
             ("in_lower_case", good.lower(), True),
             ("with_newline", good + "\r\n", True),
             ("of_another_root", codes.enrolment_code(SECRET, key("other").public), False),
             ("a_character_short", bare[:-1], False), ("a_character_long", bare + "0", False),
             ("without_E", bare[1:], False), ("a_letter_outside_the_alphabet", bare[:9] + "W" + bare[10:], False),
             ("empty", "", False), ("a_token_code", "BUT1" + bare, False)]
    return [{"name": name, "type": "enrolment_code", "code": text, "root": ROOT.public.hex(),
             "expect": "accepted" if fits else "malformed",
             **({"secret": SECRET.hex(), "code_id": documents.code_id(SECRET).hex()} if fits else {})}
            for name, text, fits in texts]

