"""What the office signs: trust lists, credentials, receipts, advices, inbound envelopes, status lists."""

from __future__ import annotations

import zlib
from typing import Any

from teilhabe_formats import cbor, cose, documents, status
from teilhabe_formats.documents import ADVICE, CREDENTIAL, INBOUND, RECEIPT, TRUST

from .age_writer import recipient_of
from .refusals import of_every_type
from .world import (AT, NOW, OFFICE, PAPERS, ROOT, STATUS, STRANGER, TERMINAL, TERMINAL_AGE, TERMINAL_ID, YEAR_MS, Case,
                    Seed, accepted, key, refused, trust_content)

STATUS_TYPE = "statuslist"


def trust_lists() -> list[Case]:
    """All cases of trust.json; the key of every case is the root key."""
    content = trust_content()
    listed = content[5]
    cases = [
        accepted("five_keys", TRUST, content, ROOT),
        accepted("next_root_key", TRUST, content | {8: key("next root").public}, ROOT),
        accepted("office_with_suffix", TRUST, content | {4: ["05562032-BUT1", "Jobcenter und Stadt"]}, ROOT),
        accepted("office_of_a_kreis", TRUST, content | {4: ["05562", "Kreis Recklinghausen"]}, ROOT),
        accepted("name_with_umlaut", TRUST, content | {4: ["05515000", "Stadt Münster"]}, ROOT),
    ]
    wrong: dict[str, dict[int, Any]] = {
        "no_key_at_all": {5: []},
        "key_of_31_bytes": {5: [listed[0] | {1: bytes(31)}]},
        "key_without_purpose": {5: [listed[0] | {2: []}]},
        "purpose_0": {5: [listed[0] | {2: [0]}]},
        "purpose_4": {5: [listed[0] | {2: [4]}]},
        "key_without_end": {5: [{name: value for name, value in listed[0].items() if name != 4}]},
        "key_with_unknown_member": {5: [listed[0] | {6: 0}]},
        "withdrawn_as_bool": {5: [listed[0] | {5: True}]},
        "office_of_4_digits": {4: ["0556", "Stadt"]},
        "office_of_9_digits": {4: ["055620321", "Stadt"]},
        "office_with_letters": {4: ["05562O32", "Stadt"]},
        "office_with_small_suffix": {4: ["05562032-but", "Stadt"]},
        "office_with_long_suffix": {4: ["05562032-BUT12", "Stadt"]},
        "office_with_newline": {4: ["05562032\n", "Stadt"]},
        "office_in_arabic_digits": {4: ["٠٥٥٦٢٠٣٢", "Stadt"]},
        "office_without_name": {4: [OFFICE]},
        "policy_without_red": {7: {1: 90, 2: 3}},
        "policy_negative": {7: {1: 90, 2: 3, 3: -14}},
        "policy_as_list": {7: [90, 3, 14]},
        "next_root_of_16_bytes": {8: bytes(16)},
    }
    cases += [refused(name, TRUST, content | change, ROOT) for name, change in wrong.items()]
    return cases + of_every_type(TRUST, content, ROOT)


def credential_content() -> dict[int, Any]:
    """A canteen that is also a club and a tutor, so that every kind of service is there."""
    services = [
        {1: "lunch", 2: 1, 3: "Mittagessen", 4: 0, 5: [[20_600, 400], [20_666, 420]]},
        {1: "flat", 2: 1, 3: "Monatspauschale", 4: 2, 5: [[20_666, 6500]]},
        {1: "judo", 2: 2, 3: "Judo, Beitrag", 4: 1, 5: []},
        {1: "de45", 2: 3, 3: "Nachhilfe Deutsch", 4: 0, 5: [[20_666, 2450]], 6: 45, 7: "DE"},
        {1: "zoo", 2: 4, 3: "Zoo", 4: 1, 5: [], 7: "zoo-26"},
        {1: "harz", 2: 5, 3: "Harz", 4: 1, 5: [], 7: "harz-26"},
    ]
    return {1: 412, 2: "Mensa am Löhrhof", 3: TERMINAL_ID, 4: TERMINAL.public, 5: recipient_of(TERMINAL_AGE),
            6: NOW - 86_400_000, 7: NOW + YEAR_MS, 8: services}


def credentials() -> list[Case]:
    """All cases of credential.json."""
    content = credential_content()
    service = content[8][0]
    cases = [
        accepted("every_kind_of_service", CREDENTIAL, content, PAPERS),
        accepted("one_service", CREDENTIAL, content | {8: [service]}, PAPERS),
        accepted("two_tills_on_one_lan", CREDENTIAL, content | {9: [key("second till").public]}, PAPERS),
        accepted("no_other_tills", CREDENTIAL, content | {9: []}, PAPERS),
        accepted("service_with_later_member", CREDENTIAL, content | {8: [service | {64: "later"}]}, PAPERS),
    ]
    wrong: dict[str, dict[int, Any]] = {
        "no_service": {8: []},
        "service_code_empty": {8: [service | {1: ""}]},
        "service_code_with_slash": {8: [service | {1: "lunch/a"}]},
        "service_code_of_25": {8: [service | {1: "a" * 25}]},
        "service_benefit_6": {8: [service | {2: 6}]},
        "service_kind_3": {8: [service | {4: 3}]},
        "service_price_negative": {8: [service | {5: [[20_600, -400]]}]},
        "service_price_without_date": {8: [service | {5: [[400]]}]},
        "service_price_floating_point": {8: [service | {5: [[20_600, cbor.Raw(b"\xf9\x44\x00")]]}]},
        "service_minutes_as_text": {8: [service | {6: "45"}]},
        "service_detail_with_space": {8: [service | {7: "D E"}]},
        "service_with_unknown_member": {8: [service | {8: 0}]},
        "other_till_of_31_bytes": {9: [bytes(31)]},
        "terminal_id_of_8_bytes": {3: bytes(8)},
    }
    cases += [refused(name, CREDENTIAL, content | change, PAPERS) for name, change in wrong.items()]
    return cases + of_every_type(CREDENTIAL, content, PAPERS)


def receipt_content() -> dict[int, Any]:
    """A receipt for nine entries."""
    seed = Seed("receipt")
    return {1: seed.octets(16), 2: NOW, 3: 9, 4: seed.octets(32), 5: seed.octets(32)}


def receipts() -> list[Case]:
    """All cases of receipt.json."""
    content = receipt_content()
    cases = [accepted("checkpoint", RECEIPT, content, PAPERS),
             accepted("nothing_yet", RECEIPT, content | {3: 0}, PAPERS)]
    cases += [accepted(f"with_reason_{reason}", RECEIPT, content | {6: reason}, PAPERS, "no checkpoint: nothing is purged")
              for reason in ("journal_forked", "journal_gap", "bad_signature", "malformed")]
    return cases + of_every_type(RECEIPT, content, PAPERS)


def advice_content() -> dict[int, Any]:
    """Every verdict, a negative line, and two payments."""
    lines = [[2, 1, 420, ""], [3, 2, 100, "ceiling_reached"], [5, 3, 0, "duplicate"], [6, 0, 0, "clerk_decision"],
             [7, 1, -420, ""]]
    payments = [{1: "TH-05562032-000001-412", 2: 20_790, 3: 100, 4: 88_000},
                {1: "TH-05562032-000002-412", 2: 20_800, 3: 0, 4: -1}]
    return {1: Seed("advice").octets(16), 2: NOW, 3: lines, 4: payments, 5: 2}


def advices() -> list[Case]:
    """All cases of advice.json."""
    content = advice_content()
    without = {name: value for name, value in content.items() if name != 4}
    line = content[3][0]
    cases = [accepted("every_verdict_and_two_payments", ADVICE, content, PAPERS),
             accepted("not_yet_paid", ADVICE, without, PAPERS), accepted("no_lines", ADVICE, without | {3: []}, PAPERS)]
    wrong: dict[str, dict[int, Any]] = {
        "verdict_4": {3: [[2, 4, 0, ""]]},
        "verdict_negative": {3: [[2, -1, 0, ""]]},
        "seq_negative": {3: [[-2, 1, 0, ""]]},
        "cents_floating_point": {3: [[2, 1, cbor.Raw(b"\xf9\x5c\x00"), ""]]},
        "reason_missing": {3: [line[:3]]},
        "reason_null": {3: [[2, 1, 420, None]]},
        "line_of_five": {3: [[*line, 0]]},
        "payments_empty": {4: []},
        "payment_without_share": {4: [{1: "x", 2: 20_790, 4: 1}]},
        "payment_with_unknown_member": {4: [content[4][0] | {5: 0}]},
        "payment_date_negative": {4: [content[4][0] | {2: -1}]},
    }
    cases += [refused(name, ADVICE, content | change, PAPERS) for name, change in wrong.items()]
    return cases + of_every_type(ADVICE, content, PAPERS)


def inbounds() -> list[Case]:
    """All cases of inbound.json."""
    seed = Seed("inbound")
    receipt = documents.sign(RECEIPT, receipt_content(), PAPERS)
    advice = documents.sign(ADVICE, advice_content(), PAPERS)
    bare = {1: TERMINAL_ID, 2: seed.octets(16), 3: NOW, 4: [], 5: [], 6: 0, 11: [0, bytes(32)], 13: OFFICE}
    full: dict[int, Any] = bare | {
        4: [receipt], 5: [advice], 6: 17, 7: documents.sign(TRUST, trust_content(), ROOT), 8: status_list([0, 1, 2, 3]),
        9: documents.sign(CREDENTIAL, credential_content(), PAPERS),
        10: [[seed.octets(8), 1, 0, 3, NOW], [seed.octets(8), 2, 1, 4500, NOW]], 11: [9, seed.octets(32)], 12: True}
    used = full[10][0]
    cases = [accepted("nothing_new", INBOUND, bare, PAPERS), accepted("everything", INBOUND, full, PAPERS),
             accepted("by_stick", INBOUND, full | {2: bytes(16), 12: False}, PAPERS, "a zero nonce: unsolicited")]
    wrong: dict[str, dict[int, Any]] = {
        "receipt_not_in_a_byte_string": {4: [receipt_content()]},
        "used_of_four": {10: [used[:4]]},
        "used_handle_of_16_bytes": {10: [[bytes(16), *used[1:]]]},
        "used_benefit_6": {10: [[used[0], 6, *used[2:]]]},
        "used_measure_3": {10: [[used[0], 1, 3, *used[3:]]]},
        "used_negative": {10: [[*used[:3], -1, used[4]]]},
        "head_without_link": {11: [9]},
        "head_with_short_link": {11: [9, bytes(31)]},
        "more_as_number": {12: 1},
        "office_too_short": {13: "0556"},
    }
    cases += [refused(name, INBOUND, full | change, PAPERS) for name, change in wrong.items()]
    return cases + of_every_type(INBOUND, full, PAPERS)


def status_list(statuses: list[int], issued: int = AT - 3600) -> bytes:
    """A list of the town."""
    return status.sign(STATUS, status.pack(statuses), issued, 86_400, f"https://but.example/{OFFICE}/status")


def status_lists() -> list[Case]:
    """All cases of status_list.json; `statuses` names some indices and what they must be."""
    cases = [_listed("four_statuses", [0, 1, 2, 3], {0: 0, 1: 1, 2: 2, 3: 3}),
             _listed("past_the_end_is_valid", [3, 3, 3], {2: 3, 3: 0, 4: 0, 1_000_000: 0}),
             _listed("empty_list", [], {0: 0}),
             _listed("twenty_thousand", [0] * 19_999 + [1], {0: 0, 19_998: 0, 19_999: 1})]
    good: dict[int, Any] = cbor.decode(cose.parse(status_list([0, 1, 2, 3]), typ=status.TYP).payload)
    listed = good[status.STATUS_LIST]
    packed = listed["lst"]

    def inner(**changes: Any) -> dict[int, Any]:
        return good | {status.STATUS_LIST: listed | changes}

    contents: dict[str, dict[int, Any]] = {
        "bits_1": inner(bits=1), "bits_4": inner(bits=4), "bits_as_text": inner(bits="2"),
        "list_missing": good | {status.STATUS_LIST: {"bits": 2}},
        "list_as_text": inner(lst="eNrbuRgAAhcBXQ"),
        "list_truncated": inner(lst=packed[:-5]),
        "list_without_checksum": inner(lst=packed[:-4]),
        "list_with_wrong_checksum": inner(lst=packed[:-1] + bytes([packed[-1] ^ 1])),
        "list_not_compressed": inner(lst=status.pack([0, 1, 2, 3])),
        "list_raw_deflate": inner(lst=packed[2:-4]),
        "list_gzip": inner(lst=b"\x1f\x8b" + packed),
        "list_with_bytes_after_it": inner(lst=packed + b"\x00"),
        "list_empty_byte_string": inner(lst=b""),
        "list_that_bursts": inner(lst=zlib.compress(bytes(40 * 1024 * 1024), 9)),
        "iat_missing": {name: value for name, value in good.items() if name != status.IAT},
        "iat_as_text": good | {status.IAT: "2026-11-23"},
        "sub_missing": {name: value for name, value in good.items() if name != status.SUB},
        "status_list_missing": {name: value for name, value in good.items() if name != status.STATUS_LIST},
        "ttl_negative": good | {status.TTL: -1},
    }
    for name, content in contents.items():
        cases.append(_status_case(name, cose.sign(STATUS, "", cbor.encode(content), {cose.TYP: status.TYP}), "malformed"))
    cases[-len(contents) + 13].note = "40 MiB of zeros: bound what is inflated before it is"
    payload = cbor.encode(good)
    typ = {cose.TYP: status.TYP}
    return cases + [
        _status_case("typ_missing", cose.sign(STATUS, "", payload), "malformed"),
        _status_case("typ_of_the_jwt_form", cose.sign(STATUS, "", payload, {cose.TYP: "statuslist+jwt"}), "malformed"),
        _status_case("typ_as_number", cose.sign(STATUS, "", payload, {cose.TYP: 60}), "malformed"),
        _status_case("algorithm_es256", cose.sign(STATUS, "", payload, typ | {cose.ALG: -7}), "malformed"),
        _status_case("critical_header", cose.sign(STATUS, "", payload, typ | {2: [99], 99: 1}), "malformed"),
        _status_case("signed_with_a_type_name", cose.sign(STATUS, TRUST, payload, typ), "bad_signature", "wrong_type"),
        _status_case("signed_by_a_stranger", cose.sign(STRANGER, "", payload, typ), "unknown_key"),
        _status_case("signature_changed", status_list([0, 1, 2, 3])[:-1] + b"\x00", "bad_signature"),
        _status_case("trailing_byte", status_list([0, 1, 2, 3]) + b"\x00", "malformed"),
        _status_case("tagged", b"\xd2" + status_list([0, 1, 2, 3]), "malformed"),
    ]


def _status_case(name: str, data: bytes, expect: str, *also: str) -> Case:
    return Case(name, STATUS_TYPE, expect, data, [STATUS.public], list(also))


def _listed(name: str, statuses: list[int], expected: dict[int, int]) -> Case:
    case = _status_case(name, status_list(statuses), "accepted")
    case.more = {"iat": AT - 3600, "ttl": 86_400, "statuses": {str(index): value for index, value in expected.items()}}
    return case
