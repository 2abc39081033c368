"""Certificate signing requests: what is asked for, and what may be decided about it through which path.

The request's own bytes are looked at no further than what kind of PEM they are.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import Final

from watchcache.api import causes
from watchcache.api.status import Cause
from watchcache.api.validation.rules import Document, Rule, one_of

_USAGES: Final = (
    "any", "cert sign", "client auth", "code signing", "content commitment", "crl sign", "data encipherment", "decipher only",
    "digital signature", "email protection", "encipher only", "ipsec end system", "ipsec tunnel", "ipsec user", "key agreement",
    "key encipherment", "microsoft sgc", "netscape sgc", "ocsp signing", "s/mime", "server auth", "signing", "timestamping",
)  # fmt: skip
_SHORTEST: Final = 600  # seconds
_DECISIONS: Final = ("Approved", "Denied")
_FINAL: Final = (*_DECISIONS, "Failed")
"""Conditions that are only ever true, and stay."""


def _request(new: Document, old: Document | None) -> Iterator[Cause]:
    if old is not None:  # what was asked for does not change
        return
    spec = new.get("spec") or {}
    if not _is_request(spec.get("request") or ""):
        text = "PEM block type must be CERTIFICATE REQUEST"
        yield causes.invalid("spec.request", spec.get("request") or "", text)
    usages = spec.get("usages") or []
    if not usages:
        yield causes.required("spec.usages")
    for index, usage in enumerate(usages):
        yield from one_of(usage, _USAGES, f"spec.usages[{index}]")
    for index, usage in enumerate(usages):
        if usage in usages[:index]:
            yield causes.duplicate(f"spec.usages[{index}]", usage)
    signer = spec.get("signerName") or ""
    if not signer:
        yield causes.required("spec.signerName")
    elif not all(signer.partition("/")[::2]):
        text = "must be a fully qualified domain and path of the form 'example.com/signer-name'"
        yield causes.invalid("spec.signerName", signer, text)
    seconds = spec.get("expirationSeconds")
    if seconds is not None and seconds < _SHORTEST:
        text = f"may not specify a duration less than {_SHORTEST} seconds (10 minutes)"
        yield causes.invalid("spec.expirationSeconds", seconds, text)


def _is_request(encoded: str) -> bool:
    try:
        return b"-----BEGIN CERTIFICATE REQUEST-----" in base64.b64decode(encoded)
    except binascii.Error:
        return False


def _approval(new: Document, old: Document | None) -> Iterator[Cause]:
    conditions = _conditions(new)
    yield from _well_formed(conditions)
    for kind in _FINAL:
        if _count(conditions, kind) < _count(_conditions(old), kind):
            yield causes.forbidden(
                "status.conditions", f'updates may not remove a condition of type "{kind}"'
            )


def _status(new: Document, old: Document | None) -> Iterator[Cause]:
    yield from _approval(new, old)
    for kind in _DECISIONS:
        if _count(_conditions(new), kind) > _count(_conditions(old), kind):
            yield causes.forbidden("status.conditions", f'updates may not add a condition of type "{kind}"')


def _well_formed(conditions: list[Document]) -> Iterator[Cause]:
    seen: list[str] = []
    for index, condition in enumerate(conditions):
        path, kind = f"status.conditions[{index}]", condition.get("type") or ""
        if not kind:
            yield causes.required(f"{path}.type")
        allowed = ("True",) if kind in _FINAL else ("False", "True", "Unknown")
        if not condition.get("status"):
            yield causes.required(f"{path}.status")
        yield from one_of(condition.get("status") or None, allowed, f"{path}.status")
        if kind in _DECISIONS and not {*_DECISIONS} - {kind, *seen}:
            text = "Approved and Denied conditions are mutually exclusive"
            yield causes.invalid("status.conditions", kind, text)
        if kind in seen:
            yield causes.duplicate(f"{path}.type", kind)
        seen.append(kind)


def _conditions(document: Document | None) -> list[Document]:
    return ((document or {}).get("status") or {}).get("conditions") or []


def _count(conditions: list[Document], kind: str) -> int:
    return sum(condition.get("type") == kind for condition in conditions)


_KIND: Final = ("certificates.k8s.io", "certificatesigningrequests")
RULES: Final[dict[tuple[str, str], Rule]] = {_KIND: _request}
STATUS_RULES: Final[dict[tuple[str, str], Rule]] = {_KIND: _status}
APPROVAL_RULES: Final[dict[tuple[str, str], Rule]] = {_KIND: _approval}
