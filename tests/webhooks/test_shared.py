"""Webhooks where several servers share an etcd: what one is told, all obey, and each calls for itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests import etcds
from tests.webhooks.behaviours import BEHAVIOURS
from tests.webhooks.converting import BEHAVIOURS as CONVERTING
from tests.webhooks.converting import DEFINITIONS, ONE, TWO, definition, point
from tests.webhooks.hook import Hook
from tests.webhooks.scene import Scene
from tests.webhooks.steps import MAPS, MERGE, MUTATING, case, config_map, configuration
from watchcache.testing.server import TestServer


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[list[Scene]]:
    """Two servers on one etcd, the second with workers."""
    running = etcds.Etcd(tmp_path / "etcd").start()
    try:
        with ExitStack() as stack:
            hook = stack.enter_context(Hook(tmp_path / "hook", BEHAVIOURS | CONVERTING))
            scenes = []
            for name, workers in (("one", 0), ("two", 2)):
                (tmp_path / name).mkdir()
                where = {"storage_backend": "etcd3", "etcd_servers": (running.url,), "workers": workers}
                scenes.append(Scene(stack.enter_context(TestServer(tmp_path / name, **where)), hook))
            yield scenes
    finally:
        running.stop()


@etcds.needs_etcd
def test_all_servers_obey_what_one_was_told(servers: list[Scene]):
    """As soon as they have heard: the same milliseconds that any write takes from one to the other."""
    one, other = servers
    assert one.send("POST", MUTATING, configuration("Mutating", "cases", case("/m/deny"))).status == 201
    assert other.send("GET", f"{MUTATING}/cases", until=200).status == 200
    refused = config_map("refused", "deny")
    assert (
        other.send("POST", f"{MAPS}?dryRun=All", refused, until=400)
        .answer["message"]
        .startswith("admission webhook")
    )
    assert one.send("DELETE", f"{MUTATING}/cases").status == 200
    assert other.send("GET", f"{MUTATING}/cases", until=404).status == 404
    assert other.send("POST", MAPS, config_map("taken", "deny"), until=201).status == 201


@etcds.needs_etcd
def test_each_server_converts_what_any_has_written(servers: list[Scene]):
    """A read in another version comes after every write that was answered, wherever that was made; what is kept is of one version."""
    one, other = servers
    assert one.send("POST", DEFINITIONS, definition()).status == 201
    assert other.send("POST", TWO, point("p", "v2", hostPort="h:0"), until=201).status == 201
    for port in range(1, 6):
        assert one.send("PATCH", f"{TWO}/p", {"spec": {"hostPort": f"h:{port}"}}, type=MERGE).status == 200
        assert other.send("GET", f"{TWO}/p").answer["spec"]["hostPort"] == f"h:{port}"
        assert other.send("GET", TWO).answer["items"][0]["spec"]["hostPort"] == f"h:{port}"
        assert other.send("GET", f"{ONE}/p").answer["spec"]["port"] == port
