"""What clients of two workers see: one server."""

from __future__ import annotations

import json
import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from tests.workers.scene import MAPS, Connection, each_of
from watchcache.testing.server import TestServer

APPLY = "application/apply-patch+yaml"


def test_watchers_on_both_see_the_same(server: TestServer, both: list[Connection]):
    """The same events, in the same order, with the same revisions, whoever took the writes."""
    _, listed = both[0]("GET", MAPS)
    since = listed["metadata"]["resourceVersion"]
    with each_of(server) as watchers:
        for watcher in watchers:
            watcher.watch(f"{MAPS}?watch=1&resourceVersion={since}")
        for number in range(30):
            both[number % 2].create(f"seen-{number}", data={"n": str(number)})
            if number % 3 == 0:
                assert both[(number + 1) % 2]("DELETE", f"{MAPS}/seen-{number}")[0] == 200
        first, second = ([watcher.line() for _ in range(40)] for watcher in watchers)
    assert first == second
    revisions = [int(re.search(rb'"resourceVersion":"(\d+)"', line)[1]) for line in first]
    assert revisions == sorted(set(revisions))


def test_what_one_acknowledged_the_other_shows(both: list[Connection]):
    """Reads without a revision are never older than an acknowledged write, and neither are answers to errors."""
    one, other = both
    for number in range(50):
        made = one.create(f"own-{number}")
        name = f"{MAPS}/own-{number}"
        assert one("GET", f"{name}?resourceVersion=0")[1] == made  # in its own cache already
        assert other("GET", name) == (200, made)
        assert other("POST", MAPS, {"metadata": {"name": f"own-{number}"}})[0] == 409
        assert [each["metadata"] for each in other("GET", MAPS)[1]["items"]].count(made["metadata"]) == 1
        assert other("DELETE", name)[0] == 200
        assert one("GET", name)[0] == 404
        one, other = other, one


def test_addresses_are_given_out_once(server: TestServer):
    """Services made through both at the same time get different cluster IPs and node ports."""

    def make(turn: int) -> list[tuple[str, int]]:
        found = []
        with each_of(server) as connections:
            for number in range(10):
                document = {
                    "metadata": {"name": f"service-{turn}-{number}"},
                    "spec": {"type": "NodePort", "ports": [{"port": 80}]},
                }
                status, made = connections[turn]("POST", "/api/v1/namespaces/default/services", document)
                assert status == 201, made
                found.append((made["spec"]["clusterIP"], made["spec"]["ports"][0]["nodePort"]))
        return found

    with ThreadPoolExecutor(2) as pool:
        given = [pair for pairs in pool.map(make, range(2)) for pair in pairs]
    addresses, ports = zip(*given, strict=True)
    assert len(set(addresses)) == len(set(ports)) == 20


def test_a_collection_is_deleted_through_a_worker(both: list[Connection]):
    """Selectors travel, and the answer is the list as it was."""
    for number in range(3):
        both[0].create(f"gone-{number}", data={})
    both[0]("POST", MAPS, {"metadata": {"name": "labelled", "labels": {"a": "b"}}})
    status, answer = both[1]("DELETE", f"{MAPS}?labelSelector=a%3Db")
    assert (status, [each["metadata"]["name"] for each in answer["items"]]) == (200, ["labelled"])
    assert both[0]("GET", f"{MAPS}/gone-1")[0] == 200
    assert both[0]("GET", f"{MAPS}/labelled")[0] == 404


def test_old_revisions_are_readable_from_both(both: list[Connection]):
    """Windows are each worker's own; what they do not hold comes from the log."""
    first = both[0].create("old-a")["metadata"]["resourceVersion"]
    second = both[1].create("old-b")["metadata"]["resourceVersion"]
    for connection in both:
        path = f"{MAPS}?resourceVersionMatch=Exact&resourceVersion={first}"
        names = [each["metadata"]["name"] for each in connection("GET", path)[1]["items"]]
        assert "old-a" in names
        assert "old-b" not in names
        connection.watch(f"{MAPS}?watch=1&resourceVersion={first}")
        assert f'"resourceVersion":"{second}"'.encode() in connection.line()


def test_deep_documents_are_answered_as_by_one_process(both: list[Connection]):
    """They are passed on although the fast encoder cannot write them: it is the registry that answers."""
    document: dict[str, object] = {}
    for _ in range(700):
        document = {"a": document}
    assert both[0]("POST", MAPS, document)[0] == 422  # it has no name


def test_metrics_and_health_cover_all(both: list[Connection]):
    """One text with each family once and a label that names the process; both are ready."""
    text = both[0].text("/metrics")
    families = re.findall(r"^# TYPE (\S+)", text, re.MULTILINE)
    samples = [line.rpartition(" ")[0] for line in text.splitlines() if not line.startswith("#")]
    assert [name for name, count in Counter(families).items() if count > 1] == []
    assert [name for name, count in Counter(samples).items() if count > 1] == []
    assert set(re.findall(r'process_resident_memory_bytes\{process="([^"]+)"', text)) == {
        "writer",
        "worker-0",
        "worker-1",
    }
    assert 'watchcache_workers{process="writer"} 2.0' in text
    for connection in both:
        assert "[+]writer ok" in connection.text("/readyz?verbose")


def test_the_page_of_watchers_is_that_of_all(server: TestServer, both: list[Connection]):
    """Whichever worker is asked: the watches of both, in the order and number asked for, with their process."""
    with each_of(server) as watchers:
        for watcher in watchers:
            watcher.watch(f"{MAPS}?watch=1&fieldSelector=metadata.name%3Dnobody")
        for connection in both:
            page = json.loads(connection.text("/debug/watchers?sort=age"))
            ours = [row for row in page["watchers"] if row["fieldSelector"] == "metadata.name=nobody"]
            assert {row["process"] for row in ours} == {"worker-0", "worker-1"}
            assert page["total"]["watchers"] == len(page["watchers"]) >= 2
            assert page["total"]["states"]["live"] >= 2
            sinces = [row["since"] for row in page["watchers"]]
            assert sinces == sorted(sinces)
            assert len(json.loads(connection.text("/debug/watchers?top=1"))["watchers"]) == 1
            assert connection("GET", "/debug/watchers?sort=colour")[0] == 400


def test_applying_through_both(both: list[Connection]):
    """A manager's patch through one worker, the next one's conflict through the other."""
    name = f"{MAPS}/applied"
    document = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "applied"}, "data": {"a": "1"}}
    status, made = both[0]("PATCH", f"{name}?fieldManager=one", document, APPLY)
    assert (status, made["metadata"]["managedFields"][0]["manager"]) == (201, "one")
    document["data"] = {"a": "2"}
    status, refusal = both[1]("PATCH", f"{name}?fieldManager=two", document, APPLY)
    assert (status, refusal["message"]) == (409, 'Apply failed with 1 conflict: conflict with "one": .data.a')
    assert both[1]("PATCH", f"{name}?fieldManager=two&force=true", document, APPLY)[0] == 200
    assert both[0]("GET", name)[1]["data"] == {"a": "2"}
    status, made = both[1](
        "POST", f"{MAPS}?fieldManager=maker", {"metadata": {"name": "made"}, "data": {"a": "1"}}
    )
    assert made["metadata"]["managedFields"][0]["manager"] == "maker"
