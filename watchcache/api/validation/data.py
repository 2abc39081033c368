"""Config maps and secrets: keys that can be files, sizes, what a type of secret must hold, and what is immutable."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from watchcache.api import causes
from watchcache.api.status import Cause
from watchcache.api.validation.rules import Document, Rule

_KEY: Final = re.compile(r"[-._a-zA-Z0-9]+")
_KEY_TEXT: Final = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  "
    "or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)
_KEY_LIMIT: Final = 253
_DATA_LIMIT: Final = 1 << 20
_ACCOUNT_NAME: Final = "kubernetes.io/service-account.name"
_MUST_HOLD: Final[dict[str, tuple[str, ...]]] = {
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
}


def _config_map(new: Document, old: Document | None) -> Iterator[Cause]:
    texts, binary = new.get("data") or {}, new.get("binaryData") or {}
    for key in texts:
        yield from key_causes(key, f"data[{key}]")
        if key in binary:
            yield causes.invalid(f"data[{key}]", key, "duplicate of key present in binaryData")
    for key in binary:
        yield from key_causes(key, f"binaryData[{key}]")
    if (
        sum(len(text.encode()) for text in texts.values()) + sum(map(_decoded_size, binary.values()))
        > _DATA_LIMIT
    ):
        yield causes.too_long("[]", _DATA_LIMIT)
    yield from _immutable(new, old, ("data", "binaryData"))


def _secret(new: Document, old: Document | None) -> Iterator[Cause]:
    data = new.get("data") or {}
    for key in data:
        yield from key_causes(key, f"data[{key}]")
    if sum(map(_decoded_size, data.values())) > _DATA_LIMIT:
        yield causes.too_long("data", _DATA_LIMIT)
    yield from _of_type(new, data)
    if old is not None and new.get("type") != old.get("type"):
        yield causes.immutable("type", new.get("type"))
    yield from _immutable(new, old, ("data",))


def _of_type(secret: Document, data: Document) -> Iterator[Cause]:
    kind = secret.get("type") or ""
    if kind == "kubernetes.io/service-account-token":
        if not (secret["metadata"].get("annotations") or {}).get(_ACCOUNT_NAME):
            yield causes.required(f"metadata.annotations[{_ACCOUNT_NAME}]")
    elif kind == "kubernetes.io/basic-auth" and not {"username", "password"} & data.keys():
        yield causes.required("data[username]")
        yield causes.required("data[password]")
    for key in _MUST_HOLD.get(kind, ()):
        if key not in data:
            yield causes.required(f"data[{key}]")


def key_causes(key: str, field: str) -> Iterator[Cause]:
    """What is wrong with a key of a config map or secret, which can become the name of a file."""
    if len(key) > _KEY_LIMIT:
        yield causes.invalid(field, key, f"must be no more than {_KEY_LIMIT} characters")
    if not _KEY.fullmatch(key):
        yield causes.invalid(field, key, _KEY_TEXT)
    elif key in {".", ".."}:
        yield causes.invalid(field, key, f"must not be '{key}'")
    elif key.startswith(".."):
        yield causes.invalid(field, key, "must not start with '..'")


def _decoded_size(encoded: str) -> int:
    return len(encoded) * 3 // 4 - encoded[-2:].count("=")


def _immutable(new: Document, old: Document | None, members: tuple[str, ...]) -> Iterator[Cause]:
    """What is marked immutable cannot be changed nor unmarked."""
    if old is None or not old.get("immutable"):
        return
    for member in ("immutable", *members):
        if new.get(member) != old.get(member):
            yield causes.forbidden(member, "field is immutable when `immutable` is set")


RULES: Final[dict[tuple[str, str], Rule]] = {("", "configmaps"): _config_map, ("", "secrets"): _secret}
