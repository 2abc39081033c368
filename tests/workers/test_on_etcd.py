"""Workers of a server on etcd, beside a server of one process on the same: one state, whoever is asked."""

from __future__ import annotations

import base64
import json
import shutil
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from tests import etcds
from tests.workers.scene import MAPS, Connection, each_of, is_there, one_of_each, process, workers_of
from watchcache.testing.server import TestServer

pytestmark = etcds.needs_etcd

SERVICES = "/api/v1/namespaces/default/services"


class Site(NamedTuple):
    """An etcd, a server of one process, and one with two workers. `before`: a revision from before the second started."""

    etcd: etcds.Etcd
    single: TestServer
    workers: TestServer
    before: str


def write_elsewhere(etcd: etcds.Etcd) -> None:
    """A change that is none of the servers': only the revision moves."""
    key = base64.b64encode(b"/elsewhere/x").decode()
    body = json.dumps({"key": key, "value": ""}).encode()
    urllib.request.urlopen(f"{etcd.url}/v3/kv/put", body, timeout=5).close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """All three, running; nothing of theirs happened between `before` and the start of the workers."""
    with ExitStack() as stack:
        etcd = etcds.Etcd(tmp_path_factory.mktemp("etcd")).start()
        stack.callback(etcd.stop)

        def server(name: str, workers: int) -> TestServer:
            directory = tmp_path_factory.mktemp(name)
            running = TestServer(
                directory, storage_backend="etcd3", etcd_servers=(etcd.url,), workers=workers
            )
            return stack.enter_context(running)

        single = server("single", 0)
        with one_of_each(single.url, single.ca_file, single.token, processes=1) as (one,):
            before = one("GET", MAPS)[1]["metadata"]["resourceVersion"]
        for _ in range(5):
            write_elsewhere(etcd)
        yield Site(etcd, single, server("workers", 2), before)


@pytest.fixture
def three(site: Site) -> Iterator[list[Connection]]:
    """A connection to the single process and to each worker."""
    single = site.single
    with (
        one_of_each(single.url, single.ca_file, single.token, processes=1) as (one,),
        each_of(site.workers) as both,
    ):
        yield [one, *both]


def test_a_client_resumes_from_before_the_start(site: Site, three: list[Connection]):
    """Nothing of ours happened since, so nothing is told, and nobody is sent away; then what happens."""
    with each_of(site.workers) as watchers:
        for watcher in watchers:
            watcher.watch(f"{MAPS}?watch=1&fieldSelector=metadata.name%3Dfirst&resourceVersion={site.before}")
        made = three[1].create("first")
        for watcher in watchers:
            event = json.loads(watcher.line())
            assert (event["type"], event["object"]) == ("ADDED", made)


def test_what_anybody_acknowledged_all_serve(site: Site, three: list[Connection]):
    """Create, read, refuse, change and delete, each elsewhere than the step before, also behind revisions of others."""
    for number in range(12):
        one, two, other = three[number % 3 :] + three[: number % 3]
        path = f"{MAPS}/m{number}"
        made = one.create(f"m{number}")
        write_elsewhere(site.etcd)
        assert two("GET", path) == (200, made)
        assert other("POST", MAPS, {"metadata": {"name": f"m{number}"}})[0] == 409
        status, changed = two("PUT", path, {**made, "data": {"n": "1"}})
        assert status == 200
        assert one("PUT", path, {**made, "data": {"n": "2"}})[0] == 409
        assert other("GET", path) == (200, changed)
        assert one("DELETE", path)[0] == 200
        assert two("GET", path)[0] == other("GET", path)[0] == 404


def test_watches_see_the_same(site: Site, three: list[Connection]):
    """Services and what they hold, which share a revision: the same bytes from the single process and from both workers."""
    start = three[0]("GET", SERVICES)[1]["metadata"]["resourceVersion"]
    for number in range(6):
        document = {
            "metadata": {"name": f"s{number}"},
            "spec": {"type": "NodePort", "ports": [{"port": 80}]},
        }
        status, made = three[number % 3]("POST", SERVICES, document)
        assert status == 201, made
    for path in (SERVICES, "/apis/networking.k8s.io/v1/ipaddresses"):
        for watcher in three:
            watcher.watch(f"{path}?watch=1&resourceVersion={start}&timeoutSeconds=1")
        seen = [watcher.rest() for watcher in three]
        assert seen[0] == seen[1] == seen[2]
        assert seen[0].count(b'"ADDED"') == 6


def test_while_etcd_is_away(site: Site):
    """As one process: 503 for writes and consistent reads, the cache for others, /readyz and /livez fail at `etcd`; then all is well."""
    with each_of(site.workers) as both:
        both[0].create("kept")
        assert both[1]("GET", f"{MAPS}/kept")[0] == 200
        assert both[0].text("/readyz?verbose").count("[+]etcd") == 2
        site.etcd.kill()
        for connection in both:
            assert connection("POST", MAPS, {"metadata": {"name": "n"}})[0] == 503
            assert connection("GET", f"{MAPS}/kept")[0] == 503
            assert connection("GET", f"{MAPS}/kept?resourceVersion=0")[0] == 200
            for endpoint in ("/readyz", "/livez"):
                wait_for_text(connection, endpoint, "[-]etcd failed")
        site.etcd.start()
        for number, connection in enumerate(both):
            wait_for_text(connection, "/readyz", "ok")
            connection.create(f"again-{number}")


def wait_for_text(connection: Connection, path: str, text: str) -> None:
    """Ask until the answer holds it: workers are told every second."""
    deadline = time.monotonic() + 20
    while text not in (said := connection.text(path)):
        assert time.monotonic() < deadline, said
        time.sleep(0.05)


EVENTS = "/api/v1/namespaces/default/events"


def test_what_is_kept_in_another_etcd(site: Site, tmp_path: Path):
    """Its writes, reads and watches go by that etcd's revisions, whichever worker is asked."""
    second = etcds.Etcd(tmp_path / "second").start()
    settings = {
        "storage_backend": "etcd3",
        "etcd_servers": (site.etcd.url,),
        "etcd_servers_overrides": (f"/events#{second.url}",),
        "workers": 2,
    }
    try:
        with TestServer(tmp_path, **settings) as server, each_of(server) as both, each_of(server) as watchers:
            listed = both[0]("GET", EVENTS)[1]
            for watcher in watchers:
                watcher.watch(f"{EVENTS}?watch=1&resourceVersion={listed['metadata']['resourceVersion']}")
            seen = []
            for number in range(6):
                one, other = both[number % 2], both[(number + 1) % 2]
                both[0].create(f"beside-{number}")
                about = {"kind": "ConfigMap", "namespace": "default", "name": "a"}
                document = {"metadata": {"name": f"e{number}"}, "involvedObject": about, "reason": "Test"}
                status, made = one("POST", EVENTS, document)
                assert status == 201, made
                assert other("GET", f"{EVENTS}/e{number}") == (200, made)
                assert one("GET", f"{EVENTS}/e{number}?resourceVersion=0") == (200, made)
                seen.append(made)
            revisions = [int(each["metadata"]["resourceVersion"]) for each in seen]
            first = int(listed["metadata"]["resourceVersion"]) + 1
            assert revisions == list(range(first, first + 6))  # nothing else is kept there
            for watcher in watchers:
                assert [json.loads(watcher.line())["object"] for _ in seen] == seen
    finally:
        second.stop()


def test_another_etcd_in_its_place_is_taken_over_with_new_workers(tmp_path: Path):
    """The process that writes begins anew: watches end cleanly, one line says why, and the workers of before are gone."""
    etcd = etcds.Etcd(tmp_path / "etcd").start()
    try:
        flags = ("--storage-backend=etcd3", f"--etcd-servers={etcd.url}")
        with process(tmp_path, 2, *flags) as (server, url):
            workers = workers_of(server.pid)
            with one_of_each(url, tmp_path / "pki" / "ca.crt", "secret") as both:
                for connection in both:
                    connection.watch(f"{MAPS}?watch=1&fieldSelector=metadata.name%3Dnobody")
                etcd.kill()
                shutil.rmtree(etcd.directory / "data")
                etcd.start()
                for connection in both:
                    assert connection.rest() == b""
            assert any(f" serving {url} " in line.decode() for line in server.stdout)
            with one_of_each(url, tmp_path / "pki" / "ca.crt", "secret"):
                assert not any(map(is_there, workers))
        said = (tmp_path / "errors").read_text().splitlines()
        assert sum("; starting again on what is there now" in line for line in said) == 1
        assert not any("Traceback" in line for line in said)
    finally:
        etcd.stop()
