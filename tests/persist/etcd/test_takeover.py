"""A server under which etcd is restored from a backup starts again on what is there now, by itself."""

import json
import shutil
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import etcds
from tests.kubectl.conftest import ServerProcess

pytestmark = etcds.needs_etcd
MAPS = "/api/v1/namespaces/default/configmaps"
TOKEN = "token"
PATIENCE = 60.0


@contextmanager
def serving(etcd: etcds.Etcd, directory: Path, workers: int = 0) -> Iterator[ServerProcess]:
    """A server on an etcd."""
    tokens = directory / "tokens.csv"
    tokens.write_text(f'{TOKEN},admin,admin,"system:masters"\n')
    flags = ["--storage-backend=etcd3", f"--etcd-servers={etcd.url}", f"--token-auth-file={tokens}"]
    server = ServerProcess(directory, *flags, f"--watchcache-workers={workers}")
    server.start()
    try:
        yield server
    finally:
        if server.running:
            server.kill()


def ask(server: ServerProcess, path: str, body: object = None) -> tuple[int, dict]:
    """What it answers, asked again while it cannot be reached, or cannot reach etcd."""
    url = server.announcement.split("serving ")[1].split()[0]
    context = ssl.create_default_context(cafile=str(server.directory / "pki" / "ca.crt"))
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    deadline = time.monotonic() + PATIENCE
    while True:
        request = urllib.request.Request(url + path, data, headers)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE, context=context) as answer:
                return answer.status, json.loads(answer.readline())
        except urllib.error.HTTPError as refusal:
            if refusal.code != 503:
                return refusal.code, json.load(refusal)
        except OSError:
            pass
        assert time.monotonic() < deadline, (server.directory / "stderr").read_text()
        time.sleep(0.01)


def make(server: ServerProcess, name: str) -> str:
    """Make a config map; its revision."""
    status, found = ask(server, MAPS, {"metadata": {"name": name}})
    assert status == 201
    return found["metadata"]["resourceVersion"]


def wait_ready(server: ServerProcess) -> None:
    """Wait until it has its etcd again: then a write is made once."""
    names(server)  # a consistent read


def names(server: ServerProcess) -> tuple[str, list[str]]:
    """The list's revision and what is there."""
    status, found = ask(server, MAPS)
    assert status == 200
    return found["metadata"]["resourceVersion"], [each["metadata"]["name"] for each in found["items"]]


def wait_for(server: ServerProcess, line: str) -> None:
    """Wait until it has said something."""
    deadline = time.monotonic() + PATIENCE
    while line not in (server.directory / "stderr").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_restored_etcd_is_taken_over(etcd, tmp_path: Path, workers: int):
    """The process and its port stay; who resumes from before is told 410 once."""
    with serving(etcd, tmp_path, workers) as server:
        make(server, "before")
        backup = etcd.back_up(tmp_path / "backup")
        wait_ready(server)
        lost = make(server, "lost")
        etcd.restore(backup)
        wait_for(server, "it was restored from a backup; starting again on what is there now")
        revision, found = names(server)
        assert found == ["before"]
        status, event = ask(server, f"{MAPS}?watch=1&resourceVersion={lost}")
        assert (status, event["type"], event["object"]["code"]) == (200, "ERROR", 410)
        after = make(server, "after")
        status, event = ask(server, f"{MAPS}?watch=1&resourceVersion={revision}&timeoutSeconds=60")
        assert (event["type"], event["object"]["metadata"]["resourceVersion"]) == ("ADDED", after)
        assert server.stop() == 0


def test_two_that_answer_in_turns_are_not_taken_over_for_ever(etcd, tmp_path: Path):
    """The second time the server ends, and says where to look."""
    with serving(etcd, tmp_path) as server:
        for line in ("starting again on what is there now", "names more than one cluster"):
            make(server, "k")
            etcd.kill()
            shutil.rmtree(etcd.directory / "data")
            etcd.start()
            wait_for(server, line)
        assert server.wait() == 1
