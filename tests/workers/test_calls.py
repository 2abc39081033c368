"""Calls and answers between the processes, as bytes and over a stream."""

from __future__ import annotations

import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from watchcache.api import status
from watchcache.api.catalog import load_catalog
from watchcache.api.codec import decode_json, stamp
from watchcache.api.options import DeleteOptions, parse_list
from watchcache.api.status import StatusError
from watchcache.api.user import UserInfo
from watchcache.cacher import Hub
from watchcache.http.merged_exposition import merged
from watchcache.log import JournalFailed, JournalFull, Log
from watchcache.persist import MemoryJournal
from watchcache.registry import Call, Listed, Outcome
from watchcache.settings import Settings
from watchcache.workers import calls
from watchcache.workers.deep_json import encode_any
from watchcache.workers.passing import PassingResources
from watchcache.workers.peer import Handler, Peer, PeerFailed, PeerGone

CATALOG = load_catalog()
PODS = CATALOG.find("", "v1", "pods")
assert PODS is not None
USER = UserInfo("jane", "u-1", ("a", "b"), {"scopes": ("x", "y")})


def call() -> Call:
    """A call with everything in it."""
    return Call(
        PODS, USER, "delete", "ns", "name", "status", True, "manager", "Strict", ["warned"], ["twice"], True
    )


def test_a_call_arrives_as_it_was():
    """With its caller, its options and its selectors; its warnings come with the answer."""
    options = parse_list(
        {"labelSelector": ["a in (x,y),!b"], "fieldSelector": ["spec.nodeName=n1"], "limit": ["7"]}
    )
    delete = DeleteOptions(grace_period_seconds=3, uid="u")
    message = calls.read_passed(calls.passed(call(), list_options=options, delete_options=delete))
    sent = call()
    sent.warnings = []
    assert calls.call_of(message, CATALOG) == sent
    assert (message.list_options, message.delete_options) == (options, delete)


@pytest.mark.parametrize(
    "outcome",
    [Outcome(201, b'{"metadata":{}}'), Outcome(200, document={"kind": "Status", "n": 2**70, "f": 1.5})],
)
def test_an_outcome_comes_back(outcome: Outcome):
    """A stored value as bytes, anything else as the JSON it is."""
    said = calls.read_answer(calls.answer(call(), 42, outcome))
    assert (said.revision, said.name, said.warnings) == (42, "name", ["warned"])
    calls.raise_refusal(said)
    assert calls.outcome_of(said) == outcome


def test_a_list_comes_back():
    """With its revision, token and count."""
    listed = Listed(PODS, 7, [b"{}", b"[]"], "next", 3)
    assert calls.listed_of(calls.read_answer(calls.answer(call(), 7, listed)), PODS) == listed


@pytest.mark.parametrize(
    "problem",
    [
        status.not_found("pods", "x"),
        status.too_many_requests("wait", 3),
        status.service_unavailable("no", 1),
        StatusError(500, "", "untyped"),
    ],
)
def test_a_refusal_comes_back(problem: StatusError):
    """The same Status, with the same headers."""
    with pytest.raises(StatusError) as raised:
        calls.raise_refusal(calls.read_answer(calls.answer(call(), 1, problem)))
    assert (raised.value.body(), raised.value.headers) == (problem.body(), problem.headers)


@pytest.mark.parametrize("problem", [JournalFull("no room"), JournalFailed("broken")])
def test_the_journals_failures_come_back(problem: JournalFull | JournalFailed):
    """So that a worker answers them as one process does."""
    with pytest.raises(type(problem), match=str(problem)):
        calls.raise_refusal(calls.read_answer(calls.answer(call(), 1, problem)))


scalars = st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text()
documents = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)


@given(documents)
def test_deep_documents_are_written_like_others(document: object):
    """At a depth that the fast encoder does not reach, the text says the same."""
    deep = document
    for _ in range(2000):
        deep = [deep]
    found = decode_json(encode_any(deep))
    for _ in range(2000):
        (found,) = found
    assert found == document


def test_texts_of_metrics_become_one():
    """Each family once, each sample with its process."""
    one = b'# HELP a Help.\n# TYPE a counter\na{x="1"} 2.0\n# HELP b B.\n# TYPE b gauge\nb 1.0\n'
    other = b"# HELP b B.\n# TYPE b gauge\nb 3.0\n"
    assert merged({"w": one, "v": other}).decode() == (
        '# HELP a Help.\n# TYPE a counter\na{process="w",x="1"} 2.0\n'
        '# HELP b B.\n# TYPE b gauge\nb{process="w"} 1.0\nb{process="v"} 3.0\n'
    )


async def between(nursery: trio.Nursery, handle: Handler) -> tuple[Peer, trio.abc.Stream]:
    """A peer whose other end handles calls, and the stream of that end."""
    near, far = trio.testing.memory_stream_pair()
    caller, answering = Peer(near, handle), Peer(far, handle)
    await nursery.start(caller.run)
    await nursery.start(answering.run)
    return caller, far


async def test_calls_overtake_each_other(nursery: trio.Nursery):
    """A slow one does not hold up the next."""
    slow = trio.Event()

    async def handle(operation: str, body: bytes) -> bytes:
        if operation == "slow":
            await slow.wait()
        return body

    peer, _ = await between(nursery, handle)
    answers = []

    async def ask(operation: str) -> None:
        answers.append(await peer.call(operation, operation.encode()))
        slow.set()

    async with trio.open_nursery() as asking:
        asking.start_soon(ask, "slow")
        await trio.testing.wait_all_tasks_blocked()
        asking.start_soon(ask, "quick")
    assert answers == [b"quick", b"slow"]


async def test_a_cancelled_call_is_cancelled_there(nursery: trio.Nursery):
    """Nothing is done for a client that has left."""
    cancelled = trio.Event()

    async def handle(operation: str, body: bytes) -> bytes:
        try:
            await trio.sleep_forever()
        finally:
            cancelled.set()
        return body

    peer, _ = await between(nursery, handle)
    async with trio.open_nursery() as asking:
        asking.start_soon(peer.call, "wait")
        await trio.testing.wait_all_tasks_blocked()
        asking.cancel_scope.cancel()
    with trio.fail_after(5):
        await cancelled.wait()


async def test_a_failure_there_is_said_here(nursery: trio.Nursery):
    """A defect in one call ends neither process."""

    async def handle(operation: str, body: bytes) -> bytes:
        if operation == "bad":
            raise ValueError("no")
        return body

    peer, _ = await between(nursery, handle)
    with pytest.raises(PeerFailed, match="ValueError: no"):
        await peer.call("bad")
    assert await peer.call("good", b"x") == b"x"


async def test_who_waits_for_a_process_that_ends_is_told(nursery: trio.Nursery):
    """At once, and everybody who comes later."""

    async def handle(operation: str, body: bytes) -> bytes:
        await trio.sleep_forever()
        return body

    peer, far = await between(nursery, handle)

    async def leave() -> None:
        await trio.testing.wait_all_tasks_blocked()
        await far.aclose()

    nursery.start_soon(leave)
    for _ in range(2):
        with pytest.raises(PeerGone):
            await peer.call("wait")


async def test_a_write_is_answered_when_the_worker_shows_it():
    """Whatever comes of it, a refusal as well: the answer waits for the revision that it came with."""
    log = Log(MemoryJournal(), stamp=stamp)
    await log.open()
    ours, theirs = trio.testing.memory_stream_pair()
    came: list[Outcome | StatusError] = [Outcome(201, b"{}"), status.not_found("pods", "x")]
    answered: list[object] = []

    async def carry_out(verb: str, payload: bytes) -> bytes:
        return calls.answer(call(), log.published + 1, came[len(answered)])

    async with trio.open_nursery() as nursery:
        hub = Hub(log, stamp=stamp)
        peer = Peer(ours, lambda *_: carry_out("", b""))
        resources = PassingResources(hub, CATALOG, Settings(), peer)
        nursery.start_soon(Peer(theirs, carry_out).run)
        for run in (peer.run, log.run, hub.run):
            await nursery.start(run)

        async def write() -> None:
            try:
                answered.append(await resources.create(call(), {}))
            except StatusError as refusal:
                answered.append(refusal.code)

        for expected in ([Outcome(201, b"{}")], [Outcome(201, b"{}"), 404]):
            nursery.start_soon(write)
            await trio.testing.wait_all_tasks_blocked()
            assert len(answered) == len(expected) - 1
            await log.append(f"pods/ns/{len(answered)}", b'{"metadata":{"resourceVersion":""}}')
            await trio.testing.wait_all_tasks_blocked()
            assert answered == expected
        nursery.cancel_scope.cancel()
