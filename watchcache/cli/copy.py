"""`watchcache copy`: a whole state from one store to another, read back and compared."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec
import trio

from watchcache.api.codec import stamp
from watchcache.cli.parser import parser
from watchcache.cli.values import duration
from watchcache.log import JournalError
from watchcache.persist import Contents, checksum, read_directory, write_directory
from watchcache.settings import Settings, SettingsProblem

if TYPE_CHECKING:
    from watchcache.api.stored import StoredForm
    from watchcache.persist.etcd import Place

FORMS = "file:DIR, or etcd:URL[,URL...][/PREFIX]"
EVENTS = "events/"
DEFINITIONS = "apiextensions.k8s.io/customresourcedefinitions/"


class End(msgspec.Struct, frozen=True):
    """One end of a copy as it was named: a directory, or URLs of an etcd and the prefix in it."""

    directory: Path | None = None
    urls: tuple[str, ...] = ()
    prefix: str = ""

    def __str__(self) -> str:
        if self.directory is not None:
            return f"file:{self.directory}"
        return f"etcd at {','.join(self.urls)}, prefix {self.prefix}"


def copy(arguments: Sequence[str]) -> int:
    """Copy; the status is 2 when nothing could be done, 1 when what was written is not what was read."""
    chosen = _options().parse_args(arguments)
    source = end_of("--from", chosen.source, chosen.etcd_prefix)
    target = end_of("--to", chosen.target, chosen.etcd_prefix)
    logging.getLogger("watchcache").setLevel(logging.ERROR)  # what is wrong is said once, at the end
    status, problem = 0, ""
    try:
        status = trio.run(_copy, source, target, chosen)
    except* (JournalError, OSError, SettingsProblem) as group:
        problem = str(_first(group))
    if problem:
        raise SettingsProblem(problem)
    return status


def _options() -> argparse.ArgumentParser:
    options = parser(
        "copy",
        "Copy all objects from a data directory or an etcd to another, and compare both. The TLS flags are for both ends.",
    )
    options.add_argument("--from", dest="source", required=True, metavar="STORE", help=f"where from: {FORMS}")
    options.add_argument("--to", dest="target", required=True, metavar="STORE", help=f"where to: {FORMS}")
    options.add_argument(
        "--replace",
        action="store_true",
        help="the target may hold something: a directory is renamed, keys in etcd are deleted",
    )
    options.add_argument("--etcd-prefix", default="/registry", help="the prefix where the URL names none")
    options.add_argument("--etcd-cafile", default="", help="the CA of the members' certificates")
    options.add_argument("--etcd-certfile", default="", help="our client certificate for etcd")
    options.add_argument("--etcd-keyfile", default="", help="the key of --etcd-certfile")
    options.add_argument(
        "--watchcache-etcd-credentials-file", default="", help="a file of one line, name:password"
    )
    options.add_argument("--event-ttl", default="1h", help="how long Events live that are written to etcd")
    return options


def end_of(flag: str, text: str, prefix: str) -> End:
    """What an end of a copy is. Raises `SettingsProblem`."""
    scheme, _, rest = text.partition(":")
    if scheme == "file" and rest:
        return End(directory=Path(rest))
    if scheme != "etcd" or not rest:
        raise SettingsProblem(f'{flag}: "{text}" is no store; write it like {FORMS}')
    urls = []
    for url in rest.split(","):
        try:
            parts = urlsplit(url)
            named = parts.hostname and parts.port is not False
        except ValueError:
            named = None
        if not named or parts.scheme not in {"http", "https"}:
            raise SettingsProblem(f'{flag}: "{url}" is no URL of an etcd, like https://10.0.0.1:2379')
        urls.append(f"{parts.scheme}://{parts.netloc}")
        prefix = parts.path.rstrip("/") or prefix
    return End(urls=tuple(urls), prefix=prefix if prefix.startswith("/") else f"/{prefix}")


async def _copy(source: End, target: End, chosen: argparse.Namespace) -> int:
    read = await _read(source, chosen)
    if read.left_out:
        places = ", ".join(f"{place} ({count})" for place, count in sorted(read.left_out.items()))
        _say(
            f"left out, because nothing here serves it: {sum(read.left_out.values())} keys below {places}",
            error=True,
        )
    written = await _write(target, read, chosen)
    _say(f"from {source}: {len(read.heads)} objects at revision {read.revision}")
    before, after = checksum(read.heads, stamp), checksum(written.heads, stamp)
    if (len(read.heads), before) != (len(written.heads), after):
        print(
            f"watchcache: {target} holds {len(written.heads)} objects with checksum {after}, and not {len(read.heads)} with {before}: do not use it",
            file=sys.stderr,
        )
        return 1
    _say(f"to {target}: {len(written.heads)} objects{_revisions(target, read, written)}")
    _say(f"checksum of both (SHA-256 over keys and values without resourceVersion): {after}")
    return 0


def _revisions(target: End, read: Contents, written: Contents) -> str:
    if target.directory is not None:
        return f", each with its resourceVersion; the next write gets {read.revision + 1}"
    return (
        f", with resourceVersions of this etcd up to {written.revision}: it gives them out itself. "
        "It is compacted to there; clients that come with older ones list anew"
    )


async def _read(source: End, chosen: argparse.Namespace) -> Contents:
    if source.directory is not None:
        return await read_directory(source.directory, stamp)
    from watchcache.persist.etcd import read_etcd

    return await read_etcd(_place(source, chosen), stamp)


async def _write(target: End, contents: Contents, chosen: argparse.Namespace) -> Contents:
    if target.directory is not None:
        return await write_directory(target.directory, contents, stamp, replace=chosen.replace)
    from watchcache.persist.etcd import write_etcd

    try:
        lifetime = duration(chosen.event_ttl)
    except ValueError as problem:
        raise SettingsProblem(f"--event-ttl: {problem}") from None
    definitions = [head.value for key, head in contents.heads.items() if key.startswith(DEFINITIONS)]
    return await write_etcd(
        _place(target, chosen, definitions),
        contents,
        stamp,
        ttl=lambda key: lifetime if key.startswith(EVENTS) else None,
        replace=chosen.replace,
    )


def _place(end: End, chosen: argparse.Namespace, definitions: Iterable[bytes] = ()) -> Place:
    from watchcache.etcd_storage import cluster_of
    from watchcache.persist.etcd import Place

    settings = Settings(
        etcd_servers=end.urls,
        etcd_cafile=chosen.etcd_cafile,
        etcd_certfile=chosen.etcd_certfile,
        etcd_keyfile=chosen.etcd_keyfile,
        etcd_credentials_file=chosen.watchcache_etcd_credentials_file,
    )
    return Place(cluster_of(settings, end.urls), end.prefix, _form(definitions))


def _form(definitions: Iterable[bytes]) -> StoredForm:
    """How objects are written: those of the built-in kinds, and the instances of definitions."""
    from watchcache.api.catalog import load_catalog
    from watchcache.api.codec import document_of
    from watchcache.api.custom.resources import definitions_of
    from watchcache.api.stored import StoredForm

    catalog = load_catalog()
    form = StoredForm(catalog)
    resource = definitions_of(catalog)
    for value in definitions:
        form.learn(document_of(value, resource))
    return form


def _say(text: str, *, error: bool = False) -> None:
    print(text, file=sys.stderr if error else sys.stdout)


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    found: BaseException = group
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found
