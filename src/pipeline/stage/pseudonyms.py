"""Pseudonyms at the door: SipHash-2-4 with a secret key, 64 bits. The original identifier goes no further than this module.

SipHash is a keyed function made for short inputs (Aumasson and Bernstein, 2012); without the key nobody can tell or try which
identifier a pseudonym belongs to. Here it works on whole columns: on the words of many texts at once.
"""

from __future__ import annotations

import hashlib
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Bytes: TypeAlias = npt.NDArray[np.uint8]
Ints: TypeAlias = npt.NDArray[np.int64]
Words: TypeAlias = npt.NDArray[np.uint64]

_WORD = 8
_AT_ONCE = 16_384
"""Texts hashed at once: their state stays in the processor's cache."""
_WORTH_HASHING = 0.9
"""The share of texts that differ from the one before them above which looking for repeated ones saves nothing."""
_START = (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573)
_TURNS = {bits: (np.array([bits], np.uint64), np.array([64 - bits], np.uint64)) for bits in (13, 16, 17, 21, 32)}


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
    missing = pc.is_null(texts).to_numpy(zero_copy_only=False) if texts.null_count else None
    found = np.empty(len(texts), np.uint64)
    for low in range(0, len(texts), _AT_ONCE):
        some = edges[low : low + _AT_ONCE + 1]
        length, part = np.diff(some), found[low : low + _AT_ONCE]
        number = length >> 3
        if int(number.min()) == int(number.max()):
            part[:] = _each(words_of(content, some[:-1], length), key)
            continue
        for words in np.flatnonzero(np.bincount(number)).tolist():
            rows = np.flatnonzero(number == words)
            part[rows] = _each(words_of(content, some[rows], length[rows]), key)
    return pa.array(found.view(np.int64), pa.int64(), mask=missing)


def words_of(content: Bytes, begin: Ints, length: Ints) -> Words:
    """Return the words that SipHash takes from texts of equally many words, shape (words, texts), first text first in `content`."""
    first, size = int(begin[0]), int(length[0])
    padded = np.zeros(int(begin[-1] + length[-1]) - first + _WORD, np.uint8)
    padded[:-_WORD] = content[first : first + len(padded) - _WORD]
    words = np.empty((size // _WORD + 1, len(begin)), np.uint64)
    if len(padded) == len(begin) * size + _WORD and (length == size).all():
        for number, word in enumerate(words):
            word[:] = np.ndarray(len(begin), "<u8", padded.data, number * _WORD, (size,))
    else:
        anywhere = np.ndarray(len(padded) - _WORD + 1, "<u8", padded.data, strides=(1,))
        for number, word in enumerate(words):
            word[:] = anywhere[begin + (number * _WORD - first)]
    sizes = length.view(np.uint64)
    words[-1] &= (np.uint64(1) << ((sizes & np.uint64(_WORD - 1)) << np.uint64(3))) - np.uint64(1)
    words[-1] |= sizes << np.uint64(56)
    return words


def _each(words: Words, key: bytes) -> Words:
    """Return SipHash of texts; one that repeats the text before it (members of a household) is not hashed again."""
    new = np.ones(words.shape[1], np.bool_)
    np.any(words[:, 1:] != words[:, :-1], axis=0, out=new[1:])
    places = np.flatnonzero(new)
    if len(places) > _WORTH_HASHING * len(new):
        return siphash(words, key)
    repeated: Words = siphash(words.take(places, axis=1), key)[np.cumsum(new) - 1]
    return repeated


def siphash(words: Words, key: bytes) -> Words:
    """Return SipHash-2-4 with a key of 16 bytes of texts given by their words, shape (words, texts)."""
    count = words.shape[1]
    low, high = (int.from_bytes(key[at : at + _WORD], "little") for at in (0, _WORD))
    state = tuple(
        np.full(count, start ^ half, np.uint64) for start, half in zip(_START, (low, high, low, high), strict=True)
    )
    spare = np.empty(count, np.uint64)
    for word in words:
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
        np.add(a, b, a)
        _turn(b, 13, spare)
        np.bitwise_xor(b, a, b)
        _turn(a, 32, spare)
        np.add(c, d, c)
        _turn(d, 16, spare)
        np.bitwise_xor(d, c, d)
        np.add(a, d, a)
        _turn(d, 21, spare)
        np.bitwise_xor(d, a, d)
        np.add(c, b, c)
        _turn(b, 17, spare)
        np.bitwise_xor(b, c, b)
        _turn(c, 32, spare)


def _turn(words: Words, bits: int, spare: Words) -> None:
    left, right = _TURNS[bits]
    np.left_shift(words, left, spare)
    np.right_shift(words, right, words)
    np.bitwise_or(words, spare, words)


def key_fingerprint(key: bytes) -> str:
    """Return a short public fingerprint of the key: it changes when the key does and reveals nothing of it."""
    return hashlib.blake2b(b"kennzahlen", key=key[:64], digest_size=6, person=b"fingerprint").hexdigest()
