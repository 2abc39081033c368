"""The current state of one resource: entries by key in key order, with indexes over some fields.

Keys sort by code point, which is the byte order of their UTF-8 form: the order of lists, pages and initial
events (L20). An index maps a field's value to the keys that have it; it answers "the pods of one node"
without looking at the others.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from sortedcontainers import SortedList

from watchcache.cacher.entry import Entry

# Above every code point that a key may hold: `prefix + LAST` ends the range of a prefix.
LAST = "\U0010ffff"


class Answer(NamedTuple):
    """What an index says of a word: entries in key order, and their values.

    Beside the entries, because 100 entries are 300 objects that nothing has touched lately: to gather the values from them takes as long
    as to join them.
    """

    entries: tuple[Entry, ...] = ()
    values: tuple[bytes, ...] = ()


NOTHING = Answer()


class Store:
    """Entries by key, in key order. `indexed` are the positions in `Entry.fields` to index."""

    def __init__(self, indexed: Iterable[int] = ()) -> None:
        self._entries: dict[str, Entry] = {}
        self._keys: Any = SortedList()  # type: ignore[no-untyped-call]  # the same keys, in order
        self._indexes: dict[int, dict[str, set[str]]] = {position: {} for position in indexed}
        # What an index was last asked for, until one of those entries changes: who polls the pods of a node asks again and again.
        self._answers: dict[int, dict[str, Answer]] = {position: {} for position in indexed}
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: str) -> Entry | None:
        """The entry at a key. O(1)."""
        return self._entries.get(key)

    def load(self, entries: Iterable[Entry]) -> None:
        """Fill an empty store; one sort instead of an insertion each."""
        assert not self._entries
        self._entries.update((entry.key, entry) for entry in entries)
        self._keys.update(self._entries)
        for entry in self._entries.values():
            self._file(entry, None)

    def put(self, entry: Entry) -> Entry | None:
        """Set an entry; returns the one it replaced. O(log n) for a new key, O(1) otherwise."""
        replaced = self._entries.get(entry.key)
        if replaced is None:
            self._keys.add(entry.key)
        self._entries[entry.key] = entry
        self._file(entry, replaced)
        return replaced

    def remove(self, key: str) -> Entry | None:
        """Take an entry out; returns it, or None when there was none."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._keys.remove(key)
            self._file(None, entry)
        return entry

    def range(self, low: str, high: str, most: int | None = None) -> list[Entry]:
        """The entries with low <= key < high in key order, at most `most` of them."""
        first = self._keys.bisect_left(low)
        last = self._keys.bisect_left(high)
        if most is not None:
            last = min(last, first + most)
        entries = self._entries
        return list(map(entries.__getitem__, self._keys.islice(first, last))) if first < last else []

    def count(self, low: str, high: str) -> int:
        """How many entries have low <= key < high. O(log n)."""
        return max(0, int(self._keys.bisect_left(high) - self._keys.bisect_left(low)))

    def indexed(self, position: int, word: str) -> Answer | None:
        """The entries whose field at `position` is `word`; None: that field has no index."""
        answers = self._answers.get(position)
        if answers is None:
            return None
        answer = answers.get(word)
        if answer is None:
            keys = self._indexes[position].get(word)
            if not keys:
                return NOTHING  # not kept: there is no end of words that nothing has
            entries = tuple(map(self._entries.__getitem__, sorted(keys)))
            answer = answers[word] = Answer(entries, tuple(entry.value for entry in entries))
        return answer

    def _file(self, entry: Entry | None, replaced: Entry | None) -> None:
        """Count the bytes and keep the indexes, for an entry in the place of another."""
        self.bytes += (len(entry.value) if entry else 0) - (len(replaced.value) if replaced else 0)
        for position, index in self._indexes.items():
            old = replaced.fields[position] if replaced else None
            new = entry.fields[position] if entry else None
            if answers := self._answers[position]:
                for word in (old, new):
                    if word is not None:
                        answers.pop(word, None)
            if old == new:
                continue
            if replaced and old is not None:
                index[old].discard(replaced.key)
                if not index[old]:
                    del index[old]
            if entry and new is not None:
                index.setdefault(new, set()).add(entry.key)

    def check(self) -> None:
        """Assert what must hold: order, bytes counted right, indexes equal to the entries."""
        self._keys._check()
        assert list(self._keys) == sorted(self._entries)
        assert self.bytes == sum(len(entry.value) for entry in self._entries.values())
        for position, index in self._indexes.items():
            expected: dict[str, set[str]] = {}
            for key, entry in self._entries.items():
                assert key == entry.key
                expected.setdefault(entry.fields[position], set()).add(key)
            assert index == expected
            for word, answer in self._answers[position].items():
                assert list(answer.entries) == [self._entries[key] for key in sorted(expected[word])]
                assert list(answer.values) == [entry.value for entry in answer.entries]
