"""Certificate signing requests: what is asked for, and what may be decided about it through which path.

The bytes of requests and certificates are looked at no further than what kinds of PEM they are.

Source: k/k pkg/apis/certificates/validation, pkg/apis/core/validation/names.go.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Final

from watchcache.api import causes, names
from watchcache.api.quoting import quoted
from watchcache.api.status import Cause
from watchcache.api.validation.rules import Document, Rule, one_of

_USAGES: Final = (
    "any", "cert sign", "client auth", "code signing", "content commitment", "crl sign", "data encipherment", "decipher only",
    "digital signature", "email protection", "encipher only", "ipsec end system", "ipsec tunnel", "ipsec user", "key agreement",
    "key encipherment", "microsoft sgc", "netscape sgc", "ocsp signing", "s/mime", "server auth", "signing", "timestamping",
)  # fmt: skip
_SHORTEST: Final = 600  # seconds
_UNKNOWN_SIGNER: Final = "kubernetes.io/legacy-unknown"
_LONGEST_DOMAIN: Final = 253
_LONGEST_SIGNER: Final = 571
_BLOCK: Final = re.compile(
    r"^-----BEGIN (?P<type>[^\n-]*)-----\s*\n(?P<headers>(?:[^\n:]+:[^\n]*\n)*)\s*[A-Za-z0-9+/=\s]*-----END (?P=type)-----",
    re.MULTILINE,
)
_DECISIONS: Final = ("Approved", "Denied")
_FINAL: Final = (*_DECISIONS, "Failed")
"""Conditions that are only ever true, and stay."""


def _request(new: Document, old: Document | None) -> Iterator[Cause]:
    if old is not None:  # what was asked for does not change
        return
    spec = new.get("spec") or {}
    if not _is_request(spec.get("request") or ""):
        text = "PEM block type must be CERTIFICATE REQUEST"
        yield causes.invalid("spec.request", spec.get("request"), text)
    usages = spec.get("usages") or []
    if not usages:
        yield causes.required("spec.usages")
    for index, usage in enumerate(usages):
        yield from one_of(usage, _USAGES, f"spec.usages[{index}]")
    for index, usage in enumerate(usages):
        if usage in usages[:index]:
            yield causes.duplicate(f"spec.usages[{index}]", usage)
    yield from signer_causes(spec.get("signerName") or "", "spec.signerName")
    seconds = spec.get("expirationSeconds")
    if seconds is not None and seconds < _SHORTEST:
        text = f"may not specify a duration less than {_SHORTEST} seconds (10 minutes)"
        yield causes.invalid("spec.expirationSeconds", seconds, text)


def signer_causes(signer: str, field: str) -> Iterator[Cause]:
    """What is wrong with the name of a signer, `example.com/name`."""
    domain, _, rest = signer.partition("/")
    if not signer:
        yield causes.required(field)
        return
    if signer == _UNKNOWN_SIGNER:
        yield causes.invalid(field, signer, "the legacy signerName is not allowed via this API version")
        return
    if signer.count("/") != 1:
        text = "must be a fully qualified domain and path of the form 'example.com/signer-name'"
        yield causes.invalid(field, signer, text)
        return
    if len(domain) > _LONGEST_DOMAIN:
        yield causes.too_long(field, _LONGEST_DOMAIN)
    yield from _parts(domain, names.label, field)
    if "." not in domain:
        yield causes.invalid(field, domain, "should be a domain with at least two segments separated by dots")
    yield from _parts(rest, names.subdomain, field)
    if len(signer) > _LONGEST_SIGNER:
        yield causes.too_long(field, _LONGEST_SIGNER)


def _parts(dotted: str, check: names.Check, field: str) -> Iterator[Cause]:
    """What is wrong with the first bad part."""
    for part in dotted.split("."):
        if problems := check(part):
            told = [f"validating label {quoted(part)}: {problem}" for problem in problems]
            yield from causes.each_invalid(field, dotted, told)
            return


def _is_request(encoded: str) -> bool:
    return next(_blocks(encoded), ("", ""))[0] == "CERTIFICATE REQUEST"


def _blocks(encoded: str) -> Iterator[tuple[str, str]]:
    """The PEM blocks of a text in base64: their types and headers."""
    try:
        text = base64.b64decode(encoded).decode("latin-1")
    except binascii.Error:
        return
    for found in _BLOCK.finditer(text):
        yield found["type"], found["headers"]


def _approval(new: Document, old: Document | None) -> Iterator[Cause]:
    yield from _whole_status(new, old)
    if _certificate(new) != _certificate(old):
        yield causes.forbidden("status.certificate", "updates may not set certificate content")


def _whole_status(new: Document, old: Document | None) -> Iterator[Cause]:
    conditions = _conditions(new)
    yield from _well_formed(conditions)
    if _certificate(new) != _certificate(old):
        yield from _certificate_causes(_certificate(new))
    for kind in _FINAL:
        if _count(conditions, kind) < _count(_conditions(old), kind):
            yield causes.forbidden(
                "status.conditions", f'updates may not remove a condition of type "{kind}"'
            )


def _certificate_causes(encoded: str) -> Iterator[Cause]:
    if not encoded:
        return
    blocks = list(_blocks(encoded))
    wrong = [
        f"only CERTIFICATE PEM blocks are allowed, found {quoted(type)}"
        for type, _ in blocks
        if type != "CERTIFICATE"
    ]
    if not blocks:
        wrong = ["must contain at least one CERTIFICATE PEM block"]
    elif not wrong and any(headers for _, headers in blocks):
        wrong = ["no PEM block headers are permitted"]
    yield from causes.each_invalid("status.certificate", "<certificate data>", wrong[:1])


def _status(new: Document, old: Document | None) -> Iterator[Cause]:
    yield from _whole_status(new, old)
    for kind in _DECISIONS:
        one, other = _count(_conditions(new), kind), _count(_conditions(old), kind)
        if one > other:
            yield causes.forbidden("status.conditions", f'updates may not add a condition of type "{kind}"')
        elif one == other and _of_kind(new, kind) != _of_kind(old, kind):
            yield causes.forbidden(
                "status.conditions", f'updates may not modify a condition of type "{kind}"'
            )
    if _certificate(old) and _certificate(new) != _certificate(old):
        yield causes.forbidden("status.certificate", "updates may not modify existing certificate content")


def _certificate(document: Document | None) -> str:
    return ((document or {}).get("status") or {}).get("certificate") or ""


def _of_kind(document: Document | None, kind: str) -> list[Document]:
    return [condition for condition in _conditions(document) if condition.get("type") == kind]


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
