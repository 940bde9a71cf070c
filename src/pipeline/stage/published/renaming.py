"""Which header of a layout a changed one probably is: written in another known word, in the same place, or written alike.

Pure comparison of paths; what is drafted of it, and said about it, is the business of the proposal.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

from pipeline.catalog import PATH_SEPARATOR, Header, Layout
from pipeline.stage.published.drafting import OTHERS_TOO, SEX_WORDS
from pipeline.stage.published.recognising import close_name


def words_for(layout: Layout, found: Sequence[tuple[str, str]]) -> dict[str, tuple[Header, str]]:
    """Return the words of sex that only the file knows, each with the word of the layout it stands for and its first cell.

    `found` are paths with their cells. A word is taken for one of a sex only where the count is known, and its sex is not there.
    """
    there = {path for path, _ in found}
    words = {word.geschlecht: word for word in reversed(layout.words)}
    counted: dict[str, set[str]] = {}
    for header in layout.headers:
        if header.merkmal and header.path in there:
            counted.setdefault(header.path.rpartition(PATH_SEPARATOR)[0], set()).add(header.geschlecht)
    result: dict[str, tuple[Header, str]] = {}
    for path, place in found:
        upper, _, last = path.rpartition(PATH_SEPARATOR)
        if layout.sexes_for(path) and last not in result and not OTHERS_TOO.search(last):
            sexes = [sex for sex, spoken in SEX_WORDS.items() if spoken.search(last)]
            if len(sexes) == 1 and sexes[0] in words and sexes[0] not in counted.get(upper, set()):
                result[last] = words[sexes[0]], place
    return result


def in_known_word(path: str, words: Mapping[str, str]) -> str:
    """Return a path with its lowest level in the word of the layout, where `words` leads from the file's to it."""
    upper, _, last = path.rpartition(PATH_SEPARATOR)
    return f"{upper}{PATH_SEPARATOR}{words[last]}" if upper and last in words else path


def as_written(declared: Sequence[Header], found: Sequence[str]) -> list[Header]:
    """Return the headers with one way of writing each count: the one that is there, else one with a word that is."""
    there, words = set(found), {level for path in found for level in path.split(PATH_SEPARATOR)}
    best: dict[tuple[str, str], Header] = {}
    for header in declared:
        rank = (header.path in there, header.path.rpartition(PATH_SEPARATOR)[2] in words)
        held = best.get(header.cell)
        if held is None or rank > (held.path in there, held.path.rpartition(PATH_SEPARATOR)[2] in words):
            best[header.cell] = header
    return [h for h in declared if not h.merkmal or h.path in there or best[h.cell] is h]


def likely_headers(declared: Sequence[Header], found: Sequence[str]) -> dict[str, Header]:
    """Return, for paths that the layout does not know, the absent header that stood in their place or is written alike."""
    paths = [h.path for h in declared]
    known, there = set(paths), set(found)
    absent = {h.path: h for h in declared if h.path not in there}
    likely: dict[str, Header] = {}
    pairs = [
        (old.split(PATH_SEPARATOR), new.split(PATH_SEPARATOR))
        for tag, a1, a2, b1, b2 in difflib.SequenceMatcher(None, paths, list(found), autojunk=False).get_opcodes()
        if tag == "replace" and a2 - a1 == b2 - b1
        for old, new in zip(paths[a1:a2], found[b1:b2], strict=True)
        if new not in known and old in absent
    ]
    renamed = {d[0] for old, new in pairs if len(d := _differences(old, new)) == 1}
    for old, new in pairs:
        # One level has changed, or all but one have changed as they did elsewhere.
        header = absent[PATH_SEPARATOR.join(old)]
        unlike = [d for d in _differences(old, new) if d not in renamed]
        if len(old) == len(new) and len(unlike) <= 1 and not _other_sex(header, new[-1]):
            likely[PATH_SEPARATOR.join(new)] = header
    for header in likely.values():
        absent.pop(header.path, None)
    for path in found:
        if path not in known and path not in likely and (like := _written_alike(path, absent)):
            likely[path] = absent.pop(like)
    return likely


def _written_alike(path: str, absent: Mapping[str, Header]) -> str:
    """Return the absent path that is the same but for the word of its sex, else one that is written alike."""
    *upper, last = path.split(PATH_SEPARATOR)
    for old, header in absent.items():
        if old.split(PATH_SEPARATOR)[:-1] == upper and header.merkmal and SEX_WORDS[header.geschlecht].search(last):
            return old
    return close_name(path, [old for old, header in absent.items() if not _other_sex(header, last)])


def _differences(old: Sequence[str], new: Sequence[str]) -> list[tuple[str, str]]:
    return [(o, n) for o, n in zip(old, new, strict=False) if o != n]


def _other_sex(header: Header, level: str) -> bool:
    """Tell whether a level clearly names another sex than the header: the order of columns must not decide on that."""
    return any(sex != header.geschlecht and words.search(level) for sex, words in SEX_WORDS.items())
