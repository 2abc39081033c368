"""The flags of `watchcache serve`: kube-apiserver's names and defaults where they exist, ours under `--watchcache-`.

Rules. A flag is honoured (it has a row in `HONOURED`) or it is known from kube-apiserver and named in a warning at the
start; anything else is refused. Precedence: command line, environment (`WATCHCACHE_` and the name in capitals), the
configuration file, the default. The table is what `--help`, the configuration file and docs/flags.md are made from.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

from watchcache.cli import values
from watchcache.cli.plugins import plugins
from watchcache.settings import Settings


class Flag(NamedTuple):
    """One honoured flag."""

    name: str
    section: str
    attribute: str  # of Settings
    parse: Callable[[str], Any]
    help: str
    choices: tuple[str, ...] = ()


V = values
HONOURED = (
    Flag("bind-address", "Listening", "bind_address", V.address, "the address to listen on; 0.0.0.0 lets other machines in"),
    Flag("secure-port", "Listening", "secure_port", V.port, "the port; 0 picks a free one and prints it"),
    Flag("advertise-address", "Listening", "advertise_address", V.address, "the address that clients in the cluster should use"),
    Flag("external-hostname", "Listening", "external_hostname", V.text, "a further name for the serving certificate"),
    Flag("permit-port-sharing", "Listening", "permit_port_sharing", V.boolean, "several servers may listen on the port (SO_REUSEPORT)"),
    Flag("cert-dir", "TLS", "cert_dir", Path, "where the first start puts its CA and certificates"),
    Flag("tls-cert-file", "TLS", "tls_cert_file", V.text, "serve with this certificate instead of our own"),
    Flag("tls-private-key-file", "TLS", "tls_private_key_file", V.text, "the key of --tls-cert-file"),
    Flag("tls-min-version", "TLS", "tls_min_version", V.text, "the oldest TLS to accept", ("VersionTLS12", "VersionTLS13")),
    Flag("tls-cipher-suites", "TLS", "tls_cipher_suites", V.comma_list, "the cipher suites of TLS 1.2 to offer, by Go's or OpenSSL's names"),
    Flag("disable-http2-serving", "TLS", "disable_http2_serving", V.boolean, "speak HTTP/1.1 only"),
    Flag("http2-max-streams-per-connection", "TLS", "http2_max_streams_per_connection", V.integer, "streams of one HTTP/2 connection; 0 means 100"),
    Flag("client-ca-file", "Authentication", "client_ca_file", V.text, "also accept client certificates of this CA (CN is the user, O the groups)"),
    Flag("token-auth-file", "Authentication", "token_auth_file", V.text, 'a CSV file of token,user,uid,"group1,group2"; read again when it changes'),
    Flag("anonymous-auth", "Authentication", "anonymous_auth", V.boolean, "let requests without credentials in as system:anonymous, who may do what --authorization-mode says (everything, unless it is set!)"),
    Flag("authorization-mode", "Authorization", "authorization_mode", V.modes, "who decides what users may do, in this order: AlwaysAllow, AlwaysDeny, Node, RBAC; system:masters may do everything"),
    Flag("service-account-issuer", "Authentication", "service_account_issuers", V.comma_list, "in whose name tokens of service accounts are signed, https://kubernetes.default.svc if not said; those after the first are accepted, too"),
    Flag("service-account-signing-key-file", "Authentication", "service_account_signing_key_file", V.text, "the private key that signs these tokens, instead of our own sa.key in --cert-dir; it turns on the ServiceAccount plugin"),
    Flag("service-account-key-file", "Authentication", "service_account_key_files", V.comma_list, "more keys (public, private or certificates) whose tokens are accepted"),
    Flag("service-account-jwks-uri", "Authentication", "service_account_jwks_uri", V.text, "where OpenID discovery says that the keys are, if not here"),
    Flag("service-account-lookup", "Authentication", "service_account_lookup", V.boolean, "tokens that secrets keep are good only while these do"),
    Flag("service-account-max-token-expiration", "Authentication", "service_account_max_token_expiration", V.duration, "the longest that a new token is valid, an hour or more; 0 leaves it to who asks"),
    Flag("service-account-extend-token-expiration", "Authentication", "service_account_extend_token_expiration", V.boolean, "tokens that the ServiceAccount plugin puts into pods are valid for a year"),
    Flag("api-audiences", "Authentication", "api_audiences", V.comma_list, "whom tokens must be meant for to be good here; the issuer if not said"),
    Flag("enable-admission-plugins", "Requests", "enable_admission_plugins", plugins, "admission plugins that are off by default: ServiceAccount, NodeRestriction"),
    Flag("disable-admission-plugins", "Requests", "disable_admission_plugins", plugins, "admission plugins to do without"),
    Flag("write-kubeconfig", "Authentication", "write_kubeconfig", V.text, "where the administrator's kubeconfig goes instead of <cert-dir>/admin.kubeconfig"),
    Flag("storage-backend", "Storage", "storage_backend", V.text, "what makes writes last", ("memory", "file", "etcd3")),
    Flag("watchcache-data-dir", "Storage", "data_dir", Path, "the directory of the file journal"),
    Flag("watchcache-history-dir", "Storage", "history_dir", V.text, "where a server on etcd keeps changes; empty means etcd-history in --watchcache-data-dir, none keeps none"),
    Flag("watchcache-history-time", "Storage", "history_time", V.duration, "how long changes are kept, so that a watch can resume"),
    Flag("watchcache-history-bytes", "Storage", "history_bytes", V.size, "how many bytes of changes are kept at most"),
    Flag("watchcache-history-revisions", "Storage", "history_revisions", V.integer, "how many changes are kept at most; 0 means any number"),
    Flag("watchcache-window-bytes", "Storage", "window_bytes", V.size, "bytes of newest changes held in memory, for the log and for each resource; what is older is read from the history"),
    Flag("etcd-servers", "etcd", "etcd_servers", V.comma_list, "the members of the cluster for --storage-backend=etcd3, like https://10.0.0.1:2379"),
    Flag("etcd-servers-overrides", "etcd", "etcd_servers_overrides", V.comma_list, "resources that are kept in an etcd of their own, as group/resource#URL;URL, like /events#http://10.0.0.1:2379; their revisions are that etcd's"),
    Flag("etcd-prefix", "etcd", "etcd_prefix", V.text, "what all keys begin with"),
    Flag("etcd-cafile", "etcd", "etcd_cafile", V.text, "the CA of the members' certificates"),
    Flag("etcd-certfile", "etcd", "etcd_certfile", V.text, "our client certificate for etcd; read again when it was renewed"),
    Flag("etcd-keyfile", "etcd", "etcd_keyfile", V.text, "the key of --etcd-certfile"),
    Flag("watchcache-etcd-credentials-file", "etcd", "etcd_credentials_file", V.text, "a file of one line, name:password, for an etcd with authentication; read at each login"),
    Flag("etcd-compaction-interval", "etcd", "etcd_compaction_interval", V.duration, "how long pages of a list can be continued (0: as long as there is history), and how often one of the servers on an etcd compacts it (0 leaves that to others)"),
    Flag("etcd-healthcheck-timeout", "etcd", "etcd_healthcheck_timeout", V.duration, "how long etcd may take to answer before the check named etcd fails"),
    Flag("etcd-readycheck-timeout", "etcd", "etcd_readycheck_timeout", V.duration, "the same for the check named etcd-readiness"),
    Flag("etcd-db-metric-poll-interval", "etcd", "etcd_db_metric_poll_interval", V.duration, "how often etcd is asked for the size of its database"),
    Flag("lease-reuse-duration-seconds", "etcd", "lease_reuse_duration", V.integer, "how much longer than --event-ttl a lease may be, so that many events share it"),
    Flag("event-ttl", "Storage", "event_ttl", V.duration, "how long Events live"),
    Flag("max-requests-inflight", "Requests", "max_requests_inflight", V.integer, "reading requests served at once; 0 means any number"),
    Flag("max-mutating-requests-inflight", "Requests", "max_mutating_requests_inflight", V.integer, "writing requests served at once; 0 means any number"),
    Flag("watchcache-max-list-bytes", "Requests", "max_list_bytes", V.size, "bytes of lists above 1Mi that are being sent at once; what is more gets 429; 0 means any number"),
    Flag("watchcache-max-watch-queue-bytes", "Requests", "max_watch_queue_bytes", V.size, "bytes that may wait for all watches together before those with the longest queues are held; 0 means any number"),
    Flag("request-timeout", "Requests", "request_timeout", V.duration, "the longest a request other than a watch may take"),
    Flag("min-request-timeout", "Requests", "min_request_timeout", V.integer, "seconds; a watch without a timeout ends between this and twice this"),
    Flag("service-cluster-ip-range", "Requests", "service_cluster_ip_range", V.networks, "where services get their cluster IPs from; two ranges of different families with a comma are dual-stack"),
    Flag("service-node-port-range", "Requests", "service_node_port_range", V.ports, "where services get their node ports from, both ends included"),
    Flag("default-not-ready-toleration-seconds", "Requests", "not_ready_toleration", V.seconds, "how long a pod stays on a node that is not ready, if it does not say"),
    Flag("default-unreachable-toleration-seconds", "Requests", "unreachable_toleration", V.seconds, "the same for a node that cannot be reached"),
    Flag("goaway-chance", "Requests", "goaway_chance", V.chance, "how likely an HTTP/2 request sends its connection away, so that clients spread over several servers; at most 0.02"),
    Flag("watchcache-host", "Process", "host", V.text, "what carries HTTP: our wire host or Hypercorn", ("wire", "hypercorn")),
    Flag("watchcache-workers", "Process", "workers", V.workers, "serving processes beside the one that writes; auto: one for each core; 0: one process does everything"),
    Flag("watchcache-worker-timeout", "Process", "worker_timeout", V.duration, "a worker that does not answer the process that writes for so long is killed and replaced; 0: never"),
    Flag("shutdown-delay-duration", "Process", "shutdown_delay_duration", V.duration, "after SIGTERM, go on serving this long with /readyz failing"),
    Flag("shutdown-send-retry-after", "Process", "shutdown_send_retry_after", V.boolean, "answer 429 with Retry-After while running requests finish"),
    Flag("shutdown-watch-termination-grace-period", "Process", "shutdown_watch_termination_grace_period", V.duration, "above 0, watches end at a shutdown before running requests have finished, not after"),
    Flag("profiling", "Process", "profiling", V.boolean, "serve /debug/watchers to authenticated users"),
    Flag("v", "Process", "verbosity", V.integer, "how much to log; 3 logs each request"),
    Flag("logging-format", "Process", "logging_format", V.text, "how log lines look", ("text", "json")),
)  # fmt: skip
BY_NAME = {flag.name: flag for flag in HONOURED}
BOOLEAN_TYPES = {"bool"}
# Accepted where kube-apiserver's flag asks for what we do anyway: no warning is owed for these values.
SAME_AS_OURS: Mapping[str, tuple[str, ...]] = {
    "storage-media-type": ("application/json",),
    "watch-cache": ("true",),
    "allow-privileged": ("true",),
    "enable-priority-and-fairness": ("false",),
    "permit-address-sharing": ("true",),
}


def known() -> dict[str, list[str]]:
    """Every flag of kube-apiserver: name -> [section, type, default]."""
    table: dict[str, list[str]] = json.loads(
        resources.files("watchcache.cli").joinpath("data/flags.json").read_bytes()
    )
    return table


def parse(flag: Flag, text: str) -> Any:
    """The value of an honoured flag.

    Raises `ValueError` with what is wrong, without the flag's name.
    """
    if flag.choices and text not in flag.choices:
        raise ValueError(f'"{text}" is none of {", ".join(flag.choices)}')
    return flag.parse(text)


def shown_default(flag: Flag, settings: Settings) -> str:
    """A default as a person would write it on the command line; empty when there is none."""
    value = getattr(settings, flag.attribute)
    if flag.parse is V.duration:
        return readable_duration(value)
    if flag.parse is V.size:
        return f"{value >> 30}Gi" if value % (1 << 30) == 0 else f"{value >> 20}Mi"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(value)
    return str(value).replace(str(Path.home()), "~") if isinstance(value, Path) else str(value)


def readable_duration(seconds: float) -> str:
    """`3600.0` as `1h`, `60.0` as `1m`, `0.5` as `500ms`."""
    for unit, length in (("h", 3600), ("m", 60), ("s", 1)):
        if seconds >= length and round(seconds * 1000) % (length * 1000) == 0:
            return f"{int(seconds // length)}{unit}"
    return f"{round(seconds * 1000)}ms" if seconds else "0s"
