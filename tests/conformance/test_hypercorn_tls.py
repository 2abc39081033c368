"""Hypercorn as `serve --watchcache-host hypercorn` starts it: through TLS, with the kubeconfig it wrote."""

from __future__ import annotations

from pathlib import Path

from kubernetes import client, config

from watchcache.testing.server import TestServer


def test_the_kubeconfig_works(tmp_path: Path):
    """The administrator's kubeconfig lets the Python client in, although Hypercorn hides client certificates."""
    with (
        TestServer(tmp_path, host="hypercorn") as server,
        config.new_client_from_config(str(server.kubeconfig)) as api,
    ):
        core = client.CoreV1Api(api)
        core.create_namespaced_config_map("default", {"metadata": {"name": "a"}, "data": {"x": "1"}})
        assert core.read_namespaced_config_map("a", "default").data == {"x": "1"}
