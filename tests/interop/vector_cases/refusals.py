"""What must be refused in a document of whatever type: other encodings, other keys, other headers, other types."""

from __future__ import annotations

from typing import Any

from teilhabe_formats import cbor, cose, documents
from teilhabe_formats.cbor import Raw
from teilhabe_formats.ed25519 import SigningKey
from teilhabe_formats.refusal import Refused

from .world import STRANGER, Case, Seed, raw_map, refused, signed_with


def of_every_type(kind: str, content: dict[int, Any], signer: SigningKey, **more: Any) -> list[Case]:
    """The cases that every signed document of the CDDL must refuse (or ignore), made from a right one."""
    cases = _signatures(kind, content, signer) + _headers(kind, content, signer) + _frames(kind, content, signer)
    cases += [refused(name, kind, payload, signer) for name, payload in _encodings(content)]
    cases += [refused(name, kind, payload, signer) for name, payload in _members(kind, content)]
    cases += _extensions(kind, content, signer)
    for case in cases:
        case.more = more | case.more
    return cases


def _signatures(kind: str, content: dict[int, Any], signer: SigningKey) -> list[Case]:
    payload, keys = cbor.encode(content), [signer.public]
    good = cose.sign(signer, kind, payload)
    other_type = documents.ADVICE if kind != documents.ADVICE else documents.RECEIPT
    forged_kid = {cose.ALG: cose.ALG_ED25519, cose.KID: cose.kid_of(signer.public)}
    cases = [
        Case("signed_by_a_stranger", kind, "unknown_key", cose.sign(STRANGER, kind, payload), keys),
        Case("stranger_under_our_kid", kind, "bad_signature", signed_with(kind, payload, STRANGER, forged_kid), keys),
        Case("signature_changed", kind, "bad_signature", good[:-40] + bytes([good[-40] ^ 1]) + good[-39:], keys),
        Case("signed_as_another_type", kind, "bad_signature", cose.sign(signer, other_type, payload), keys,
             ["wrong_type"], note=f"the same content signed as {other_type}"),
        Case("signed_without_a_type", kind, "bad_signature", cose.sign(signer, "", payload), keys, ["wrong_type"]),
    ]
    if kind == documents.ENROLMENT:
        cases[0].note = "the document names another key than the one that signed"
        cases[0].also = ["bad_signature"]
    swapped = cbor.encode(content | {7 if kind == documents.TOKEN else 2: _swap(content, kind)})
    parts = cbor.decode(good)
    cases.append(Case("content_changed_after_signing", kind, "bad_signature",
                      cbor.encode([parts[0], {}, swapped, parts[3]]), keys))
    return cases


def _swap(content: dict[int, Any], kind: str) -> Any:
    value = content[7 if kind == documents.TOKEN else 2]
    if isinstance(value, bytes):
        return value[:-1] + bytes([value[-1] ^ 1])
    return value + 1 if isinstance(value, int) else value[:-1] + ("1" if value[-1] != "1" else "2")


def _headers(kind: str, content: dict[int, Any], signer: SigningKey) -> list[Case]:
    payload, kid = cbor.encode(content), cose.kid_of(signer.public)
    good = {cose.ALG: cose.ALG_ED25519, cose.KID: kid}
    wrong: dict[str, Any] = {
        "algorithm_missing": {cose.KID: kid},
        "algorithm_es256": {cose.ALG: -7, cose.KID: kid},
        "algorithm_as_text": {cose.ALG: "Ed25519", cose.KID: kid},
        "kid_missing": {cose.ALG: cose.ALG_ED25519},
        "kid_of_8_bytes": good | {cose.KID: Seed("kid").octets(8)},
        "kid_as_text": good | {cose.KID: kid.hex()},
        "critical_header": good | {2: [99], 99: 1},
        "header_beyond_alg_and_kid": good | {5: bytes(8)},
        "typ_of_a_status_list": good | {16: "application/statuslist+cwt"},
        "header_keys_out_of_order": raw_map([(cose.KID, kid), (cose.ALG, cose.ALG_ED25519)]),
        "header_key_twice": raw_map([(cose.ALG, -19), (cose.ALG, -19), (cose.KID, kid)]),
        "header_in_long_form": raw_map([(cose.ALG, Raw(b"\x38\x12")), (cose.KID, Raw(b"\x58\x04" + kid))]),
        "header_not_a_map": b"\x80",
        "header_empty": b"",
    }
    cases = [Case(name, kind, "malformed", signed_with(kind, payload, signer, header), [signer.public])
             for name, header in wrong.items()]
    for name, unprotected in (("kid_unprotected", {cose.KID: kid}), ("unprotected_not_empty", {99: b"x"})):
        cases.append(Case(name, kind, "malformed", signed_with(kind, payload, signer, good, unprotected),
                          [signer.public]))
    older = good | {cose.ALG: cose.ALG_EDDSA}
    cases.append(Case("algorithm_minus_8", kind, "accepted", signed_with(kind, payload, signer, older),
                      [signer.public], document=content))
    return cases


def _frames(kind: str, content: dict[int, Any], signer: SigningKey) -> list[Case]:
    payload, keys = cbor.encode(content), [signer.public]
    good = cose.sign(signer, kind, payload)
    protected, _, _, signature = cbor.decode(good)
    framed = {
        "empty": b"",
        "rubbish": Seed("rubbish").octets(32),
        "tagged": b"\xd2" + good,
        "trailing_byte": good + b"\x00",
        "two_documents": good + good,
        "cut_short": good[:-1],
        "array_of_indefinite_length": b"\x9f" + good[1:] + b"\xff",
        "array_of_three": cbor.encode([protected, {}, payload]),
        "array_of_five": cbor.encode([protected, {}, payload, signature, b""]),
        "payload_detached": cbor.encode([protected, {}, None, signature]),
        "payload_not_in_a_byte_string": cbor.encode([protected, {}, Raw(payload), signature]),
        "signature_of_63_bytes": cbor.encode([protected, {}, payload, signature[:63]]),
        "signature_of_65_bytes": cbor.encode([protected, {}, payload, signature + b"\x00"]),
        "signature_length_in_long_form":
            cbor.encode([protected, {}, payload, Raw(b"\x59\x00\x40" + signature)]),
        "cose_sign_with_two_signatures": cbor.encode([protected, {}, payload, [signature, signature]]),
    }
    return [Case(name, kind, "malformed", data, keys) for name, data in framed.items()]


def _encodings(content: dict[int, Any]) -> list[tuple[str, bytes]]:
    """Payloads that say the same in another encoding, or are no map at all."""
    pairs = sorted(content.items(), key=lambda pair: cbor.encode(pair[0]))
    good = cbor.encode(content)
    first = pairs[0][0]
    body = good[1:]
    return [
        ("payload_trailing_byte", good + b"\x00"),
        ("payload_cut_short", good[:-1]),
        ("payload_empty", b""),
        ("payload_not_a_map", cbor.encode([content])),
        ("payload_tagged", b"\xd8\x3d" + good),
        ("payload_of_indefinite_length", b"\xbf" + body + b"\xff"),
        ("map_length_in_long_form", b"\xb8" + bytes([len(pairs)]) + body),
        ("keys_out_of_order", raw_map([pairs[1], pairs[0], *pairs[2:]])),
        ("key_twice", raw_map([pairs[0], *pairs])),
        ("key_twice_in_two_forms", raw_map([pairs[0], (Raw(b"\x18" + bytes([first])), pairs[0][1]), *pairs[1:]])),
        ("key_in_long_form", raw_map([(Raw(b"\x18" + bytes([first])), pairs[0][1]), *pairs[1:]])),
    ]


def _members(kind: str, content: dict[int, Any]) -> list[tuple[str, Any]]:
    """Every member once missing (where it must be there), once of another CBOR type; and members that nobody knows."""
    found: list[tuple[str, Any]] = []
    for name, value in content.items():
        label = "entitlement" if name == documents.ENTITLEMENT else str(name)
        without = {other: item for other, item in content.items() if other != name}
        if _is_refused(kind, without):
            found.append((f"key_{label}_missing", without))
        found.append((f"key_{label}_of_another_type", content | {name: 0 if isinstance(value, str) else "x"}))
        found.append((f"key_{label}_null", content | {name: None}))
        if isinstance(value, int) and not isinstance(value, bool):
            found.append((f"key_{label}_negative", content | {name: -1}))
            found.append((f"key_{label}_floating_point", content | {name: Raw(b"\xfb\x42\x7a\x21\x00\x00\x00\x00\x00")}))
            found.append((f"key_{label}_bignum", content | {name: Raw(b"\xc2\x49\x01" + bytes(8))}))
        if isinstance(value, bytes):
            found.append((f"key_{label}_a_byte_short", content | {name: value[:-1]}))
            found.append((f"key_{label}_a_byte_long", content | {name: value + b"\x00"}))
            found.append((f"key_{label}_in_chunks", content | {name: Raw(b"\x5f" + cbor.encode(value) + b"\xff")}))
        if isinstance(value, str):
            found.append((f"key_{label}_not_utf8", content | {name: Raw(b"\x62\xc3\x28")}))
    found = [(name, payload) for name, payload in found if _is_refused(kind, payload)]
    return found + [
        ("unknown_key_40", content | {40: 0}),
        ("unknown_key_63", content | {63: 0}),
        ("unknown_key_zero", content | {0: 0}),
        ("unknown_key_negative", content | {-3: 0}),
        ("unknown_key_of_text", content | {"x": 0}),
    ]


def _is_refused(kind: str, content: dict[int, Any]) -> bool:
    try:
        documents.read(kind, cbor.encode(content))
    except Refused:
        return True
    return False


def _extensions(kind: str, content: dict[int, Any], signer: SigningKey) -> list[Case]:
    """Keys from 64 on: ignored, unless the map is closed or what is in them is not well-formed or too deep."""
    def nested(lists: int) -> Raw:
        return Raw(b"\x81" * lists + b"\x00")

    cases = [refused("nesting_of_9", kind, content | {64: nested(8)}, signer),
             refused("nesting_of_1000", kind, content | {64: nested(999)}, signer)]
    for name, extended in (("key_64", content | {64: [b"later", {"any": None}]}),
                           ("key_beyond_32_bits", content | {2**40: "later"}), ("nesting_of_8", content | {64: nested(7)})):
        data = cose.sign(signer, kind, cbor.encode(extended))
        if kind == documents.TOKEN:
            cases.append(Case(name, kind, "malformed", data, [signer.public], note="a token's maps are closed"))
        else:
            cases.append(Case(f"{name}_is_ignored", kind, "accepted", data, [signer.public]))
    return cases
