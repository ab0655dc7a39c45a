"""The Teilhabe wire formats, version 1, read from formats.md by someone else.

Reading order: `cbor` (deterministic bytes), `cose` (signatures), `documents` (the CDDL), `codes` (what is
printed and scanned), `journal` (chain, slots, batches), `status` (Token Status List), `envelope` (age).
"""
