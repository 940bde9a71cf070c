"""Pseudonyms at the door: SipHash-2-4 with a secret key, 64 bits. The original identifier goes no further than this module.

SipHash is a keyed function made for short inputs (Aumasson and Bernstein, 2012); without the key nobody can tell or try which
identifier a pseudonym belongs to. Here it works on whole columns: on the words of all texts of one length at once.
"""

from __future__ import annotations

import hashlib
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Bytes: TypeAlias = npt.NDArray[np.uint8]
Words: TypeAlias = npt.NDArray[np.uint64]

_WORD = 8
_AT_ONCE = 16_384
"""Texts hashed at once: their state stays in the processor's cache."""
_START = (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573)


def pseudonyms(values: pa.ChunkedArray, key: bytes, domain: bytes) -> pa.Array:
    """Return int64 pseudonyms of text identifiers (null stays null); `domain` keeps persons and households apart."""
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    own = hashlib.blake2b(key=key[:64], digest_size=16, person=domain).digest()
    parts = [_pseudonyms(chunk.cast(pa.large_binary()), own) for chunk in values.chunks]
    return pa.concat_arrays([pa.array([], pa.int64()), *parts])


def _pseudonyms(texts: pa.LargeBinaryArray, key: bytes) -> pa.Array:
    _, offsets, data = texts.buffers()
    edges = np.frombuffer(offsets, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    content = np.frombuffer(data, np.uint8) if data is not None else np.empty(0, np.uint8)
    lengths = np.diff(edges)
    found = np.empty(len(texts), np.uint64)
    alike = len(lengths) > 0 and int(lengths.min()) == int(lengths.max())
    for length in lengths[:1].tolist() if alike else np.unique(lengths).tolist():
        rows = np.flatnonzero(lengths == length)
        for low in range(0, len(rows), _AT_ONCE):
            some = rows[low : low + _AT_ONCE]
            found[some] = siphash(_bytes_of(content, edges[some], length), key)
    missing = pc.is_null(texts).to_numpy(zero_copy_only=False) if texts.null_count else None
    return pa.array(found.view(np.int64), pa.int64(), mask=missing)


def _bytes_of(content: Bytes, begin: npt.NDArray[np.int64], length: int) -> Bytes:
    """Return the texts that begin at `begin` as rows of `length` bytes; texts that follow each other are not copied."""
    first = int(begin[0])
    if int(begin[-1]) - first == (len(begin) - 1) * length:
        return content[first : first + len(begin) * length].reshape(len(begin), length)
    apart: Bytes = content[begin[:, None] + np.arange(length)]
    return apart


def siphash(texts: Bytes, key: bytes) -> Words:
    """Return SipHash-2-4 of texts of one length, given as rows of bytes (shape (n, length)), with a key of 16 bytes."""
    count, length = texts.shape
    padded = np.zeros((count, (length // _WORD + 1) * _WORD), np.uint8)
    padded[:, :length] = texts
    padded[:, -1] = length % 256
    words = padded.view("<u8")
    low, high = (int.from_bytes(key[at : at + _WORD], "little") for at in (0, _WORD))
    state = tuple(
        np.full(count, start ^ half, np.uint64) for start, half in zip(_START, (low, high, low, high), strict=True)
    )
    spare = np.empty(count, np.uint64)
    for word in words.T:
        state[3][...] ^= word
        _mix(state, spare, 2)
        state[0][...] ^= word
    state[2][...] ^= np.uint64(0xFF)
    _mix(state, spare, 4)
    result: Words = state[0] ^ state[1] ^ state[2] ^ state[3]
    return result


def _mix(state: tuple[Words, ...], spare: Words, rounds: int) -> None:
    """Do rounds of SipHash in place; sums overflow by design."""
    a, b, c, d = state
    for _ in range(rounds):
        np.add(a, b, out=a)
        _turn(b, 13, spare)
        np.bitwise_xor(b, a, out=b)
        _turn(a, 32, spare)
        np.add(c, d, out=c)
        _turn(d, 16, spare)
        np.bitwise_xor(d, c, out=d)
        np.add(a, d, out=a)
        _turn(d, 21, spare)
        np.bitwise_xor(d, a, out=d)
        np.add(c, b, out=c)
        _turn(b, 17, spare)
        np.bitwise_xor(b, c, out=b)
        _turn(c, 32, spare)


def _turn(words: Words, bits: int, spare: Words) -> None:
    np.left_shift(words, np.uint64(bits), out=spare)
    np.right_shift(words, np.uint64(64 - bits), out=words)
    np.bitwise_or(words, spare, out=words)


def key_fingerprint(key: bytes) -> str:
    """Return a short public fingerprint of the key: it changes when the key does and reveals nothing of it."""
    return hashlib.blake2b(b"kennzahlen", key=key[:64], digest_size=6, person=b"fingerprint").hexdigest()
