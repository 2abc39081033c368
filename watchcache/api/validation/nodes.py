"""Nodes: what people write about them, and what kubelets report."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from watchcache.api import causes, names
from watchcache.api.status import Cause
from watchcache.api.validation.resources import amount_causes
from watchcache.api.validation.rules import EFFECTS, Document, Rule, one_of

_FEATURE: Final = re.compile(r"([A-Z][A-Za-z0-9]*)(/[A-Za-z][A-Za-z0-9]*)*", re.ASCII)
_LONGEST_FEATURE: Final = 253
_ONE_EACH: Final = "may specify no more than one CIDR for each IP family"


def _node(new: Document, old: Document | None) -> Iterator[Cause]:
    spec, status = new.get("spec") or {}, new.get("status") or {}
    if old is None:
        yield from _taint_causes(spec)
        yield from _reported_causes(status, {})
        capacity = ((status.get("nodeInfo") or {}).get("swap") or {}).get("capacity")
        if capacity is not None and capacity <= 0:
            yield causes.invalid("metadata.nodeSwapStatus.capacity", capacity, "must be greater than zero")
        yield from _feature_causes(status, {})
        yield from _range_causes(spec)
        return
    before = old.get("spec") or {}
    if spec == before:  # a status is not written this way
        return
    yield from _taint_causes(spec)
    yield from _range_causes(spec)
    yield from _changed(spec, before)
    yield from _taint_causes(spec)  # kube-apiserver looks twice at a change
    if (spec.get("externalID") or "") != (before.get("externalID") or ""):
        yield causes.forbidden("spec.externalID", "may not be updated")


def _changed(spec: Document, before: Document) -> Iterator[Cause]:
    """A node keeps its ranges and its provider's name once it has them."""
    ranges, known = spec.get("podCIDRs") or [], before.get("podCIDRs") or []
    if known:
        text = 'node updates may not change podCIDR except from "" to valid'
        different = 1 if len(ranges) != len(known) else sum(map(str.__ne__, ranges, known))
        for _ in range(different):
            yield causes.forbidden("spec.podCIDRs", text)
    if before.get("providerID") and spec.get("providerID") != before["providerID"]:
        text = 'node updates may not change providerID except from "" to valid'
        yield causes.forbidden("spec.providerID", text)


def _taint_causes(spec: Document) -> Iterator[Cause]:
    seen: set[tuple[str, str]] = set()
    for index, taint in enumerate(spec.get("taints") or ()):
        path, effect = f"metadata.taints[{index}]", taint.get("effect") or ""
        key, value = taint.get("key") or "", taint.get("value") or ""
        yield from causes.each_invalid(f"{path}.key", key, names.label_key(key))
        if problems := names.label_value(value):
            yield causes.invalid(f"{path}.value", value, ";".join(problems))
        if not effect:
            yield causes.required(f"{path}.effect")
        yield from one_of(effect or None, EFFECTS, f"{path}.effect")
        if (key, effect) in seen:
            shown = {"Key": key, "Value": value, "Effect": effect, "TimeAdded": taint.get("timeAdded")}
            cause = causes.duplicate(path, shown)
            text = f"{cause.message}: taints must be unique by key and effect pair"
            yield Cause(cause.reason, text, path)
        seen.add((key, effect))


def _range_causes(spec: Document) -> Iterator[Cause]:
    """The addresses of a node's pods: one range, or one of each family."""
    ranges, field = spec.get("podCIDRs") or [], "spec.podCIDRs"
    for index, each in enumerate(ranges):
        yield from causes.each_invalid(f"{field}[{index}]", each, names.network(each))
    if len(ranges) < 2:
        return
    families = [_family(each) for each in ranges]
    if None in families:
        index = families.index(None)
        text = f"invalid CIDR[{index}]: <nil> (invalid CIDR address: {ranges[index]})"
        told = f"Internal error: invalid PodCIDRs. failed to check with dual stack with error:{text}"
        yield Cause("InternalError", told, field)
    if None in families or {*families} != {4, 6} or len(ranges) > 2:
        yield causes.invalid(field, ranges, _ONE_EACH)


def _family(text: str) -> int | None:
    if names.loose_network(text):
        return None
    return 6 if ":" in text else 4


# --- what kubelets report ---


def _status(new: Document, old: Document | None) -> Iterator[Cause]:
    """What a kubelet reports again and again is looked at when it differs."""
    status, before = new.get("status") or {}, (old or {}).get("status") or {}
    yield from _reported_causes(status, before)
    yield from _feature_causes(status, before)
    addresses = status.get("addresses") or []
    if addresses != before.get("addresses"):
        for index, each in enumerate(addresses):
            if each in addresses[:index]:
                shown = {"Type": each.get("type") or "", "Address": each.get("address") or ""}
                yield causes.duplicate(f"status.addresses[{index}]", shown)


def _reported_causes(status: Document, before: Document) -> Iterator[Cause]:
    for member in ("capacity", "allocatable"):
        amounts = status.get(member) or {}
        if amounts != before.get(member):
            for name in sorted(amounts):
                yield from amount_causes(name, amounts[name], f"status.{member}.{name}")


def _feature_causes(status: Document, before: Document) -> Iterator[Cause]:
    features, last = status.get("declaredFeatures") or [], None
    if features == before.get("declaredFeatures"):
        return
    for index, feature in enumerate(features):
        field = f"status.declaredFeatures[{index}]"
        if feature == last:
            yield causes.duplicate(field, feature)
        elif last is not None and feature < last:
            yield causes.invalid(field, feature, "list must be sorted alphabetically")
        last = feature
        if text := _feature_problem(feature):
            yield causes.invalid(field, feature, f"invalid feature name {causes.shown(feature)}: {text}")


def _feature_problem(feature: str) -> str:
    if len(feature) > _LONGEST_FEATURE:
        return f"must be no more than {_LONGEST_FEATURE} characters"
    if not _FEATURE.fullmatch(feature):
        return (
            "must start with an UpperCamelCase segment, with subsequent segments separated by '/' "
            "(e.g., MyFeature or MyFeature/mySubFeature), and contain only alphanumeric characters and slashes"
        )
    return ""


RULES: Final[dict[tuple[str, str], Rule]] = {("", "nodes"): _node}
STATUS_RULES: Final[dict[tuple[str, str], Rule]] = {("", "nodes"): _status}
