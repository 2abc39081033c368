"""Who may do what where several processes serve: whoever takes a role or a binding, all go by it."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path

from tests import etcds
from tests.rbac.requests import BINDINGS, PODS, ROLES, TOKENS, binding, role, rule
from tests.workers.scene import Connection, one_of_each
from watchcache.testing.server import TestServer


def wait_status(connection: Connection, wanted: int) -> None:
    """Ask for the pods until the answer has a status: another process may hear of a binding some milliseconds later."""
    deadline = time.monotonic() + 20
    while connection("GET", PODS)[0] != wanted:
        assert time.monotonic() < deadline, wanted
        time.sleep(0.02)


def go_through(admins: list[Connection], users: list[Connection]) -> None:
    """Grant by the first, use by all, take back by the last."""
    for user in users:
        assert user("GET", PODS)[0] == 403
    assert admins[0]("POST", ROLES, role("reads", rule("list", "pods")))[0] == 201
    assert admins[-1]("POST", BINDINGS, binding("reads", "Role/reads", "User/bob"))[0] == 201
    for user in users:
        wait_status(user, 200)
    assert admins[-1]("DELETE", f"{BINDINGS}/reads")[0] == 200
    for user in users:
        wait_status(user, 403)
        refused = user("POST", ROLES, role("own"))[1]
        assert 'User "bob" cannot create resource "roles"' in refused["message"]


def served(stack: ExitStack, server: TestServer, processes: int) -> tuple[list[Connection], list[Connection]]:
    """Connections of an administrator and of a user to each process of a server."""
    admins, users = (
        stack.enter_context(one_of_each(server.url, server.ca_file, token, processes=processes))
        for token in ("admintoken", "bobtoken")
    )
    return admins, users


def made(directory: Path, **more: object) -> TestServer:
    """A server with users and RBAC."""
    directory.mkdir()
    (directory / "users.csv").write_text(TOKENS)
    return TestServer(
        directory, authorization_mode=("RBAC",), token_auth_file=str(directory / "users.csv"), **more
    )


def test_two_workers(tmp_path: Path):
    """In memory."""
    with made(tmp_path / "one", workers=2) as server, ExitStack() as stack:
        go_through(*served(stack, server, 2))


@etcds.needs_etcd
def test_two_servers_on_one_etcd(tmp_path: Path, etcd: etcds.Etcd):
    """One of them with workers; the second finds the standing roles of the first."""
    where = {"storage_backend": "etcd3", "etcd_servers": (etcd.url,)}
    with (
        made(tmp_path / "one", **where) as single,
        made(tmp_path / "two", workers=2, **where) as workers,
        ExitStack() as stack,
    ):
        admins, users = served(stack, single, 1)
        more_admins, more_users = served(stack, workers, 2)
        go_through([*admins, *more_admins], [*users, *more_users])
