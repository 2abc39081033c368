"""Where an etcd cluster is, and how to speak to it: endpoints, TLS, the options of a channel."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import grpc
import msgspec

from watchcache.persist.etcd.errors import EtcdUnusable

_OPTIONS = (
    ("grpc.max_receive_message_length", -1),  # a watch response may be large, fragments or not
    ("grpc.max_send_message_length", -1),  # etcd has a limit of its own, and says what it is
    # A frozen member is noticed after 15 s by whoever has a stream open there. etcd closes the connection of a client that asks more often
    # than every 5 s.
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 2_000),  # also how long an attempt to connect may take
    ("grpc.max_reconnect_backoff_ms", 3_000),
    ("grpc.enable_retries", 0),  # whether a call may be repeated is for us to say
    ("grpc.use_local_subchannel_pool", 1),
)


class Cluster(msgspec.Struct, frozen=True):
    """How to reach an etcd cluster: URLs as of --etcd-servers, PEM files (empty: none), name and password (empty: no login)."""

    urls: tuple[str, ...]
    ca: str = ""
    certificate: str = ""
    key: str = ""
    user: str = ""
    password: str = ""


class Endpoint(msgspec.Struct, frozen=True):
    """One member: the URL as it was given, and what gRPC calls it."""

    url: str
    target: str
    tls: bool


def endpoints_of(cluster: Cluster) -> list[Endpoint]:
    """The members that were named. Raises EtcdUnusable for what is no URL of one."""
    if not cluster.urls:
        raise EtcdUnusable("--etcd-servers names no server; for example --etcd-servers=http://127.0.0.1:2379")
    return [_endpoint(url) for url in cluster.urls]


def _endpoint(url: str) -> Endpoint:
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        host, port = parts.hostname, parts.port or 2379
    except ValueError:
        host = None
    if not host or parts.scheme not in {"http", "https"} or parts.path not in {"", "/"}:
        raise EtcdUnusable(f'--etcd-servers: "{url}" is no URL of an etcd, like https://10.0.0.1:2379')
    return Endpoint(url, f"[{host}]:{port}" if ":" in host else f"{host}:{port}", parts.scheme == "https")


def open_channel(endpoint: Endpoint, cluster: Cluster) -> grpc.Channel:
    """A channel to one member; it connects at the first call."""
    if not endpoint.tls:
        return grpc.insecure_channel(endpoint.target, _OPTIONS)
    if bool(cluster.certificate) != bool(cluster.key):
        raise EtcdUnusable("--etcd-certfile and --etcd-keyfile go together")
    credentials = grpc.ssl_channel_credentials(
        root_certificates=_read("--etcd-cafile", cluster.ca),
        private_key=_read("--etcd-keyfile", cluster.key),
        certificate_chain=_read("--etcd-certfile", cluster.certificate),
    )
    return grpc.secure_channel(endpoint.target, credentials, _OPTIONS)


def _read(flag: str, path: str) -> bytes | None:
    if not path:
        return None
    try:
        return Path(path).read_bytes()
    except OSError as problem:
        raise EtcdUnusable(f"{flag}: cannot read {path}: {problem.strerror}") from None
