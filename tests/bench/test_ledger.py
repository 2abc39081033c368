"""Watches held against the log."""

from __future__ import annotations

from array import array

import pytest

from tests.bench.events import event
from watchcache.bench.ledger import Counted, Ledger, Verdict
from watchcache.bench.measures import Measures
from watchcache.bench.selectors import Scope, labels_match

PODS = "v1/pods"


def ledger() -> Ledger:
    """Five events of two pods, one of them bound to a node, after revision 10."""
    made = Ledger([PODS], Measures())
    recorder = made.recorders[PODS]
    recorder.began(10)
    recorder.feed(
        event("ADDED", 11, "a", namespace="x", spec={})
        + event("MODIFIED", 12, "a", namespace="x", spec={"nodeName": "n1"})
        + event("ADDED", 13, "b", namespace="y", spec={}, labels={"headless": ""})
        + event("MODIFIED", 15, "a", namespace="x", spec={"nodeName": "n1"})
        + event("DELETED", 16, "a", namespace="x", spec={"nodeName": "n1"}),
        now=0,
    )
    return made


@pytest.mark.parametrize(
    ("scope", "start", "revisions"),
    [
        (Scope(PODS), 10, [11, 12, 13, 15, 16]),
        (Scope(PODS), 12, [13, 15, 16]),
        (Scope(PODS, namespace="y"), 10, [13]),
        (Scope(PODS, fields="spec.nodeName=n1"), 10, [12, 15, 16]),
        (Scope(PODS, fields="spec.nodeName=n2"), 10, []),
        (Scope(PODS, namespace="x", fields="metadata.name=a"), 11, [12, 15, 16]),
        (Scope(PODS, labels="!headless"), 10, [11, 12, 15, 16]),
    ],
)
def test_a_watch_is_owed_what_its_scope_selects(scope: Scope, start: int, revisions: list[int]):
    """By namespace, name, node, label and start."""
    assert ledger().judge(Counted(scope, start, len(revisions), sum(revisions))) == Verdict()


def test_a_missing_event_is_found():
    """One less than was written."""
    assert ledger().judge(Counted(Scope(PODS), 10, 4, 11 + 12 + 13 + 15)) == Verdict(missing=1)


def test_an_event_that_nobody_wrote_is_found():
    """One more than was written."""
    assert ledger().judge(Counted(Scope(PODS, namespace="y"), 10, 2, 13 + 14)) == Verdict(unknown=1)


def test_one_event_for_another_is_found():
    """The right number with a wrong sum."""
    assert ledger().judge(Counted(Scope(PODS, namespace="y"), 10, 1, 14)) == Verdict(missing=1, unknown=1)


def test_acknowledged_writes_must_be_in_the_log():
    """A revision that a writer was told and nobody can read was lost; older than the ledger is not asked for."""
    made = ledger()
    made.acknowledged(PODS, array("Q", [5, 11, 13, 14]).tobytes())
    assert made.forgotten() == 1


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("a", True),
        ("!a", False),
        ("a=1", True),
        ("a==1", True),
        ("a!=1", False),
        ("b!=1", True),
        ("a=1,!b", True),
        ("", True),
    ],
)
def test_label_selectors(selector: str, expected: bool):
    """The terms that scenarios use."""
    assert labels_match(selector, {"a": "1"}) is expected
