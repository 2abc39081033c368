"""The directory: who may use it, and what happens when it cannot be used."""

import os
from pathlib import Path

import pytest

from watchcache.log import JournalError
from watchcache.persist import DirectoryLocked, DirectoryUnusable, check_directory, read_events

from .directories import opened, scribble


async def test_a_second_server_is_refused(tmp_path):
    """The error names the directory and the process that has it; afterwards the first works on."""
    async with opened(tmp_path) as log:
        with pytest.raises(DirectoryLocked) as locked:
            async with opened(tmp_path):
                pass
        assert str(locked.value).startswith(f"{tmp_path} is in use by another server (process {os.getpid()})")
        await scribble(log, 3)


async def test_a_closed_directory_can_be_opened_again(tmp_path):
    """The lock ends with `close`."""
    async with opened(tmp_path):
        pass
    async with opened(tmp_path):
        pass


async def test_a_failed_start_leaves_no_lock(tmp_path):
    """Once the operator has put it right, the same process may try again."""
    (tmp_path / "FORMAT").write_text("?")
    for _ in range(2):
        with pytest.raises(JournalError, match="format"):
            async with opened(tmp_path):
                pass


async def test_a_path_that_is_no_directory_is_one_clear_line(tmp_path):
    """The operator sees the path and the reason."""
    (tmp_path / "file").write_text("")
    with pytest.raises(DirectoryUnusable, match="cannot be used: ") as unusable:
        async with opened(tmp_path / "file"):
            pass
    assert "\n" not in str(unusable.value)


async def test_only_the_owner_may_read_the_data(tmp_path):
    """Secrets are in there."""
    async with opened(tmp_path / "data") as log:
        await scribble(log, 3)
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in (tmp_path / "data").iterdir()} == {0o600}


async def test_files_that_were_being_written_are_removed(tmp_path):
    """A crash while writing a snapshot leaves a file aside, which means nothing."""
    async with opened(tmp_path):
        pass
    (tmp_path / "00000000000000000009.state.tmp").write_bytes(b"half")
    async with opened(tmp_path):
        pass
    assert list(tmp_path.glob("*.tmp")) == []


@pytest.mark.parametrize("look", [check_directory, lambda path: list(read_events(path))])
def test_looking_into_what_is_no_data_directory_is_refused(tmp_path: Path, look):
    """Neither a missing nor a foreign directory is taken for an empty one."""
    with pytest.raises(DirectoryUnusable, match="is no directory"):
        look(tmp_path / "nothing")
    with pytest.raises(DirectoryUnusable, match="holds no data"):
        look(tmp_path)
