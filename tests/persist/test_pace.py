"""When a commit is made without a thread."""

from __future__ import annotations

from watchcache.persist.file.pace import Pace


def quick_syncs_until_trusted(pace: Pace) -> int:
    """How many syncs of 0.2 ms it takes."""
    count = 0
    while not pace.suits(1000):
        pace.took(0.0002)
        count += 1
    return count


def test_a_disk_has_to_show_that_it_is_quick():
    """The first commits go through a thread, some dozens of quick ones end that."""
    assert 5 < quick_syncs_until_trusted(Pace()) < 50


def test_one_slow_sync_ends_the_trust():
    """A stall is not met a second time on the event loop."""
    pace = Pace()
    quick_syncs_until_trusted(pace)
    pace.took(0.1)
    assert not pace.suits(1000)
    assert quick_syncs_until_trusted(pace) > 30


def test_a_large_commit_never_holds_up_the_loop():
    """Megabytes are written by a thread however quick the disk is."""
    pace = Pace()
    quick_syncs_until_trusted(pace)
    assert not pace.suits(1 << 20)
