"""Where an etcd cluster is, and how to speak to it: endpoints and TLS."""

from __future__ import annotations

import logging
import ssl
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from watchcache.persist.etcd.errors import EtcdUnusable

_logger = logging.getLogger(__name__)


class Cluster(msgspec.Struct, frozen=True):
    """How to reach an etcd cluster: URLs as of --etcd-servers, PEM files (empty: none), and name and password.

    Those stand in a file of one line, `name:password` (empty: no login), which is read at each login. `flag` is what the URLs
    were given by, for who reads that one is wrong.
    """

    urls: tuple[str, ...]
    ca: str = ""
    certificate: str = ""
    key: str = ""
    credentials: str = ""
    flag: str = "--etcd-servers"

    @property
    def logs_in(self) -> bool:
        """Whether there are a name and a password."""
        return bool(self.credentials)

    def login(self) -> tuple[str, str]:
        """Name and password as they are in the file now. Raises EtcdUnusable."""
        path = self.credentials
        try:
            line = Path(path).read_text().strip()
        except OSError as problem:
            raise EtcdUnusable(
                f"--watchcache-etcd-credentials-file: cannot read {path}: {problem.strerror}"
            ) from None
        user, colon, password = line.partition(":")
        if not (user and colon) or "\n" in line:
            raise EtcdUnusable(f"--watchcache-etcd-credentials-file: {path} must be one line, name:password")
        return user, password


class Endpoint(msgspec.Struct, frozen=True):
    """One member: the URL as it was given, and its parts."""

    url: str
    host: str
    port: int
    tls: bool

    @property
    def authority(self) -> str:
        """Host and port as HTTP has them."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def endpoints_of(cluster: Cluster) -> list[Endpoint]:
    """The members that were named. Raises EtcdUnusable for what is no URL of one."""
    if not cluster.urls:
        raise EtcdUnusable(
            f"{cluster.flag} names no server; for example {cluster.flag}=http://127.0.0.1:2379"
        )
    return [_endpoint(url, cluster.flag) for url in cluster.urls]


def _endpoint(url: str, flag: str) -> Endpoint:
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        host, port = parts.hostname, parts.port or 2379
    except ValueError:
        host = None
    if not host or parts.scheme not in {"http", "https"} or parts.path not in {"", "/"}:
        raise EtcdUnusable(f'{flag}: "{url}" is no URL of an etcd, like https://10.0.0.1:2379')
    return Endpoint(url, host, port, parts.scheme == "https")


class Tls:
    """The TLS context, made again when a file has changed: certificates are renewed in place while a server runs."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._context: ssl.SSLContext | None = None
        self._files: list[tuple[int, int] | None] = []

    def context(self) -> ssl.SSLContext:
        """For the next connection. Raises EtcdUnusable when there was never one; what is half written leaves the last in use."""
        files = [_state_of(path) for path in (self._cluster.ca, self._cluster.certificate, self._cluster.key)]
        if self._context is None:
            self._context, self._files = tls_of(self._cluster), files
        elif files != self._files:
            try:
                self._context, self._files = tls_of(self._cluster), files
            except EtcdUnusable as problem:
                _logger.warning("the certificates for etcd stay those that were read before: %s", problem)
        return self._context


def _state_of(path: str) -> tuple[int, int] | None:
    try:
        found = Path(path).stat() if path else None
    except OSError:
        return None
    return None if found is None else (found.st_mtime_ns, found.st_size)


def tls_of(cluster: Cluster) -> ssl.SSLContext:
    """How to trust the members, and what to show them. Raises EtcdUnusable."""
    if bool(cluster.certificate) != bool(cluster.key):
        raise EtcdUnusable("--etcd-certfile and --etcd-keyfile go together")
    flags = {
        cluster.ca: "--etcd-cafile",
        cluster.certificate: "--etcd-certfile",
        cluster.key: "--etcd-keyfile",
    }
    for path, flag in flags.items():
        _check_readable(flag, path)
    try:
        context = ssl.create_default_context(cafile=cluster.ca or None)
    except ssl.SSLError as problem:
        raise EtcdUnusable(f"--etcd-cafile: {cluster.ca} holds no certificates: {problem}") from None
    try:
        if cluster.certificate:
            context.load_cert_chain(cluster.certificate, cluster.key)
    except ssl.SSLError as problem:
        raise EtcdUnusable(
            f"--etcd-certfile and --etcd-keyfile: {cluster.certificate} and {cluster.key} are no pair: {problem}"
        ) from None
    context.set_alpn_protocols(["h2"])
    return context


def _check_readable(flag: str, path: str) -> None:
    try:
        if path:
            Path(path).read_bytes()
    except OSError as problem:
        raise EtcdUnusable(f"{flag}: cannot read {path}: {problem.strerror}") from None
