"""Pseudonyms at the door: keyed BLAKE2b, 64 bits. The original identifier goes no further than this module's arguments."""

from __future__ import annotations

import hashlib

import pyarrow as pa
import pyarrow.compute as pc


def pseudonyms(values: pa.ChunkedArray, key: bytes, domain: bytes) -> pa.Array:
    """Return int64 pseudonyms of text identifiers (null stays null); `domain` keeps persons and households apart."""
    encoded = pc.dictionary_encode(values).combine_chunks()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = pa.concat_arrays(encoded.chunks) if encoded.num_chunks else pa.array([], encoded.type)
    base = hashlib.blake2b(key=key[:64], digest_size=8, person=domain)

    def one(text: str) -> int:
        digest = base.copy()
        digest.update(text.encode("utf-8"))
        return int.from_bytes(digest.digest(), "big", signed=True)

    dictionary = pa.array([one(text) for text in encoded.dictionary.to_pylist()], pa.int64())
    return pc.take(dictionary, encoded.indices)


def key_fingerprint(key: bytes) -> str:
    """Return a short public fingerprint of the key: it changes when the key does and reveals nothing of it."""
    return hashlib.blake2b(b"kennzahlen", key=key[:64], digest_size=6, person=b"fingerprint").hexdigest()
