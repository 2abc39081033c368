"""The environment of containers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from watchcache.api import causes, names
from watchcache.api.status import Cause
from watchcache.api.validation.paths import without_backsteps
from watchcache.api.validation.references import (
    FIELDS_OF_VARIABLES,
    field_causes,
    key_reference_causes,
    resource_causes,
)
from watchcache.api.validation.rules import Document, well_named

_NAME: Final = re.compile("[ -<>-~]+")
_NAME_TEXT: Final = (
    "a valid environment variable name must consist only of printable ASCII characters other than '='"
)
_SOURCES: Final = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef")
_NO_SOURCE: Final = (
    "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
)


def variable_causes(variables: list[Document], path: str) -> Iterator[Cause]:
    """What is wrong with single variables: each has a name, and a value or one source of it."""
    for index, variable in enumerate(variables):
        name, source = variable.get("name") or "", variable.get("valueFrom")
        where = f"{path}[{index}]"
        if not name:
            yield causes.required(f"{where}.name")
        else:
            yield from _name(name, f"{where}.name")
        if source is not None:
            yield from _source(source, variable.get("value"), f"{where}.valueFrom")


def _name(name: str, path: str) -> Iterator[Cause]:
    if not _NAME.fullmatch(name):
        yield causes.invalid(path, name, _NAME_TEXT)


def _source(source: Document, value: str | None, path: str) -> Iterator[Cause]:
    kinds = [kind for kind in _SOURCES if source.get(kind) is not None]
    for kind in kinds:
        where = f"{path}.{kind}"
        if kind == "fieldRef":
            yield from field_causes(source[kind], FIELDS_OF_VARIABLES, where)
        elif kind == "resourceFieldRef":
            yield from resource_causes(source[kind], where)
        elif kind == "fileKeyRef":
            yield from _file_key(source[kind], where)
        else:
            yield from key_reference_causes(source[kind], where)
    if not kinds:
        yield causes.invalid(path, "", _NO_SOURCE)
    elif value:
        yield causes.invalid(path, "", "may not be specified when `value` is not empty")
    elif len(kinds) > 1:
        yield causes.invalid(path, "", "may not have more than one field specified at a time")


def _file_key(reference: Document, path: str) -> Iterator[Cause]:
    key, file = reference.get("key") or "", reference.get("path") or ""
    if not key:
        yield causes.required(f"{path}.key")
    else:
        yield from _name(key, f"{path}.key")
    if not reference.get("volumeName"):
        yield causes.required(f"{path}.volumeName")
    yield from well_named(reference.get("volumeName") or "", names.label, f"{path}.volumeName")
    if not file:
        yield causes.required(f"{path}.path")
    yield from without_backsteps(file, f"{path}.path")


def variable_set_causes(sources: list[Document], path: str) -> Iterator[Cause]:
    """What is wrong with whole config maps and secrets that become variables."""
    for index, each in enumerate(sources):
        where = f"{path}[{index}]"
        if prefix := each.get("prefix"):
            yield from _name(prefix, f"{where}.prefix")
        kinds = [kind for kind in ("configMapRef", "secretRef") if each.get(kind) is not None]
        for kind in kinds:
            if not each[kind].get("name"):
                yield causes.required(f"{where}.{kind}.name")
            # The name may be the beginning of one: a generated name's last dash is allowed.
            yield from well_named(each[kind].get("name") or "", _name_or_base, f"{where}.{kind}.name")
        if not kinds:
            yield causes.invalid(path, "", "must specify one of: `configMapRef` or `secretRef`")
        elif len(kinds) > 1:
            yield causes.invalid(path, "", "may not have more than one field specified at a time")


def _name_or_base(name: str) -> list[str]:
    return names.generated_base(name, "subdomain")


def file_volume_causes(spec: Document, path: str) -> Iterator[Cause]:
    """Variables that come from files: those lie in volumes of the pod's own."""
    volumes = {volume.get("name"): volume for volume in spec.get("volumes") or ()}
    for member in ("initContainers", "containers", "ephemeralContainers"):
        for number, container in enumerate(spec.get(member) or ()):
            for index, variable in enumerate(container.get("env") or ()):
                reference = (variable.get("valueFrom") or {}).get("fileKeyRef")
                if reference is None:
                    continue
                name = reference.get("volumeName") or ""
                where = f"{path}.{member}[{number}].env[{index}].valueFrom.fileKeyRef.volumeName"
                if name not in volumes:
                    yield causes.not_found(where, name)
                elif volumes[name].get("emptyDir") is None:
                    yield causes.invalid(where, name, "referenced volume must be of type emptyDir")
