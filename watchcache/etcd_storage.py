"""etcd as the storage of a server: the log from the settings, its health checks, and its metrics under kube-apiserver's names.

Part of the composition root, in a file of its own so that a server without etcd does not import protobuf.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from watchcache.api.catalog import Catalog, Resource
from watchcache.api.codec import stamp
from watchcache.api.stored import StoredForm
from watchcache.http.exposition import Family
from watchcache.http.health import Check
from watchcache.persist.etcd import Archive, Cluster, EtcdLog, EtcdUnusable, Figures, Options
from watchcache.settings import Settings, SettingsProblem
from watchcache.storage import Override, Storage, retention_of

EVENTS = "events/"


# One transaction writes a service and what it holds (`registry/claims.py`), so they are in one etcd.
TOGETHER = frozenset({"services/specs", "ipaddresses"})


def open_storage(settings: Settings, catalog: Catalog) -> Storage:
    """The storage of a server: the log of --etcd-servers, and one for each list of servers among the overrides. Raises SettingsProblem."""
    figures = Figures()
    log = _log(settings, catalog, settings.etcd_servers, "", figures)
    storage = Storage(log, _place(settings, settings.etcd_servers), log, log.newest, checks(log))
    logs = [log]
    for number, (servers, prefixes) in enumerate(overrides_of(settings, catalog).items()):
        names = "-".join(sorted(prefix.replace("/", "-") for prefix in prefixes))
        other = _log(settings, catalog, servers, f"-{names}", figures)
        logs.append(other)
        storage.overrides.append(Override(frozenset(prefixes), other, other.newest))
        storage.checks.extend(checks(other, f"etcd-override-{number}", f"etcd-override-readiness-{number}"))
        storage.kept += f"; {', '.join(sorted(prefixes))} in {_place(settings, servers)}"
    storage.metrics.append(metrics_source(logs, catalog))
    return storage


def _place(settings: Settings, servers: Sequence[str]) -> str:
    return f"etcd at {','.join(servers)}, prefix {settings.etcd_prefix}"


def overrides_of(settings: Settings, catalog: Catalog) -> dict[tuple[str, ...], set[str]]:
    """The servers of --etcd-servers-overrides, and the storage prefixes of what is kept there. Raises SettingsProblem."""
    found: dict[tuple[str, ...], set[str]] = {}
    taken: set[str] = set()
    for text in settings.etcd_servers_overrides:
        name, _, servers = text.partition("#")
        group, slash, plural = name.partition("/")
        urls = tuple(url for url in servers.split(";") if url)
        if not urls or not slash or not plural:
            raise SettingsProblem(
                f'--etcd-servers-overrides: "{text}" is not group/resource#servers, like /events#http://10.0.0.1:2379;http://10.0.0.2:2379'
            )
        prefix = next(
            (
                each.storage_prefix
                for each in catalog.stored()
                if (each.group, each.plural) == (group, plural)
            ),
            "",
        )
        if not prefix:
            raise SettingsProblem(
                f'--etcd-servers-overrides: no resource "{plural}" is kept in the group "{group}"; name the group that it is stored in, like /events'
            )
        if prefix in TOGETHER:
            raise SettingsProblem(
                f"--etcd-servers-overrides: {plural} cannot be kept elsewhere: a service and its addresses are written in one step"
            )
        if prefix in taken:
            raise SettingsProblem(f"--etcd-servers-overrides: {name} is named twice")
        taken.add(prefix)
        found.setdefault(urls, set()).add(prefix)
    return found


def _log(
    settings: Settings, catalog: Catalog, servers: tuple[str, ...], suffix: str, figures: Figures
) -> EtcdLog:
    """A log of a server, not open yet; `suffix` tells its files of history from others'. Raises SettingsProblem."""
    cluster = cluster_of(settings, servers, "--etcd-servers-overrides" if suffix else "--etcd-servers")
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
            archive=archive_of(settings, suffix),
            ring_bytes=settings.window_bytes,
            figures=figures,
        )
    except EtcdUnusable as problem:
        raise SettingsProblem(str(problem)) from None


def cluster_of(settings: Settings, servers: tuple[str, ...], flag: str = "--etcd-servers") -> Cluster:
    """How to reach the etcd that a flag names."""
    return Cluster(
        servers,
        ca=settings.etcd_cafile,
        certificate=settings.etcd_certfile,
        key=settings.etcd_keyfile,
        credentials=settings.etcd_credentials_file,
        flag=flag,
    )


def archive_of(settings: Settings, suffix: str = "") -> Archive | None:
    """Where a server keeps history, if it does; `suffix` ends the directory's name."""
    if settings.history_dir == "none":
        return None
    directory = settings.history_dir or settings.data_dir / "etcd-history"
    return Archive(Path(f"{directory}{suffix}"), retention=retention_of(settings))


def checks(log: EtcdLog, name: str = "etcd", ready: str = "etcd-readiness") -> list[Check]:
    """The health checks that kube-apiserver has of its etcd."""

    def etcd() -> str | None:
        return log.problem

    def etcd_readiness() -> str | None:
        return log.unready

    return [Check(name, etcd), Check(ready, etcd_readiness, ("readyz",))]


def families(logs: Sequence[EtcdLog], catalog: Catalog) -> Iterable[Family]:
    """The metrics of the storage, read at the scrape. What the logs count they count together."""
    return _families(logs, {resource.storage_prefix: resource for resource in catalog.stored()})


def metrics_source(logs: Sequence[EtcdLog], catalog: Catalog) -> partial[Iterable[Family]]:
    """What the server's metrics page asks."""
    return partial(families, logs, catalog)


def _families(logs: Sequence[EtcdLog], resources: Mapping[str, Resource]) -> Iterator[Family]:
    figures = logs[0].figures
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
    yield from _lists(figures, resources)
    yield from _of_the_feed(figures, sum(log.history_bytes for log in logs))
    calls = [((path,), spent) for path, spent in sorted(figures.seconds.items())]
    text = "Duration of calls of etcd."
    yield _family("histogram", "watchcache_etcd_call_duration_seconds", text, ("method",), calls)
    failures = [((path,), count) for path, count in sorted(figures.failures.items())]
    text = "Calls of etcd that failed."
    yield _family("counter", "watchcache_etcd_call_failures_total", text, ("method",), failures)


def _lists(figures: Figures, resources: Mapping[str, Resource]) -> Iterator[Family]:
    """What was read of etcd as lists: everything, at a start and when it had to be read anew. Clients' lists are never among them."""
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


def _of_the_feed(figures: Figures, history_bytes: int) -> Iterator[Family]:
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
    yield _family("gauge", name, text, (), [((), history_bytes)])
    name, text = "watchcache_etcd_rereads_total", "Times that everything was read anew."
    yield _family("counter", name, text, (), [((), figures.rereads)])


def _family(
    kind: str, name: str, text: str, labels: Sequence[str], samples: Iterable[tuple[Sequence[str], Any]]
) -> Family:
    return Family(kind, name, text, labels, list(samples))
