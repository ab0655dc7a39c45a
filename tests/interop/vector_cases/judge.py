"""One case as it stands in a JSON file, held against this implementation. Used on our own files and on Rust's."""

from __future__ import annotations

import hmac
import io
from typing import Any

import cbor2
from teilhabe_formats import cbor, codes, cose, documents, envelope, journal, status
from teilhabe_formats.refusal import Refused

from .office import STATUS_TYPE
from .world import plain


def judge(case: dict[str, Any]) -> str | None:
    """None where this implementation says what the case expects, else one sentence."""
    label = f"{case['name']} ({case.get('type')})"
    try:
        content = _read(case)
    except Refused as refusal:
        if refusal.reason == case["expect"] or refusal.reason in case.get("or", []):
            return None
        return f"{label}: expected {case['expect']}, but {refusal}."
    except (KeyError, ValueError, TypeError) as error:
        return f"{label}: the case itself cannot be read: {type(error).__name__} {error}."
    if case["expect"] != "accepted":
        return f"{label}: expected {case['expect']}, but it was accepted."
    if "document" in case and plain(content) != case["document"]:
        return f"{label}: the content is {plain(content)}, not {case['document']}."
    return None


def _read(case: dict[str, Any]) -> Any:
    kind = case["type"]
    if kind in _OTHERS:
        return _OTHERS[kind](case)
    data, keys = bytes.fromhex(case.get("hex", "")), [bytes.fromhex(key) for key in case.get("keys", [])]
    if kind == documents.TOKEN and "trust" in case:
        return _token(case)
    if kind == documents.ENTRY:
        _agrees_with_cbor2(data, documents.read(kind, data))
        return documents.read(kind, data)
    if kind == documents.BATCH and "office" in case:
        content = journal.open_batch(data, keys[0], case["office"]).content
    elif kind == documents.ENROLMENT:
        content = documents.verify_enrolment(data)
        _check_proof(content, case)
    else:
        content = documents.verify(kind, data, keys)
    _agrees_with_cbor2(data, None)
    return content


def _agrees_with_cbor2(data: bytes, content: Any) -> None:
    """A third party's decoder must read the same from what ours accepts, and leave nothing over."""
    stream = io.BytesIO(data)
    value = cbor2.load(stream)
    if content is None:
        value, content = cbor2.loads(value[2]), cbor.decode(cose.parse(data).payload)
    if value != content:
        raise ValueError("cbor2 reads something else")


def _token(case: dict[str, Any]) -> Any:
    trusted = documents.verify(documents.TRUST, bytes.fromhex(case["trust"]), [bytes.fromhex(case["root"])])
    keys = documents.trust_keys(trusted)
    if "code" in case:
        token, claims = codes.read_scan(case["code"], keys, case["at"])
        if "hex" in case and token.hex() != case["hex"]:
            raise ValueError("the code carries other bytes")
        return claims
    return documents.verify_token(bytes.fromhex(case["hex"]), keys, documents.berlin_day(case["at"]))


def _check_proof(content: dict[int, Any], case: dict[str, Any]) -> None:
    if "secret" not in case:
        return
    secret = bytes.fromhex(case["secret"])
    proof = documents.enrolment_proof(secret, content[1], content[2])
    if content[4] != documents.code_id(secret) or not hmac.compare_digest(proof, content[5]):
        raise Refused("bad_signature", "the proof was made with another secret")


def _status_list(case: dict[str, Any]) -> Any:
    listed, _ = status.verify(bytes.fromhex(case["hex"]), [bytes.fromhex(key) for key in case["keys"]])
    for index, value in case.get("statuses", {}).items():
        if listed.of(int(index)) != value:
            raise ValueError(f"index {index} is {listed.of(int(index))}, not {value}")
    if "iat" in case and (listed.issued, listed.ttl) != (case["iat"], case["ttl"]):
        raise ValueError("another iat or ttl")
    return listed.claims


def _journal(case: dict[str, Any]) -> None:
    terminal = documents.terminal_id(bytes.fromhex(case["terminal_key"]))
    entries = [bytes.fromhex(item) for item in case["entries"]]
    for seq, data in enumerate(entries, start=1):
        if documents.read(documents.ENTRY, data)[1] != seq:
            raise ValueError(f"entry {seq} has another seq")
    after = journal.links(journal.first_link(terminal), [[item] for item in entries])
    if terminal.hex() != case["terminal"] or [item.hex() for item in after] != case["links"]:
        raise ValueError("another chain")


def _enrolment_code(case: dict[str, Any]) -> None:
    secret, fingerprint = codes.read_enrolment_code(case["code"])
    if not codes.root_fits(bytes.fromhex(case["root"]), fingerprint):
        raise Refused("malformed", "the fingerprint of another root")
    code_id = documents.code_id(secret).hex()
    if secret.hex() != case["secret"] or code_id != case.get("code_id", code_id):
        raise ValueError("another secret or code id")


def _card_number(case: dict[str, Any]) -> None:
    number = codes.read_number(case["number"])
    if number != codes.card_number(bytes.fromhex(case["cti"])):
        raise ValueError("not the number of this token")


def _slot(case: dict[str, Any]) -> None:
    made = journal.slot(case["office"], bytes.fromhex(case["handle"]), case["benefit"], case["key"])
    if made.hex() != case["slot"]:
        raise ValueError(f"the slot is {made.hex()}")


def _envelope(case: dict[str, Any]) -> None:
    if envelope.open_sealed(bytes.fromhex(case["hex"]), case["identity"]).hex() != case["plain"]:
        raise ValueError("another content")


_OTHERS = {STATUS_TYPE: _status_list, "journal": _journal, "enrolment_code": _enrolment_code, "card_number": _card_number,
           "slot": _slot, "envelope": _envelope}
