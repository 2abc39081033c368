"""Connections of which one knows which process answers them."""

from __future__ import annotations

import http.client
import json
import os
import re
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from watchcache.testing.server import TestServer

ROOT = Path(__file__).parent.parent.parent
MAPS = "/api/v1/namespaces/default/configmaps"
TRIES = 200  # the kernel deals connections out by their ports: that many never reach one process only


class Connection:
    """One connection of an administrator's; `process` names who answers: the part of Audit-Ids that a process shares."""

    def __init__(self, url: str, ca_file: Path, token: str) -> None:
        host, _, port = url.removeprefix("https://").partition(":")
        context = ssl.create_default_context(cafile=str(ca_file))
        self._connection = http.client.HTTPSConnection(host, int(port), context=context, timeout=20)
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._response: http.client.HTTPResponse | None = None
        try:
            self._connection.request("GET", "/version", headers=self._headers)
            response = self._connection.getresponse()
            response.read()
        except BaseException:
            self._connection.close()
            raise
        self.process = response.headers["Audit-Id"][:-12]

    def __call__(
        self, method: str, path: str, document: Any = None, media_type: str = "application/json"
    ) -> tuple[int, Any]:
        """The status and the document of an answer."""
        body = None if document is None else json.dumps(document)
        self._connection.request(method, path, body, {**self._headers, "Content-Type": media_type})
        response = self._connection.getresponse()
        text = response.read()
        is_json = response.headers.get_content_type() == "application/json"
        return response.status, json.loads(text) if is_json else {"text": text.decode()}

    def text(self, path: str) -> str:
        """The body of a GET."""
        self._connection.request("GET", path, headers=self._headers)
        return self._connection.getresponse().read().decode()

    def certificate(self) -> bytes:
        """What the server showed, DER."""
        assert isinstance(self._connection.sock, ssl.SSLSocket)
        return self._connection.sock.getpeercert(binary_form=True) or b""

    def watch(self, path: str) -> None:
        """Begin a watch; `line` reads it."""
        self._connection.request("GET", path, headers=self._headers)
        self._response = self._connection.getresponse()
        assert self._response.status == 200

    def line(self) -> bytes:
        """The next event; empty when the watch has ended cleanly."""
        assert self._response is not None
        return self._response.readline()

    def rest(self) -> bytes:
        """Whatever still comes. Raises when the stream is cut."""
        assert self._response is not None
        return self._response.read()

    def create(self, name: str, **content: Any) -> dict[str, Any]:
        """A new ConfigMap."""
        status, made = self("POST", MAPS, {"metadata": {"name": name}, **content})
        assert status == 201, made
        return made

    def close(self) -> None:
        """Leave."""
        if self._response is not None:
            self._response.close()
        self._connection.close()


@contextmanager
def one_of_each(url: str, ca_file: Path, token: str, processes: int = 2) -> Iterator[list[Connection]]:
    """A connection to each of the serving processes."""
    found: dict[str, Connection] = {}
    try:
        for _ in range(TRIES):
            try:
                connection = Connection(url, ca_file, token)
            except OSError:  # it was dealt to one that has just gone
                continue
            if connection.process in found:
                connection.close()
            else:
                found[connection.process] = connection
            if len(found) == processes:
                break
        assert len(found) == processes
        yield list(found.values())
    finally:
        for connection in found.values():
            connection.close()


def each_of(server: TestServer) -> Any:
    """A connection to each of a server's workers."""
    return one_of_each(server.url, server.ca_file, server.token)


def workers_of(pid: int) -> set[int]:
    """The processes of a server's workers."""
    found = set()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            command = (entry / "cmdline").read_bytes()
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if parent == pid and b"watchcache.workers" in command:
            found.add(int(entry.name))
    return found


def is_there(pid: int) -> bool:
    """Whether a process runs; one that only waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def own_workers() -> set[int]:
    """Those of the servers in this process."""
    return workers_of(os.getpid())


@contextmanager
def process(directory: Path, workers: int, *flags: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A server as it is started by hand, on a file journal, and its URL."""
    (directory / "tokens.csv").write_text('secret,admin,admin,"system:masters"\n')
    command = [sys.executable, "-m", "watchcache", "serve", "--secure-port=0"]
    command += [f"--cert-dir={directory}/pki", f"--watchcache-data-dir={directory}/data"]
    command += [f"--token-auth-file={directory}/tokens.csv", f"--watchcache-workers={workers}", *flags]
    with (directory / "errors").open("ab") as errors:
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, cwd=ROOT)
    assert server.stdout is not None
    try:
        line = server.stdout.readline().decode()
        match = re.search(r"serving (https://\S+)", line)
        assert match, line + (directory / "errors").read_text()
        yield server, match[1]
    finally:
        server.kill()
        server.wait(10)
        server.stdout.close()
