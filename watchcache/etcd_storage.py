"""etcd as the storage of a server: the log from the settings, its health checks, and its metrics under kube-apiserver's names.

Part of the composition root, in a file of its own so that a server without etcd does not import grpcio.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from watchcache.api.catalog import Catalog
from watchcache.api.codec import stamp
from watchcache.api.stored import StoredForm
from watchcache.http.exposition import Family
from watchcache.http.health import Check
from watchcache.settings import Settings, SettingsProblem

try:
    from watchcache.persist.etcd import Cluster, EtcdLog, EtcdUnusable, Options
except ImportError as missing:
    raise SettingsProblem(
        f"--storage-backend=etcd3 needs the extra `etcd` ({missing.name} is missing): pip install 'watchcache[etcd]'"
    ) from None

EVENTS = "events/"


def etcd_log(settings: Settings, catalog: Catalog) -> EtcdLog:
    """The log of a server, not open yet. Raises SettingsProblem."""
    if settings.etcd_servers_overrides:
        raise SettingsProblem(
            "--etcd-servers-overrides: all resources share one order of revisions here, and therefore one etcd; leave it out"
        )
    user, password = _credentials(settings.etcd_credentials_file)
    cluster = Cluster(
        settings.etcd_servers,
        ca=settings.etcd_cafile,
        certificate=settings.etcd_certfile,
        key=settings.etcd_keyfile,
        user=user,
        password=password,
    )
    ttl = settings.event_ttl
    try:
        return EtcdLog(
            cluster,
            form=StoredForm(catalog),
            stamp=stamp,
            ttl=lambda key: ttl if key.startswith(EVENTS) else None,
            options=Options(
                prefix=settings.etcd_prefix,
                reuse=settings.lease_reuse_duration,
                compaction=settings.etcd_compaction_interval,
                health=settings.etcd_healthcheck_timeout,
                sizes=settings.etcd_db_metric_poll_interval,
            ),
        )
    except EtcdUnusable as problem:
        raise SettingsProblem(str(problem)) from None


def _credentials(path: str) -> tuple[str, str]:
    """Name and password from a file of one line, `name:password`."""
    if not path:
        return "", ""
    try:
        line = Path(path).read_text().strip()
    except OSError as problem:
        raise SettingsProblem(
            f"--watchcache-etcd-credentials-file: cannot read {path}: {problem.strerror}"
        ) from None
    user, colon, password = line.partition(":")
    if not (user and colon) or "\n" in line:
        raise SettingsProblem(f"--watchcache-etcd-credentials-file: {path} must be one line, name:password")
    return user, password


def checks(log: EtcdLog) -> list[Check]:
    """The health checks that kube-apiserver has of its etcd."""

    def etcd() -> str | None:
        return log.problem

    return [Check("etcd", etcd), Check("etcd-readiness", etcd, ("readyz",))]


def families(log: EtcdLog, catalog: Catalog) -> Iterable[Family]:
    """The metrics of the storage, read at the scrape."""
    return _families(log, {resource.storage_prefix: resource for resource in catalog.stored()})


def metrics_source(log: EtcdLog, catalog: Catalog) -> partial[Iterable[Family]]:
    """What the server's metrics page asks."""
    return partial(families, log, catalog)


def _families(log: EtcdLog, resources: dict[str, object]) -> Iterator[Family]:
    figures = log.figures
    labels = ("operation", "group", "resource")

    def labelled(key: tuple[str, str]) -> tuple[str, str, str]:
        operation, place = key
        resource = resources.get(place)
        return operation, getattr(resource, "group", ""), getattr(resource, "plural", "")

    durations = sorted(figures.operations.items())
    yield Family(
        "histogram",
        "etcd_request_duration_seconds",
        "Duration of writes to etcd.",
        labels,
        [(labelled(key), spent) for key, spent in durations],
    )
    yield Family(
        "counter",
        "etcd_requests_total",
        "Writes to etcd.",
        labels,
        [(labelled(key), sum(spent.counts)) for key, spent in durations],
    )
    yield Family(
        "counter",
        "etcd_request_errors_total",
        "Writes to etcd that failed.",
        labels,
        [(labelled(key), count) for key, count in sorted(figures.errors.items())],
    )
    yield from _of_the_feed(log)
    calls = [((path,), spent) for path, spent in sorted(figures.seconds.items())]
    yield Family(
        "histogram", "watchcache_etcd_call_duration_seconds", "Duration of calls of etcd.", ("method",), calls
    )
    failures = [((path,), count) for path, count in sorted(figures.failures.items())]
    yield Family(
        "counter", "watchcache_etcd_call_failures_total", "Calls of etcd that failed.", ("method",), failures
    )


def _of_the_feed(log: EtcdLog) -> Iterator[Family]:
    figures, cluster = log.figures, (log.known.cluster,)
    # One watch feeds all resources: the labels that name one are empty.
    everything = ("", "")
    yield _counter(
        "etcd_bookmark_total",
        "Progress notifications from etcd.",
        ("group", "resource"),
        everything,
        figures.progress,
    )
    yield Family(
        "gauge",
        "apiserver_storage_size_bytes",
        "Size of etcd's database.",
        ("storage_cluster_id",),
        [(cluster, log.known.size)],
    )
    yield Family(
        "counter",
        "apiserver_watch_cache_consistent_read_total",
        "Consistent reads served from the cache.",
        ("group", "resource", "success", "fallback"),
        [
            ((*everything, "true", "false"), figures.consistent_reads),
            ((*everything, "false", "false"), figures.failed_reads),
        ],
    )
    yield Family(
        "histogram",
        "watchcache_etcd_revision_seconds",
        "What consistent reads wait for etcd's newest revision.",
        (),
        [((), figures.waits)],
    )
    yield _counter("watchcache_etcd_reconnects_total", "Ends of the watch of etcd.", (), (), figures.reconnects)
    yield _counter(
        "watchcache_etcd_rereads_total",
        "Times that everything was read anew after a compaction.",
        (),
        (),
        figures.rereads,
    )


def _counter(
    name: str, text: str, labels: tuple[str, ...], values: tuple[str, ...], number: int
) -> Family:
    return Family("counter", name, text, labels, [(values, number)])
