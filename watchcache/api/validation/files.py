"""Volumes whose files are what the API knows: keys of config maps and secrets, fields of the pod, tokens, certificates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from watchcache.api import causes
from watchcache.api.status import Cause
from watchcache.api.validation.paths import file_mode, unreserved_path
from watchcache.api.validation.references import FIELDS_OF_FILES, field_causes, resource_causes
from watchcache.api.validation.rules import Document

_SHORTEST_TOKEN: Final = 10 * 60
_LONGEST_TOKEN: Final = 1 << 32
_TWICE: Final = "conflicting duplicate paths"
_SOURCES: Final = (
    "secret", "configMap", "downwardAPI", "serviceAccountToken", "clusterTrustBundle", "podCertificate",
)  # fmt: skip


def items_causes(source: Document, path: str) -> Iterator[Cause]:
    """What is wrong with the keys that become files."""
    for index, item in enumerate(source.get("items") or ()):
        yield from _item(item, f"{path}.items[{index}]")


def _item(item: Document, path: str) -> Iterator[Cause]:
    file = item.get("path") or ""
    if not item.get("key"):
        yield causes.required(f"{path}.key")
    if not file:
        yield causes.required(f"{path}.path")
    yield from unreserved_path(file, f"{path}.path")
    yield from file_mode(item.get("mode"), f"{path}.mode")


def downward_causes(source: Document, path: str) -> Iterator[Cause]:
    """What is wrong with files that have fields of the pod."""
    yield from file_mode(source.get("defaultMode"), f"{path}.defaultMode")
    for item in source.get("items") or ():
        yield from _downward_file(item, path)


def _downward_file(item: Document, path: str) -> Iterator[Cause]:
    """kube-apiserver does not say which file it is."""
    file, of_pod, of_container = item.get("path") or "", item.get("fieldRef"), item.get("resourceFieldRef")
    if not file:
        yield causes.required(f"{path}.path")
    yield from unreserved_path(file, f"{path}.path")
    if of_pod is not None:
        yield from field_causes(of_pod, FIELDS_OF_FILES, f"{path}.fieldRef")
        if of_container is not None:
            text = "fieldRef and resourceFieldRef can not be specified simultaneously"
            yield causes.invalid(path, "resource", text)
    elif of_container is not None:
        yield from resource_causes(of_container, f"{path}.resourceFieldRef", of_file=True)
    else:
        yield causes.required(path, "one of fieldRef and resourceFieldRef is required")
    yield from file_mode(item.get("mode"), f"{path}.mode")


def projected_causes(source: Document, path: str) -> Iterator[Cause]:
    """What is wrong with files of several origins in one directory."""
    yield from file_mode(source.get("defaultMode"), f"{path}.defaultMode")
    files: set[str] = set()
    for index, each in enumerate(source.get("sources") or ()):
        where = f"{path}.sources[{index}]"
        for kind in ("secret", "configMap"):
            if (keys := each.get(kind)) is not None:
                yield from _projected_keys(keys, files, f"{where}.{kind}", path)
        for item in (each.get("downwardAPI") or {}).get("items") or ():
            yield from _downward_file(item, f"{where}.downwardAPI")
            if _is_known(item, files):
                yield causes.invalid(path, item["path"], _TWICE)
        if (token := each.get("serviceAccountToken")) is not None:
            yield from _token(token, f"{where}.serviceAccountToken", path)
        if sum(each.get(kind) is not None for kind in _SOURCES) > 1:
            yield causes.forbidden(where, "may not specify more than 1 volume type per source")


def _projected_keys(source: Document, files: set[str], path: str, volume: str) -> Iterator[Cause]:
    name = source.get("name") or ""
    if not name:
        yield causes.required(f"{path}.name")
    for index, item in enumerate(source.get("items") or ()):
        yield from _item(item, f"{path}.items[{index}]")
        if _is_known(item, files):
            yield causes.invalid(volume, name, _TWICE)


def _is_known(item: Document, files: set[str]) -> bool:
    """Whether there is such a file already; there is one now."""
    file = item.get("path")
    known = file in files
    if file:
        files.add(file)
    return known


def _token(token: Document, path: str, volume: str) -> Iterator[Cause]:
    seconds, file = token.get("expirationSeconds"), token.get("path") or ""
    if seconds is not None and seconds < _SHORTEST_TOKEN:
        text = "may not specify a duration less than 10 minutes"
        yield causes.invalid(f"{path}.expirationSeconds", seconds, text)
    if seconds is not None and seconds > _LONGEST_TOKEN:
        text = "may not specify a duration larger than 2^32 seconds"
        yield causes.invalid(f"{path}.expirationSeconds", seconds, text)
    if not file:
        yield causes.required(f"{volume}.path")
    yield from unreserved_path(file, f"{volume}.path")
