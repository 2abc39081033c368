"""A watch that does not bring what replies have shown, is left: as a decision, and with a real etcd behind a connection that stalls."""

import trio
from hypothesis import given
from hypothesis import strategies as st

from tests import etcds
from tests.conformance.samples import value
from tests.tcp_proxy import Proxy
from watchcache.persist.etcd.vigil import DEAF, LATE, LONGEST, SILENT, Verdict, Vigil

from .scene import running

NOTHING, ASK, LEAVE = Verdict.NOTHING, Verdict.ASK, Verdict.LEAVE


def looks(vigil, count, *, known=9, reached=5, received=1.0, heard=1.0, elsewhere=False):
    """What so many looks in a row say; received and heard are numbers, or functions of the look's."""
    return [
        vigil.look(
            known,
            reached,
            received_at=received(number) if callable(received) else received,
            heard_at=heard(number) if callable(heard) else heard,
            elsewhere=elsewhere,
        )
        for number in range(count)
    ]


def test_a_silent_connection_is_asked_and_left():
    """After so many looks, and later each time that it did not help."""
    vigil = Vigil()
    first = looks(vigil, LATE + SILENT)
    assert first == [NOTHING] * (LATE - 1) + [ASK] + [NOTHING] * (SILENT - 1) + [LEAVE]
    second = looks(vigil, LATE + 2 * SILENT)
    assert second == [NOTHING] * (LATE - 1) + [ASK] + [NOTHING] * (2 * SILENT - 1) + [LEAVE]
    assert looks(vigil, LATE + LONGEST).count(LEAVE) == 1
    # What was waited for has come: the next one is left as soon as the first.
    looks(vigil, 1, reached=9)
    assert looks(vigil, LATE + SILENT, known=12, reached=9) == first


def test_who_answers_is_not_left():
    """A watch that is catching up says nothing for a long time, and its connection lives."""
    verdicts = looks(Vigil(), 200, received=float)
    assert LEAVE not in verdicts
    assert ASK in verdicts


def test_who_answers_and_lags_behind_the_member_in_use_is_left():
    """Its member may be cut off from the others, which take the writes."""
    verdicts = looks(Vigil(), LATE + DEAF * SILENT, received=float, elsewhere=True)
    assert LEAVE in verdicts[-3:]
    assert LEAVE not in verdicts[:-3]
    assert LEAVE not in looks(Vigil(), 200, received=float, heard=float, elsewhere=True)


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=100))
def test_a_watch_that_keeps_up_is_let_be(steps):
    """What was known two looks ago has come, and there is always something on its way: nobody is asked anything."""
    vigil, known = Vigil(), [1, 1]
    for more, elsewhere in steps:
        known.append(known[-1] + more)
        assert looks(vigil, 1, known=known[-1], reached=known[-3], elsewhere=elsewhere) == [NOTHING]


@etcds.needs_etcd
async def test_a_stalled_watch_is_left_while_the_writes_go_on(etcd, caplog):
    """The connection stays open and brings nothing: long before the keep-alive ends it the watch is made anew, and brings all, once."""
    proxy = Proxy(etcd.port)
    delivered: list = []
    async with trio.open_nursery() as nursery:
        await nursery.start(proxy.run)
        async with running(proxy.url) as log:
            log.subscribe(delivered.extend)
            written = [await log.append("a", value())]
            old = log._feed._stream._connection
            log._client.member._connection = None  # the next call gets a connection of its own
            proxy.hold(0)
            with trio.fail_after(60):
                written += [await log.append(f"k{number}", value()) for number in range(3)]
                assert await log.newest() <= log.published
            # Nothing came of it by itself: the keep-alive had not ended it.
            assert "it does not bring revision" in caplog.text
            assert "no sign of life" not in caplog.text
            assert not old.usable
            assert log.figures.reconnects == 1
            assert delivered == written
            assert log.problem is None
        nursery.cancel_scope.cancel()
