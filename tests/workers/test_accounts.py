"""Tokens of service accounts where several processes serve: whoever gives one out, all know it, and all refuse it when its pod has gone."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from tests import etcds
from tests.workers.scene import Connection, one_of_each
from watchcache.pki import key_pem
from watchcache.testing.server import TestServer

CORE = "/api/v1/namespaces/default"
REVIEWS = "/apis/authentication.k8s.io/v1"
POD = {
    "metadata": {"name": "p"},
    "spec": {"serviceAccountName": "robot", "containers": [{"name": "c", "image": "i"}]},
}


def wait_status(connection: Connection, path: str, wanted: int) -> None:
    """Ask until the answer has a status: another process may hear of a write some milliseconds later."""
    deadline = time.monotonic() + 20
    while connection("GET", path)[0] != wanted:
        assert time.monotonic() < deadline, path
        time.sleep(0.02)


def go_through(stack: ExitStack, servers: list[tuple[TestServer, int]]) -> None:
    """Make an account and a pod by the first, have a token by the last, use it with all, delete the pod by the first."""
    admins = [
        admin
        for server, processes in servers
        for admin in stack.enter_context(one_of_each(server.url, server.ca_file, server.token, processes))
    ]
    first, last = admins[0], admins[-1]
    assert first("POST", f"{CORE}/serviceaccounts", {"metadata": {"name": "robot"}})[0] == 201
    assert first("POST", f"{CORE}/pods", POD)[0] == 201
    for admin in admins:
        wait_status(admin, f"{CORE}/pods/p", 200)
        wait_status(admin, f"{CORE}/serviceaccounts/robot", 200)
    bound = {"kind": "Pod", "apiVersion": "v1", "name": "p"}
    status, answer = last("POST", f"{CORE}/serviceaccounts/robot/token", {"spec": {"boundObjectRef": bound}})
    assert status == 201
    token = answer["status"]["token"]
    users = [
        user
        for server, processes in servers
        for user in stack.enter_context(one_of_each(server.url, server.ca_file, token, processes))
    ]
    for user in users:
        status, answer = user("POST", f"{REVIEWS}/selfsubjectreviews", {})
        assert (status, answer["status"]["userInfo"]["username"]) == (
            201,
            "system:serviceaccount:default:robot",
        )
    for admin in admins:
        review = admin("POST", f"{REVIEWS}/tokenreviews", {"spec": {"token": token}})[1]
        assert review["status"]["authenticated"] is True
        key = admin("GET", "/openid/v1/jwks")[1]
        assert key == first("GET", "/openid/v1/jwks")[1]
    assert first("DELETE", f"{CORE}/pods/p", {"gracePeriodSeconds": 0})[0] == 200
    for user in users:
        wait_status(user, f"{CORE}/pods", 401)


def test_two_workers(tmp_path: Path):
    """In memory; they sign and verify with the key that the first start made."""
    with TestServer(tmp_path, workers=2) as server, ExitStack() as stack:
        go_through(stack, [(server, 2)])


@etcds.needs_etcd
def test_two_servers_on_one_etcd(tmp_path: Path, etcd: etcds.Etcd):
    """With the same key by flag; one of them with workers."""
    key = tmp_path / "sa.key"
    key.write_bytes(key_pem(ec.generate_private_key(ec.SECP256R1())))
    where = {
        "storage_backend": "etcd3",
        "etcd_servers": (etcd.url,),
        "service_account_signing_key_file": str(key),
    }
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    with (
        TestServer(tmp_path / "one", **where) as single,
        TestServer(tmp_path / "two", workers=2, **where) as workers,
        ExitStack() as stack,
    ):
        go_through(stack, [(single, 1), (workers, 2)])
