"""tokens.json and signatures.json: entitlements, the codes they are printed as, and Ed25519's edge cases."""

from __future__ import annotations

import hashlib
from typing import Any

from teilhabe_formats import cbor, codes, cose, documents
from teilhabe_formats.documents import ENTITLEMENT, TOKEN
from teilhabe_formats.ed25519 import BASE, IDENTITY, L, P, add, compress, decompress, multiply

from .refusals import of_every_type
from .world import (AT, EXP, HOLDER, IAT, LATER, NBF, NOW, PAPERS, ROOT, STATUS, TOKENS, WITHDRAWN, YEAR_MS, Case, Seed, key,
                    accepted, allowance_lunch, refused, token_content, trust_content, trust_list)

HOLDER_KEY = {1: {1: 1, -1: 6, -2: HOLDER.public}}


def tokens() -> list[Case]:
    """All cases of tokens.json, each with the trust list it is held against."""
    cases = _rights() + _content() + _nested() + _windows() + _sizes() + _codes() + _phone()
    cases += of_every_type(TOKEN, token_content(h="LM16"), TOKENS)
    for case in cases:
        case.more = {"trust": trust_list().hex(), "root": ROOT.public.hex(), "at": AT} | case.more
        case.keys = []
    return cases


def _right(name: str, content: dict[int, Any], at: int = AT, expect: str = "accepted", note: str = "") -> Case:
    case = accepted(name, TOKEN, content, TOKENS, note, at=at)
    case.expect = expect
    if case.data is not None:
        case.more["code"] = codes.token_code(case.data)
    return case


def _rights() -> list[Case]:
    budget = [2, [[5, 1, 1500]]]
    rights: dict[str, list[Any]] = {
        "lunch_one_a_day": [allowance_lunch()],
        "participation_accrued": [budget],
        "participation_whole_period_for_one_club": [[2, [[4, 1, 18000]], None, [412]]],
        "tutoring_units_by_subject": [[3, [[4, 0, 35], [2, 0, 2]], "DE", [17, 412]]],
        "tutoring_minutes": [[3, [[4, 2, 3150]], "MA"]],
        "tutoring_two_subjects": [[3, [[4, 0, 35]], "DE"], [3, [[4, 0, 20]], "MA"]],
        "day_trip": [[4, [[4, 1, 2500]], "zoo-26"]],
        "class_trip": [[5, [[4, 1, 38000]], "harz-26"]],
        "all_five_benefits": [allowance_lunch(), budget, [3, [[4, 0, 35]], "DE", [17]], [4, [[4, 1, 2500]], "zoo-26"],
                              [5, [[4, 1, 38000]], "harz-26"]],
        "every_period_and_measure": [[1, [[1, 0, 1], [2, 0, 5], [3, 1, 9000], [4, 2, 100], [5, 1, 1500]]]],
        "same_benefit_any_and_one_detail": [[2, [[4, 1, 5000]]], [2, [[4, 1, 9000]], "camp"]],
        "detail_null_written_out": [[1, [[1, 0, 1]], None]],
        "detail_of_24_characters": [[4, [[4, 1, 2500]], "aB3_.-" * 4]],
        "amount_zero": [[1, [[1, 0, 0]]]],
    }
    cases = [_right(name, token_content(allowances)) for name, allowances in rights.items()]
    return cases + [
        _right("hint", token_content(h="LM16")),
        _right("hint_with_umlaut", token_content(h="JÖ 14")),
        _right("hint_of_12_characters", token_content(h="ABCDEFGH2016")),
        _right("home_provider", token_content(p=[412])),
        _right("several_home_providers", token_content(p=[412, 17, 2_000_000])),
        _right("status_index_zero", token_content(i=0)),
        _right("status_index_of_a_million", token_content(i=1_000_000)),
        _right("issued_after_the_period_began", token_content(k6=NBF + 9_000_000)),
        _right("holder_key_on_paper", token_content(k8=HOLDER_KEY), expect="holder_proof_missing",
               note="counts only as a phone code (BUT2)"),
        _right("first_second", token_content(), NBF),
        _right("a_second_early", token_content(), NBF - 1, "not_yet_valid"),
        _right("last_second", token_content(), EXP - 1),
        _right("a_second_late", token_content(), EXP, "expired"),
        _right("years_late", token_content(), EXP + 90_000_000, "expired"),
    ]


def _content() -> list[Case]:
    ceiling = [[1, 0, 1]]
    wrong: dict[str, list[Any]] = {
        "no_allowance": [],
        "benefit_0": [[0, ceiling]],
        "benefit_6_school_transport": [[6, ceiling]],
        "benefit_as_text": [["lunch", ceiling]],
        "no_ceiling": [[1, []]],
        "ceilings_missing": [[1]],
        "period_0": [[1, [[0, 0, 1]]]],
        "period_6": [[1, [[6, 0, 1]]]],
        "measure_3": [[1, [[1, 3, 1]]]],
        "measure_negative": [[1, [[1, -1, 1]]]],
        "amount_negative": [[1, [[1, 0, -1]]]],
        "amount_bignum": [[1, [[1, 0, cbor.Raw(b"\xc2\x49\x01" + bytes(8))]]]],
        "amount_floating_point": [[1, [[1, 0, cbor.Raw(b"\xf9\x3c\x00")]]]],
        "ceiling_of_two": [[1, [[1, 0]]]],
        "ceiling_of_four": [[1, [[1, 0, 1, 1]]]],
        "detail_empty": [[3, ceiling, ""]],
        "detail_of_25_characters": [[3, ceiling, "A" * 25]],
        "detail_with_a_space": [[3, ceiling, "D E"]],
        "detail_with_umlaut": [[3, ceiling, "Ü"]],
        "detail_with_newline_at_the_end": [[3, ceiling, "DE\n"]],
        "detail_as_bytes": [[3, ceiling, b"DE"]],
        "provider_list_empty": [[3, ceiling, "DE", []]],
        "provider_null": [[3, ceiling, "DE", None]],
        "provider_negative": [[3, ceiling, "DE", [-1]]],
        "provider_as_text": [[3, ceiling, "DE", ["412"]]],
        "allowance_of_five": [[3, ceiling, "DE", [412], 0]],
        "allowance_as_map": [{1: 1, 2: ceiling}],
        "same_allowance_twice": [[1, ceiling], [1, ceiling]],
        "same_benefit_twice_other_ceilings": [[1, ceiling], [1, [[1, 0, 9]]]],
        "same_benefit_twice_other_providers": [[3, ceiling, "DE", [17]], [3, ceiling, "DE", [412]]],
        "same_benefit_twice_absent_and_null": [[2, ceiling], [2, ceiling, None]],
    }
    return [refused(name, TOKEN, _with_allowances(allowances), TOKENS) for name, allowances in wrong.items()]


def _with_allowances(allowances: list[Any]) -> dict[int, Any]:
    content = token_content()
    return content | {ENTITLEMENT: content[ENTITLEMENT] | {1: allowances}}


def _nested() -> list[Case]:
    content = token_content()
    entitlement = content[ENTITLEMENT]
    wrong: dict[str, dict[int, Any]] = {
        "index_negative": {2: -1},
        "index_as_text": {2: "4711"},
        "hint_empty": {3: ""},
        "hint_of_13_characters": {3: "A" * 13},
        "hint_as_bytes": {3: b"LM16"},
        "hint_null": {3: None},
        "home_providers_empty": {4: []},
        "home_provider_not_in_a_list": {4: 412},
        "handle_of_7_bytes": {5: bytes(7)},
        "handle_of_16_bytes": {5: bytes(16)},
        "handle_as_text": {5: "00000000"},
        "entitlement_with_unknown_key": {6: 0},
        "entitlement_with_key_64": {64: 0},
    }
    cases = [refused(name, TOKEN, content | {ENTITLEMENT: entitlement | change}, TOKENS) for name, change in wrong.items()]
    for name in (1, 2, 5):
        without = {other: value for other, value in entitlement.items() if other != name}
        cases.append(refused(f"entitlement_without_key_{name}", TOKEN, content | {ENTITLEMENT: without}, TOKENS))
    holders: dict[str, Any] = {
        "holder_key_empty": {},
        "holder_key_not_in_a_map": HOLDER.public,
        "holder_key_p256": {1: {1: 2, -1: 1, -2: HOLDER.public, -3: bytes(32)}},
        "holder_key_x25519": {1: {1: 1, -1: 4, -2: HOLDER.public}},
        "holder_key_of_31_bytes": {1: {1: 1, -1: 6, -2: HOLDER.public[:31]}},
        "holder_key_with_private_part": {1: {1: 1, -1: 6, -2: HOLDER.public, -4: HOLDER.seed}},
        "holder_key_and_kid": HOLDER_KEY | {3: b"kid"},
    }
    return cases + [refused(name, TOKEN, content | {8: holder}, TOKENS) for name, holder in holders.items()]


def _windows() -> list[Case]:
    payload = cbor.encode(token_content())
    early = trust_content(k5=[{1: TOKENS.public, 2: [1], 3: (IAT + 1) * 1000, 4: NOW + YEAR_MS}])
    closed = trust_content(k5=[{1: TOKENS.public, 2: [1], 3: 0, 4: (IAT - 1) * 1000}])
    open_then = trust_content(k5=[{1: TOKENS.public, 2: [1], 3: (IAT - 9) * 1000, 4: (IAT + 9) * 1000}])
    several = trust_content(k5=[{1: TOKENS.public, 2: [2, 1, 3], 3: 0, 4: NOW + YEAR_MS}])

    def under(content: dict[int, Any]) -> dict[str, Any]:
        return {"trust": documents.sign(documents.TRUST, content, ROOT).hex()}

    good = cose.sign(TOKENS, TOKEN, payload)
    return [
        Case("key_withdrawn", TOKEN, "key_withdrawn", cose.sign(WITHDRAWN, TOKEN, payload)),
        Case("key_not_yet_in_force", TOKEN, "unknown_key", cose.sign(LATER, TOKEN, payload), also=["key_withdrawn"]),
        Case("issued_before_the_key_was_in_force", TOKEN, "unknown_key", good, also=["key_withdrawn"], more=under(early)),
        Case("issued_after_the_key_ended", TOKEN, "unknown_key", good, also=["key_withdrawn"], more=under(closed)),
        Case("key_ended_after_the_issue", TOKEN, "accepted", good, document=token_content(), more=under(open_then),
             note="the window is held against iat, not against now"),
        Case("key_with_several_purposes", TOKEN, "accepted", good, document=token_content(), more=under(several)),
        Case("signed_by_the_document_key", TOKEN, "unknown_key", cose.sign(PAPERS, TOKEN, payload),
             also=["wrong_type", "bad_signature"]),
        Case("signed_by_the_status_key", TOKEN, "unknown_key", cose.sign(STATUS, TOKEN, payload),
             also=["wrong_type", "bad_signature"]),
        Case("signed_by_the_root_key", TOKEN, "unknown_key", cose.sign(ROOT, TOKEN, payload)),
    ]


def _sizes() -> list[Case]:
    def of(size: int) -> Case:
        for count in range(20, 60):
            for letters in range(1, 25):
                details = ["D" * letters, "E", "M"]
                content = token_content([[3, [[4, 0, 35]], detail, [100_000] * count] for detail in details])
                if len(cose.sign(TOKENS, TOKEN, cbor.encode(content))) == size:
                    return accepted(f"size_of_{size}_bytes", TOKEN, content, TOKENS)
        raise AssertionError("letters make up for every size between two counts")

    fits, over = of(1024), of(1025)
    over.expect, over.document = "malformed", None
    return [fits, over]


def _codes() -> list[Case]:
    token = documents.sign(TOKEN, token_content(), TOKENS)
    good = codes.token_code(token)
    longer = next(item for item in (documents.sign(TOKEN, token_content(h="A" * size), TOKENS) for size in range(1, 6))
                  if len(item) * 8 % 5)
    texts: dict[str, tuple[str, str]] = {
        "code_plain": (good, "accepted"),
        "code_in_lower_case": (good.lower(), "accepted"),
        "code_in_mixed_case": (good[:9].lower() + good[9:], "accepted"),
        "code_with_white_space_around": (" \t" + good + "\r\n", "accepted"),
        "code_with_aim_identifier": ("]Q1" + good, "accepted"),
        "code_with_eci_prefix": ("\\000026" + good, "accepted"),
        "code_with_aim_and_eci": ("]Q2\\000026" + good + "\n", "accepted"),
        "code_empty": ("", "malformed"),
        "code_white_space_only": (" \r\n", "malformed"),
        "code_prefix_only": ("BUT1", "malformed"),
        "code_aim_identifier_only": ("]Q1", "malformed"),
        "code_of_an_unknown_version": ("BUT9" + good[4:], "malformed"),
        "code_of_a_web_page": ("https://example.org/menu", "malformed"),
        "code_of_a_vaccination": ("HC1:6BF+70790T9WJWG.FKY*4GO0.O1CV2 O5", "malformed"),
        "code_scanned_twice": (good + good, "malformed"),
        "code_cut_short": (good[:-2], "malformed"),
        "code_a_character_short": (good[:-1], "malformed"),
        "code_a_character_long": (good + "0", "malformed"),
        "code_with_padding": (good + "=", "malformed"),
        "code_with_space_inside": (good[:50] + " " + good[50:], "malformed"),
        "code_with_newline_inside": (good[:50] + "\n" + good[50:], "malformed"),
        "code_with_nul_inside": (good[:50] + "\0" + good[50:], "malformed"),
        "code_with_W": (good[:50] + "W" + good[51:], "malformed"),
        "code_with_dotless_i": (good[:50] + "\u0131" + good[51:], "malformed"),
        "code_with_long_s": (good[:50] + "\u017f" + good[51:], "malformed"),
        "code_with_full_width_digit": (good[:50] + "\uff11" + good[51:], "malformed"),
        "code_with_zero_width_space": (good[:50] + "\u200b" + good[50:], "malformed"),
        "code_of_a_million_characters_cut": ("BUT1" + "0" * 5000, "malformed"),
        "code_from_an_azerty_host": (_typed(good, "à&é\"'(-è_ç", {"A": "Q", "Q": "A", "M": ","}), "wrong_layout"),
        "code_from_a_czech_host": (_typed(good, "é+ěščřžýáí", {}), "wrong_layout"),
    }
    cases = [Case(name, TOKEN, expect, more={"code": text}) for name, (text, expect) in texts.items()]
    for case in cases:
        if case.name in ("code_with_dotless_i", "code_with_long_s", "code_with_full_width_digit"):
            case.also = ["wrong_layout"]
        if case.name == "code_from_a_czech_host":
            case.also = ["malformed"]
        if case.name == "code_from_an_azerty_host":
            case.also, case.note = ["accepted"], "or repaired: this layout's mapping is one-to-one"
        if case.expect == "accepted":
            case.document = token_content()
    unused = codes.token_code(longer)
    cases.append(Case("code_with_unused_bits_set", TOKEN, "malformed",
                      more={"code": unused[:-1] + codes.ALPHABET[codes.ALPHABET.index(unused[-1]) | 1]}))
    return cases


def _typed(code: str, digits: str, letters: dict[str, str]) -> str:
    """The code as a host with another layout would type it."""
    return "".join(digits[int(char)] if char.isdigit() else letters.get(char, char) for char in code)


def _phone() -> list[Case]:
    held, free = token_content(k8=HOLDER_KEY), token_content()
    token, paper = documents.sign(TOKEN, held, TOKENS), documents.sign(TOKEN, free, TOKENS)

    def raw(parts: list[Any]) -> str:
        return "BUT2" + codes.base32hex(cbor.encode(parts))

    fresh = codes.phone_code(token, AT, HOLDER)
    proof = HOLDER.sign(b"teilhabe/phone/1" + token + AT.to_bytes(8, "big"))
    long = cbor.Raw(b"\x1b" + AT.to_bytes(8, "big"))
    cases = [
        Case("phone_code_fresh", TOKEN, "accepted", document=held, more={"code": codes.phone_code(token, AT - 3, HOLDER)}),
        Case("phone_code_of_59_seconds", TOKEN, "accepted", document=held,
             more={"code": codes.phone_code(token, AT - 59, HOLDER)}),
        Case("phone_code_too_old", TOKEN, "holder_proof_missing",
             more={"code": codes.phone_code(token, AT - 120, HOLDER)}),
        Case("phone_code_photographed_signed_by_a_stranger", TOKEN, "holder_proof_missing",
             more={"code": codes.phone_code(token, AT, key("thief"))}),
        Case("phone_code_around_a_paper_token", TOKEN, "malformed",
             more={"code": codes.phone_code(paper, AT, HOLDER)}),
        Case("phone_code_of_60_seconds", TOKEN, "holder_proof_missing", more={"code": codes.phone_code(token, AT - 60, HOLDER)}),
        Case("phone_code_30_seconds_ahead", TOKEN, "accepted", document=held,
             more={"code": codes.phone_code(token, AT + 30, HOLDER)}),
        Case("phone_code_31_seconds_ahead", TOKEN, "holder_proof_missing", more={"code": codes.phone_code(token, AT + 31, HOLDER)}),
        Case("phone_code_in_small_letters_with_what_scanners_add", TOKEN, "accepted", document=held,
             more={"code": f"]Q1{fresh.lower()}\r"}),
        Case("phone_code_with_the_time_of_another", TOKEN, "holder_proof_missing", more={"code": raw([token, AT - 1, proof])}),
        Case("phone_code_signed_as_a_document", TOKEN, "holder_proof_missing", more={"code": raw([token, AT, HOLDER.sign(token)])}),
        Case("phone_code_without_signature", TOKEN, "malformed", more={"code": raw([token, AT])}),
        Case("phone_code_with_a_fourth_part", TOKEN, "malformed", more={"code": raw([token, AT, proof, 0])}),
        Case("phone_code_with_a_short_signature", TOKEN, "malformed", more={"code": raw([token, AT, proof[:63]])}),
        Case("phone_code_with_a_time_in_long_form", TOKEN, "malformed", more={"code": raw([token, long, proof])}),
        Case("phone_code_with_a_negative_time", TOKEN, "malformed", more={"code": raw([token, -AT, proof])}),
        Case("phone_code_past_the_year_9999", TOKEN, "malformed", more={"code": raw([token, 253_402_300_800, proof])}),
        Case("phone_code_with_a_byte_more", TOKEN, "malformed",
             more={"code": "BUT2" + codes.base32hex(cbor.encode([token, AT, proof]) + b"\x00")}),
        Case("phone_code_cut_short", TOKEN, "malformed", more={"code": fresh[:-20]}),
        Case("phone_code_twice", TOKEN, "malformed", more={"code": fresh + fresh}),
    ]
    return cases


def signatures() -> list[Case]:
    """All cases of signatures.json: small orders, other encodings of points and scalars, cofactored equations."""
    kind = documents.RECEIPT
    seed = Seed("signatures")
    payload = cbor.encode({1: seed.octets(16), 2: NOW, 3: 9, 4: seed.octets(32), 5: seed.octets(32)})
    torsion = _point_of_order_eight()
    cases = [Case("ordinary", kind, "accepted", cose.sign(PAPERS, kind, payload), [PAPERS.public])]
    plain = cbor.decode(cases[0].data or b"")
    point, scalar = plain[3][:32], int.from_bytes(plain[3][32:], "little")
    for name, number in (("scalar_plus_order", scalar + L), ("scalar_of_all_ones", 2**256 - 1), ("scalar_is_order", L)):
        cases.append(_placed(name, kind, PAPERS.public, payload, point + number.to_bytes(32, "little")))
    cases.append(_placed("signature_of_zeros", kind, PAPERS.public, payload, bytes(64)))
    for order, small in ((1, IDENTITY), (2, (0, P - 1)), (4, multiply(2, torsion)), (8, torsion)):
        cases.append(_small_key(f"key_of_order_{order}", kind, payload, compress(small), small))
    other = (1 + P).to_bytes(32, "little")
    cases.append(_small_key("key_identity_non_canonical", kind, payload, other, IDENTITY))
    signed_zero = (1 | 1 << 255).to_bytes(32, "little")
    cases.append(_small_key("key_identity_with_sign_of_zero", kind, payload, signed_zero, IDENTITY))
    cases += [_small_point("point_identity", kind, payload, compress(IDENTITY)),
              _small_point("point_identity_non_canonical", kind, payload, other),
              _small_point("point_not_on_the_curve", kind, payload, (2).to_bytes(32, "little"))]
    cases += _mixed(kind, payload, torsion)
    return cases


def _point_of_order_eight() -> tuple[int, int]:
    for number in range(2, 1000):
        point = decompress(number.to_bytes(32, "little"))
        if point is not None and multiply(4, small := multiply(L, point)) != IDENTITY:
            return small
    raise AssertionError("every second number is the y of a point, and half of them have full torsion")


def _placed(name: str, kind: str, public: bytes, payload: bytes, signature: bytes, expect: str = "bad_signature",
            note: str = "") -> Case:
    data = cbor.encode([_header(public), {}, payload, signature])
    return Case(name, kind, expect, data, [public], note=note)


def _header(public: bytes) -> bytes:
    return cbor.encode({cose.ALG: cose.ALG_ED25519, cose.KID: cose.kid_of(public)})


def _challenge(point: bytes, public: bytes, kind: str, payload: bytes) -> int:
    message = cose.to_be_signed(_header(public), kind, payload)
    return int.from_bytes(hashlib.sha512(point + public + message).digest(), "little") % L


def _small_key(name: str, kind: str, payload: bytes, public: bytes, small: tuple[int, int]) -> Case:
    """A signature anyone can make, as the key's multiple vanishes: the plain equation holds."""
    nonce = 1
    while multiply(_challenge(compress(multiply(nonce, BASE)), public, kind, payload) % 8, small) != IDENTITY:
        nonce += 1
    signature = compress(multiply(nonce, BASE)) + nonce.to_bytes(32, "little")
    case = _placed(name, kind, public, payload, signature, note="made without any secret; the plain equation holds")
    case.also = ["unknown_key", "malformed"]
    return case


def _small_point(name: str, kind: str, payload: bytes, point: bytes) -> Case:
    """R of small order under an ordinary key: S = k·a solves the equation."""
    scalar = _challenge(point, PAPERS.public, kind, payload) * PAPERS.scalar % L
    return _placed(name, kind, PAPERS.public, payload, point + scalar.to_bytes(32, "little"))


def _mixed(kind: str, payload: bytes, torsion: tuple[int, int]) -> list[Case]:
    nonce = 987_654_321
    mixed_point = compress(add(multiply(nonce, BASE), torsion))
    scalar = (nonce + _challenge(mixed_point, PAPERS.public, kind, payload) * PAPERS.scalar) % L
    cofactored = _placed("holds_only_when_cofactored", kind, PAPERS.public, payload,
                         mixed_point + scalar.to_bytes(32, "little"), note="batch verifiers may take it: refused")
    mixed_key = compress(add(multiply(PAPERS.scalar, BASE), torsion))
    while _challenge(compress(multiply(nonce, BASE)), mixed_key, kind, payload) % 8:
        nonce += 1
    point = compress(multiply(nonce, BASE))
    scalar = (nonce + _challenge(point, mixed_key, kind, payload) * PAPERS.scalar) % L
    mixed = _placed("key_of_mixed_order", kind, mixed_key, payload, point + scalar.to_bytes(32, "little"), "accepted",
                    "not of small order, and the plain equation holds: the strict rule of § 1 takes it")
    return [cofactored, mixed]
