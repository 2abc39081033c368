"""What is left when one of the processes dies."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.workers.scene import (
    MAPS,
    ROOT,
    Connection,
    each_of,
    is_there,
    one_of_each,
    own_workers,
    process,
    workers_of,
)
from watchcache import pki
from watchcache.testing.server import TestServer


def wait_for(what: Callable[[], bool], seconds: float = 20) -> None:
    """Ask until it is so; processes of others give no event to wait for."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def ended(connection: Connection) -> bool:
    """Whether the next read of a watch shows that its server has gone."""
    try:
        return connection.line() == b""
    except (OSError, http.client.HTTPException):
        return True


def test_a_crashed_worker_costs_its_own_clients_their_connections(tmp_path: Path):
    """The other's watches go on, nothing is lost, and there are two again soon."""
    with TestServer(tmp_path, workers=2) as server:
        before = own_workers()
        with each_of(server) as watchers, each_of(server) as writers:
            first = writers[0].create("first")["metadata"]["resourceVersion"]
            for watcher in watchers:
                watcher.watch(f"{MAPS}?watch=1&resourceVersion={first}")
            os.kill(min(before), signal.SIGKILL)
            wait_for(lambda: not is_there(min(before)))
            with one_of_each(server.url, server.ca_file, server.token, processes=1) as (other,):
                second = other.create("second")["metadata"]["resourceVersion"]
            gone = [ended(watcher) for watcher in watchers]
            assert sorted(gone) == [False, True]  # who is left has read its event
        wait_for(lambda: len(own_workers()) == 2)
        assert own_workers() & before == {max(before)}

        def serves() -> bool:
            try:
                with each_of(server):
                    return True
            except AssertionError:
                return False

        wait_for(serves)
        with each_of(server) as connections:
            for connection in connections:  # also the new one resumes what its predecessor's clients saw
                connection.watch(f"{MAPS}?watch=1&resourceVersion={first}")
                assert f'"resourceVersion":"{second}"'.encode() in connection.line()
    wait_for(lambda: not own_workers())


def test_a_worker_that_stands_still_is_replaced(tmp_path: Path):
    """It lives, but answers nobody: its clients lose their connections and come back, the other's watches go on."""
    with TestServer(tmp_path, workers=2, worker_timeout=1.0) as server:
        before = own_workers()
        with each_of(server) as watchers:
            for watcher in watchers:
                watcher.watch(f"{MAPS}?watch=1")
            stuck = min(before)
            os.kill(stuck, signal.SIGSTOP)
            wait_for(lambda: not is_there(stuck))
            wait_for(lambda: len(own_workers()) == 2)
            assert own_workers() & before == {max(before)}
            with one_of_each(server.url, server.ca_file, server.token, processes=1) as (writer,):
                writer.create("after")
            gone = [ended(watcher) for watcher in watchers]
            assert sorted(gone) == [False, True]  # who is left has read its event
    wait_for(lambda: not own_workers())


def test_without_the_process_that_writes_the_server_ends_cleanly(tmp_path: Path):
    """Watches end as at a shutdown, no process is left, and what was acknowledged is there at the next start."""
    ca = tmp_path / "pki" / "ca.crt"
    with process(tmp_path, workers=2) as (server, url):
        workers = workers_of(server.pid)
        assert len(workers) == 2
        with one_of_each(url, ca, "secret") as both:
            made = [both[number % 2].create(f"kept-{number}") for number in range(20)]
            for connection in both:
                connection.watch(f"{MAPS}?watch=1&resourceVersion={made[-1]['metadata']['resourceVersion']}")
            server.kill()
            for connection in both:
                assert connection.rest() == b""
        wait_for(lambda: not any(map(is_there, workers)))
    with process(tmp_path, workers=0) as (_, url), one_of_each(url, ca, "secret", processes=1) as (one,):
        for each in made:
            assert one("GET", f"{MAPS}/{each['metadata']['name']}") == (200, each)


def test_the_next_start_waits_for_workers_that_are_leaving(tmp_path: Path):
    """A server whose process that writes was killed is started again at once, on the port that its workers still have."""
    ca = tmp_path / "pki" / "ca.crt"
    with process(tmp_path, workers=2) as (server, url), one_of_each(url, ca, "secret") as both:
        workers = workers_of(server.pid)
        for connection in both:
            connection.watch(f"{MAPS}?watch=1&resourceVersion=1&timeoutSeconds=100")
        server.kill()
        server.wait(10)
        assert all(map(is_there, workers))
        with process(tmp_path, 2, f"--secure-port={url.rpartition(':')[2]}") as (_, again):
            assert again == url
            assert not any(map(is_there, workers))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_shutdown_ends_them_all(tmp_path: Path, number: signal.Signals):
    """A signal to the process that was started: the watches end cleanly, the exit status is 0, and one line says what happens."""
    with process(tmp_path, workers=2) as (server, url):
        workers = workers_of(server.pid)
        with one_of_each(url, tmp_path / "pki" / "ca.crt", "secret") as both:
            for connection in both:
                connection.watch(f"{MAPS}?watch=1&resourceVersion=1&timeoutSeconds=100")
            server.send_signal(number)
            for connection in both:
                connection.rest()
        assert server.wait(20) == 0
        assert not any(map(is_there, workers))
        assert (tmp_path / "errors").read_text().count("\n") == 1


def test_all_read_a_new_certificate(tmp_path: Path):
    """SIGHUP to the process that was started: connections of both workers show it soon, and running watches go on."""
    ca = tmp_path / "pki" / "ca.crt"
    with process(tmp_path, workers=2) as (server, url), one_of_each(url, ca, "secret") as both:
        for connection in both:
            connection.watch(f"{MAPS}?watch=1&resourceVersion=1&fieldSelector=metadata.name%3Dafter")
        names = ["localhost", "127.0.0.1"]
        certificate, key = pki.Authority(tmp_path / "pki").issue("new", names=names)
        (tmp_path / "pki" / "apiserver.crt").write_bytes(certificate)
        (tmp_path / "pki" / "apiserver.key").write_bytes(key)
        server.send_signal(signal.SIGHUP)
        new = ssl.PEM_cert_to_DER_cert(certificate.decode())

        def shown() -> bool:
            with one_of_each(url, ca, "secret") as connections:
                return [connection.certificate() for connection in connections] == [new, new]

        wait_for(shown)
        with one_of_each(url, ca, "secret", processes=1) as (writer,):
            writer.create("after")
        for connection in both:
            assert b'"ADDED"' in connection.line()


def test_a_process_that_writes_and_stands_still_is_told_of(tmp_path: Path):
    """It lives and answers nobody: workers are not ready and then not alive, show their own metrics, and go on when it does."""
    ca = tmp_path / "pki" / "ca.crt"
    with process(tmp_path, 2, "--watchcache-worker-timeout=6s") as (server, url):
        workers = workers_of(server.pid)
        with one_of_each(url, ca, "secret") as both:
            server.send_signal(signal.SIGSTOP)
            try:
                with ThreadPoolExecutor(1) as pool:  # each takes the seconds that it waits for an answer
                    metrics = pool.submit(both[0].text, "/metrics")
                    page = json.loads(both[1].text("/debug/watchers"))
                assert (
                    len(re.findall(r'watchcache_worker_revision\{process="worker-\d"\}', metrics.result()))
                    == 1
                )
                assert page["total"]["watchers"] == 0
                for connection in both:
                    assert "[-]writer failed" in connection.text("/readyz")
                    assert "[-]writer-alive failed" in connection.text("/livez")
                    assert connection("GET", f"{MAPS}?resourceVersion=0")[0] == 200
            finally:
                server.send_signal(signal.SIGCONT)
            for connection in both:
                connection.create(f"after-{both.index(connection)}")
                assert connection.text("/readyz") == connection.text("/livez") == "ok"
        assert workers_of(server.pid) == workers


def test_hypercorn_has_no_workers(tmp_path: Path):
    """It is refused at the start, in one line."""
    command = [sys.executable, "-m", "watchcache", "serve", "--secure-port=0", "--storage-backend=memory"]
    command += [f"--cert-dir={tmp_path}/pki", "--watchcache-workers=1", "--watchcache-host=hypercorn"]
    refused = subprocess.run(command, check=False, capture_output=True, cwd=ROOT, timeout=30)
    assert refused.returncode == 2
    assert b"--watchcache-workers needs --watchcache-host=wire" in refused.stderr
