"""etcd as the storage of a server: the log from the settings, its health checks, and its metrics under kube-apiserver's names.

Part of the composition root, in a file of its own so that a server without etcd does not import protobuf.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from watchcache.api.catalog import Catalog, Resource
from watchcache.api.codec import stamp
from watchcache.api.stored import StoredForm
from watchcache.http.exposition import Family
from watchcache.http.health import Check
from watchcache.persist.etcd import Archive, Cluster, EtcdLog, EtcdUnusable, Options
from watchcache.settings import Settings, SettingsProblem
from watchcache.storage import retention_of

EVENTS = "events/"


def etcd_log(settings: Settings, catalog: Catalog) -> EtcdLog:
    """The log of a server, not open yet. Raises SettingsProblem."""
    if settings.etcd_servers_overrides:
        raise SettingsProblem(
            "--etcd-servers-overrides: all resources share one order of revisions here, and therefore one etcd; leave it out"
        )
    cluster = cluster_of(settings)
    ttl = settings.event_ttl
    try:
        if cluster.logs_in:
            cluster.login()
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
                ready=settings.etcd_readycheck_timeout,
                sizes=settings.etcd_db_metric_poll_interval,
            ),
            archive=archive_of(settings),
            ring_bytes=settings.window_bytes,
        )
    except EtcdUnusable as problem:
        raise SettingsProblem(str(problem)) from None


def cluster_of(settings: Settings) -> Cluster:
    """How to reach the etcd. Raises SettingsProblem."""
    return Cluster(
        settings.etcd_servers,
        ca=settings.etcd_cafile,
        certificate=settings.etcd_certfile,
        key=settings.etcd_keyfile,
        credentials=settings.etcd_credentials_file,
    )


def archive_of(settings: Settings) -> Archive | None:
    """Where a server keeps history, if it does."""
    if settings.history_dir == "none":
        return None
    return Archive(
        settings.history_dir or settings.data_dir / "etcd-history", retention=retention_of(settings)
    )


def checks(log: EtcdLog) -> list[Check]:
    """The health checks that kube-apiserver has of its etcd."""

    def etcd() -> str | None:
        return log.problem

    def etcd_readiness() -> str | None:
        return log.unready

    return [Check("etcd", etcd), Check("etcd-readiness", etcd_readiness, ("readyz",))]


def families(log: EtcdLog, catalog: Catalog) -> Iterable[Family]:
    """The metrics of the storage, read at the scrape."""
    return _families(log, {resource.storage_prefix: resource for resource in catalog.stored()})


def metrics_source(log: EtcdLog, catalog: Catalog) -> partial[Iterable[Family]]:
    """What the server's metrics page asks."""
    return partial(families, log, catalog)


def _families(log: EtcdLog, resources: Mapping[str, Resource]) -> Iterator[Family]:
    figures = log.figures
    labels = ("operation", "group", "resource")

    def labelled(key: tuple[str, str]) -> tuple[str, str, str]:
        operation, place = key
        resource = resources.get(place)
        return (operation, "", "") if resource is None else (operation, resource.group, resource.plural)

    def histogram(name: str, text: str) -> Family:
        return _family("histogram", name, text, labels, durations)

    durations = [(labelled(key), spent) for key, spent in sorted(figures.operations.items())]
    counts = [(values, sum(spent.counts)) for values, spent in durations]
    errors = [(labelled(key), count) for key, count in sorted(figures.errors.items())]
    yield histogram("etcd_request_duration_seconds", "Duration of requests to etcd.")
    yield _family("counter", "etcd_requests_total", "Requests to etcd.", labels, counts)
    yield _family("counter", "etcd_request_errors_total", "Requests to etcd that failed.", labels, errors)
    yield from _lists(log, resources)
    yield from _of_the_feed(log)
    calls = [((path,), spent) for path, spent in sorted(figures.seconds.items())]
    text = "Duration of calls of etcd."
    yield _family("histogram", "watchcache_etcd_call_duration_seconds", text, ("method",), calls)
    failures = [((path,), count) for path, count in sorted(figures.failures.items())]
    text = "Calls of etcd that failed."
    yield _family("counter", "watchcache_etcd_call_failures_total", text, ("method",), failures)


def _lists(log: EtcdLog, resources: Mapping[str, Resource]) -> Iterator[Family]:
    """What was read of etcd as lists: everything, at a start and when it had to be read anew. Clients' lists are never among them."""
    figures = log.figures
    labels = ("group", "resource")
    rows: tuple[tuple[str, str, Callable[[str], int]], ...] = (
        ("total", "Number of LIST requests served from storage.", lambda _: figures.readings),
        ("fetched_objects_total", "Objects read from storage for lists.", lambda place: figures.fetched.get(place, 0)),
        ("evaluated_objects_total", "Objects tested for lists from storage.", lambda place: figures.fetched.get(place, 0)),
        ("returned_objects_total", "Objects returned for lists from storage.", lambda place: figures.returned.get(place, 0)),
    )  # fmt: skip
    for name, text, value in rows:
        samples = [((each.group, each.plural), value(place)) for place, each in sorted(resources.items())]
        yield _family("counter", f"apiserver_storage_list_{name}", text, labels, samples)


def _of_the_feed(log: EtcdLog) -> Iterator[Family]:
    figures = log.figures
    everything = ("", "")  # one watch feeds all resources: the labels that name one are empty
    labels = ("group", "resource")
    text = "Progress notifications from etcd."
    yield _family("counter", "etcd_bookmark_total", text, labels, [(everything, figures.progress)])
    name, text = "etcd_lease_object_counts", "Number of objects attached to a single etcd lease."
    yield _family("histogram", name, text, (), [((), figures.lease_keys)])
    name, text = "watchcache_etcd_revision_seconds", "What consistent reads wait for etcd's newest revision."
    yield _family("histogram", name, text, (), [((), figures.waits)])
    name, text = "watchcache_etcd_reconnects_total", "Ends of the watch of etcd."
    yield _family("counter", name, text, (), [((), figures.reconnects)])
    name, text = "watchcache_etcd_history_bytes", "What the files of history take."
    yield _family("gauge", name, text, (), [((), log.history_bytes)])
    name, text = "watchcache_etcd_rereads_total", "Times that everything was read anew."
    yield _family("counter", name, text, (), [((), figures.rereads)])


def _family(
    kind: str, name: str, text: str, labels: Sequence[str], samples: Iterable[tuple[Sequence[str], Any]]
) -> Family:
    return Family(kind, name, text, labels, list(samples))
