"""The recorded answers of a real kube-apiserver, replayed against a fresh server of ours."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.golden.replay import Comparison, Replay
from watchcache.testing.server import TestServer

GAPS: dict[str, str] = json.loads((Path(__file__).parent / "gaps.json").read_text())
TARGET = 165  # statuses that must be equal whatever else is missing


@pytest.fixture(scope="module")
def comparisons(tmp_path_factory: pytest.TempPathFactory) -> list[Comparison]:
    """One pass over all exchanges, which build on each other."""
    with TestServer(tmp_path_factory.mktemp("golden")) as server:
        return list(Replay(server.url, server.token).run())


def name(comparison: Comparison) -> str:
    """An exchange as docs/compatibility.md lists it."""
    exchange = comparison.exchange
    return f"{exchange['n']} {exchange['method']} {exchange['path'].split('?')[0]} {exchange['note']}".strip()


@pytest.mark.timeout(300)
def test_what_matched_still_matches(comparisons: list[Comparison]):
    """Every exchange that is not a listed gap is answered as the real server answered it."""
    broken = [name(each) for each in comparisons if not each.equal and str(each.exchange["n"]) not in GAPS]
    assert broken == []


@pytest.mark.timeout(300)
def test_the_list_of_gaps_is_true(comparisons: list[Comparison]):
    """What matches by now is taken off the list, so that the documentation does not claim gaps that are none."""
    closed = [name(each) for each in comparisons if each.equal and str(each.exchange["n"]) in GAPS]
    assert closed == []


@pytest.mark.timeout(300)
def test_enough_statuses_are_equal(comparisons: list[Comparison]):
    """The bar of the foundation."""
    assert sum(each.status_equal for each in comparisons) >= TARGET
