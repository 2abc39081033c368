"""A list in pieces: bounded in bytes, whatever its objects are like."""

from __future__ import annotations

import json

import pytest

from watchcache.api.catalog import load_catalog
from watchcache.http.messages import Reply, Stream
from watchcache.http.respond import MOST, Form, list_answer, list_pieces
from watchcache.registry import Listed

MAPS = load_catalog().find("", "v1", "configmaps")
assert MAPS is not None


def listed(*sizes: int) -> Listed:
    """ConfigMaps of these sizes."""
    values = [
        json.dumps({"metadata": {"name": f"m{n}"}, "data": {"t": "x" * size}}).encode()
        for n, size in enumerate(sizes)
    ]
    return Listed(MAPS, 7, values)


@pytest.mark.parametrize(
    "sizes",
    [[900_000] * 20, [100] * 600 + [900_000] * 20, [900_000, 100] * 10, [2_000_000] * 3, [100] * 2000],
    ids=["large", "large after small", "mixed", "each larger than a piece", "small"],
)
def test_no_piece_is_much_larger_than_the_bound(sizes: list[int]):
    """Nobody joins half a gigabyte in one go; together the pieces are the list."""
    every = listed(*sizes)
    pieces = list(list_pieces(every, Form(), b'{"items":[', b"]}"))
    assert max(map(len, pieces)) <= max(MOST, *map(len, every.values)) + 2000
    names = [item["metadata"]["name"] for item in json.loads(b"".join(pieces))["items"]]
    assert names == [f"m{number}" for number in range(len(sizes))]


def test_few_objects_are_one_body_unless_they_are_large():
    """What is sent with back-pressure is not made before there is room for it."""
    assert isinstance(list_answer(listed(*[100] * 50), Form()), Reply)
    assert isinstance(list_answer(listed(*[900_000] * 5), Form()), Stream)
