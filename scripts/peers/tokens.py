#!/usr/bin/env python3
"""Tokens a CPU second of Python's COSE libraries: `tokens.py cwt|pycose PAYLOAD_FILE SECONDS`.

The payload is that of one of our tokens. Each library signs it as COSE_Sign1 (EdDSA, with our external_aad) for itself, two thousand
different ones, and then verifies them in turn. Prints one number.
"""

import sys
import time
from pathlib import Path

AAD = b"teilhabe/token/1"
COUNT = 2000


def variants(payload: bytes) -> list[bytes]:
    """The payload with other last bytes: what they say does not matter to a signature."""
    return [payload[:-4] + number.to_bytes(4, "big") for number in range(COUNT)]


def with_cwt(payload: bytes):
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
    from cwt import COSE, COSEKey

    private = Ed25519PrivateKey.generate()
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    signer, key = COSEKey.from_pem(pem, kid="01", alg="EdDSA"), COSEKey.from_pem(public, kid="01", alg="EdDSA")
    cose = COSE.new(alg_auto_inclusion=True, kid_auto_inclusion=True)
    signed = [cose.encode_and_sign(one, signer, external_aad=AAD) for one in variants(payload)]
    return signed, lambda token: cose.decode(token, key, external_aad=AAD)


def with_pycose(payload: bytes):
    from pycose.algorithms import EdDSA
    from pycose.headers import KID, Algorithm
    from pycose.keys import OKPKey
    from pycose.keys.curves import Ed25519
    from pycose.messages import CoseMessage, Sign1Message

    key = OKPKey.generate_key(crv=Ed25519)
    signed = []
    for one in variants(payload):
        message = Sign1Message(phdr={Algorithm: EdDSA, KID: b"01"}, payload=one, external_aad=AAD)
        message.key = key
        signed.append(message.encode())
    public = OKPKey(crv=Ed25519, x=key.x)

    def verify(token: bytes) -> None:
        message = CoseMessage.decode(token)
        message.external_aad = AAD
        message.key = public
        if not message.verify_signature():
            raise ValueError("not genuine")

    return signed, verify


def main() -> None:
    library, file, seconds = sys.argv[1], Path(sys.argv[2]), float(sys.argv[3])
    signed, verify = {"cwt": with_cwt, "pycose": with_pycose}[library](file.read_bytes())
    forged = bytearray(signed[0])
    forged[-1] ^= 1
    try:
        verify(bytes(forged))
    except Exception:
        pass
    else:
        raise SystemExit(f"{library} took a forged token for genuine: nothing was measured")
    for token in signed[:100]:
        verify(token)
    done, began = 0, time.process_time()
    while time.process_time() - began < seconds:
        for token in signed:
            verify(token)
        done += len(signed)
    print(done / (time.process_time() - began))


main()
