"""A whole server, asked over TLS: its metrics, and who may ask."""

from __future__ import annotations

import re
import socket
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from pathlib import Path

import pytest
from kubernetes import client, config, watch

from watchcache.testing.server import TestServer


def get(server: TestServer, path: str, token: str = "") -> str:
    """The body of a GET. Raises HTTPError."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(f"{server.url}{path}", headers=headers)
    context = ssl.create_default_context(cafile=str(server.ca_file))
    with urllib.request.urlopen(request, context=context, timeout=10) as response:
        return response.read().decode()


def test_every_family_is_there_once(watchcache_server: TestServer):
    """Prometheus refuses a text that names a sample twice."""
    text = get(watchcache_server, "/metrics", watchcache_server.token)
    families = re.findall(r"^# TYPE (\S+)", text, re.MULTILINE)
    samples = [line.rpartition(" ")[0] for line in text.splitlines() if not line.startswith("#")]
    assert [name for name, count in Counter(families).items() if count > 1] == []
    assert [name for name, count in Counter(samples).items() if count > 1] == []
    assert f"watchcache_log_revision {watchcache_server.server.revision}.0" in text
    assert re.search(
        r'^apiserver_storage_size_bytes\{storage_cluster_id="[0-9a-f]{32}"\}', text, re.MULTILINE
    )


@pytest.mark.parametrize("anonymous", [False, True])
def test_strangers_come_in_when_the_flag_lets_them(tmp_path: Path, anonymous: bool):
    """--anonymous-auth decides what a request without credentials gets."""
    with TestServer(tmp_path, anonymous_auth=anonymous) as server:
        if anonymous:
            assert '"NamespaceList"' in get(server, "/api/v1/namespaces")
        else:
            with pytest.raises(urllib.error.HTTPError) as refused:
                get(server, "/api/v1/namespaces")
            assert refused.value.code == 401
            refused.value.close()


def test_the_window_in_memory_is_as_large_as_the_flag_says(tmp_path: Path):
    """--watchcache-window-bytes bounds it; older changes are read from the history, and nothing is missing."""
    with TestServer(tmp_path, storage_backend="file", window_bytes=2000) as server:
        config.load_kube_config(str(server.kubeconfig))
        core = client.CoreV1Api()
        first = core.create_namespaced_config_map("default", {"metadata": {"name": "one"}})
        for number in range(40):
            core.patch_namespaced_config_map("one", "default", {"data": {"number": "x" * 500 + str(number)}})
        text = get(server, "/metrics", server.token)
        held = re.search(r'^watchcache_window_bytes\{[^}]*resource="configmaps"\} (\S+)', text, re.MULTILINE)
        assert held is not None
        assert 0 < float(held[1]) <= 4000
        assert server.server.log.stats().ring_bytes <= 4000
        seen = watch.Watch().stream(
            core.list_namespaced_config_map,
            "default",
            resource_version=first.metadata.resource_version,
            timeout_seconds=30,
        )
        numbers = [event["object"].data["number"][500:] for event, _ in zip(seen, range(40), strict=False)]
        assert numbers == [str(number) for number in range(40)]


def test_loading_and_handshakes_are_in_the_metrics(tmp_path: Path):
    """A server that finds objects at its start says how long it took; who speaks no TLS is counted."""
    took = r'^apiserver_watch_cache_initialization_duration_seconds_count\{.*resource="configmaps"\} 1.0$'
    server = TestServer(tmp_path, storage_backend="file")
    with server:
        config.load_kube_config(str(server.kubeconfig))
        client.CoreV1Api().create_namespaced_config_map("default", {"metadata": {"name": "one"}})
        assert not re.search(took, get(server, "/metrics", server.token), re.MULTILINE)
    with server:
        address = urllib.parse.urlsplit(server.url)
        with socket.create_connection((address.hostname, address.port), timeout=10) as stranger:
            stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert stranger.recv(100).startswith(b"HTTP/1.0 400")
        text = get(server, "/metrics", server.token)
    assert re.search(took, text, re.MULTILINE)
    assert re.search(r"^apiserver_tls_handshake_errors_total 1.0$", text, re.MULTILINE)


def test_what_admission_took_is_in_the_metrics(watchcache_server: TestServer):
    """By plugin, operation and step, with kube-apiserver's buckets; who was rejected is told apart."""
    config.load_kube_config(str(watchcache_server.kubeconfig))
    core = client.CoreV1Api()

    def counts() -> dict[tuple[str, ...], float]:
        text = get(watchcache_server, "/metrics", watchcache_server.token)
        assert re.search(
            r'^apiserver_admission_step\S+_bucket\{le="0.025",operation="CREATE"', text, re.MULTILINE
        )
        plugin = r'^apiserver_admission_controller_admission_duration_seconds_count\{name="(\w+)",operation="(\w+)",rejected="(\w+)",type="(\w+)"\} (\S+)$'
        step = r'^apiserver_admission_step_admission_duration_seconds_count\{operation="(\w+)",rejected="(\w+)",type="(\w+)"\} (\S+)$'
        found = [*re.findall(plugin, text, re.MULTILINE), *re.findall(step, text, re.MULTILINE)]
        return {tuple(labels): float(count) for *labels, count in found}

    before = counts()
    core.create_namespaced_config_map("default", {"metadata": {"name": "one"}})
    with pytest.raises(client.ApiException):
        core.create_namespaced_config_map("nowhere", {"metadata": {"name": "one"}})
    after = counts()
    for labels in (
        ("NamespaceLifecycle", "CREATE", "false", "admit"),
        ("NamespaceLifecycle", "CREATE", "true", "admit"),
        ("Priority", "CREATE", "false", "admit"),
        ("ResourceQuota", "CREATE", "false", "validate"),
        ("CREATE", "false", "admit"),
        ("CREATE", "true", "admit"),
        ("CREATE", "false", "validate"),
    ):
        assert after[labels] - before.get(labels, 0) == 1, labels
