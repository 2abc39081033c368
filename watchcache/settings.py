"""What can be set about a server, with the defaults; the command line, the configuration file and the tests all fill this in."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path


class SettingsProblem(Exception):
    """Something about the settings makes a start impossible; the text is one line that says what is wrong and what to do."""


class ServerFailed(Exception):
    """The server ran and had to give up; the text says why."""


def state_directory() -> Path:
    """Where this user's servers keep data, certificates and kubeconfig unless told otherwise (XDG_STATE_HOME)."""
    base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base) / "watchcache"


@dataclass(slots=True)
class Settings:
    """Times are seconds, sizes bytes; empty text and 0 mean what the flag of the same name says about them."""

    # where it listens and how it is found
    bind_address: str = "127.0.0.1"
    secure_port: int = 6443
    advertise_address: str = ""
    external_hostname: str = ""
    permit_port_sharing: bool = False
    # TLS
    cert_dir: Path = field(default_factory=lambda: state_directory() / "pki")
    tls_cert_file: str = ""
    tls_private_key_file: str = ""
    tls_min_version: str = "VersionTLS12"
    tls_cipher_suites: tuple[str, ...] = ()
    disable_http2_serving: bool = False
    http2_max_streams_per_connection: int = 0
    # who may come in
    client_ca_file: str = ""
    token_auth_file: str = ""
    anonymous_auth: bool = False
    authorization_mode: tuple[str, ...] = ("AlwaysAllow",)
    # service accounts
    service_account_issuers: tuple[str, ...] = ()
    service_account_signing_key_file: str = ""
    service_account_key_files: tuple[str, ...] = ()
    service_account_jwks_uri: str = ""
    service_account_lookup: bool = True
    service_account_max_token_expiration: float = 0.0
    service_account_extend_token_expiration: bool = True
    api_audiences: tuple[str, ...] = ()
    enable_admission_plugins: tuple[str, ...] = ()
    disable_admission_plugins: tuple[str, ...] = ()
    write_kubeconfig: str = ""
    # storage
    storage_backend: str = "file"
    data_dir: Path = field(default_factory=lambda: state_directory() / "data")
    history_dir: str = ""  # of a server on etcd; empty: below data_dir; "none": nowhere
    history_time: float = 3600.0
    history_bytes: int = 1 << 30
    history_revisions: int = 0
    window_bytes: int = 64 << 20
    first_revision: int = 1  # of an empty journal in memory; no flag
    event_ttl: float = 3600.0
    # etcd
    etcd_servers: tuple[str, ...] = ()
    etcd_servers_overrides: tuple[str, ...] = ()
    etcd_prefix: str = "/registry"
    etcd_cafile: str = ""
    etcd_certfile: str = ""
    etcd_keyfile: str = ""
    etcd_credentials_file: str = ""
    etcd_compaction_interval: float = 300.0
    etcd_healthcheck_timeout: float = 2.0
    etcd_readycheck_timeout: float = 2.0
    etcd_db_metric_poll_interval: float = 30.0
    lease_reuse_duration: int = 60
    # requests
    max_requests_inflight: int = 400
    max_mutating_requests_inflight: int = 200
    max_list_bytes: int = 2 << 30
    max_watch_queue_bytes: int = 512 << 20
    request_timeout: float = 60.0
    min_request_timeout: int = 1800
    service_cluster_ip_range: str = "10.0.0.0/24"
    service_node_port_range: str = "30000-32767"
    not_ready_toleration: int = 300
    unreachable_toleration: int = 300
    goaway_chance: float = 0.0
    # the process
    host: str = "wire"
    workers: int = 0  # serving processes beside this one; 0: this one serves
    worker_timeout: float = 20.0  # a worker that answers nothing for so long is replaced; 0: never
    shutdown_delay_duration: float = 0.0
    shutdown_send_retry_after: bool = False
    shutdown_watch_termination_grace_period: float = 0.0
    verbosity: int = 0
    profiling: bool = True
    logging_format: str = "text"
