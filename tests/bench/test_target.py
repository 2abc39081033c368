"""Which servers may be loaded, and how a kubeconfig says where they are."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml

from watchcache.bench import BenchProblem
from watchcache.bench.target import check_allowed, read_kubeconfig


def kubeconfig(
    tmp_path: Path, server: str = "https://127.0.0.1:6443", user: dict[str, Any] | None = None
) -> Path:
    """A kubeconfig with an embedded CA."""
    path = tmp_path / "config"
    config = {
        "clusters": [
            {
                "name": "c",
                "cluster": {"server": server, "certificate-authority-data": base64.b64encode(b"CA").decode()},
            }
        ],
        "users": [{"name": "u", "user": user or {"token": "t"}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    path.write_text(yaml.safe_dump(config))
    return path


def test_the_current_context_is_read(tmp_path: Path):
    """Address, authority and token; a token file lies beside the kubeconfig."""
    tmp_path.joinpath("token").write_text("from-file\n")
    target = read_kubeconfig(kubeconfig(tmp_path, user={"tokenFile": "token"}))
    assert (target.host, target.port, target.authority, target.token) == (
        "127.0.0.1",
        6443,
        "CA",
        "from-file",
    )


@pytest.mark.parametrize("server", ["https://127.0.0.1:6443", "https://[::1]:6443", "https://localhost:6443"])
def test_loopback_may_be_loaded(tmp_path: Path, server: str):
    """The machine's own servers need no word."""
    check_allowed(read_kubeconfig(kubeconfig(tmp_path, server)), owned=False)


@pytest.mark.parametrize(
    "server", ["https://10.0.0.1:6443", "https://cluster.example", "https://[2001:db8::1]:6443"]
)
def test_other_servers_only_when_owned(tmp_path: Path, server: str):
    """The complaint names the flag; with it the server is loaded."""
    target = read_kubeconfig(kubeconfig(tmp_path, server))
    with pytest.raises(BenchProblem, match="--i-own-this-cluster"):
        check_allowed(target, owned=False)
    check_allowed(target, owned=True)


@pytest.mark.parametrize(
    ("server", "user", "message"),
    [("http://127.0.0.1:8080", None, "only https"), ("https://127.0.0.1:1", {"exec": {}}, "a program")],
)
def test_what_cannot_be_done_is_said(tmp_path: Path, server: str, user: dict[str, Any] | None, message: str):
    """Plain HTTP and credential programs."""
    with pytest.raises(BenchProblem, match=message):
        read_kubeconfig(kubeconfig(tmp_path, server, user))


def test_an_incomplete_kubeconfig_is_named(tmp_path: Path):
    """The file's name and what is missing."""
    tmp_path.joinpath("config").write_text("current-context: x\ncontexts: []\n")
    with pytest.raises(BenchProblem, match="no context 'x'"):
        read_kubeconfig(tmp_path / "config")
