"""Slices of devices: what a driver has to offer, where, and what of it can be had in parts."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Final

from watchcache.api import causes, names
from watchcache.api.quantities import quantity
from watchcache.api.status import Cause
from watchcache.api.structure import quantity_text
from watchcache.api.validation import devices
from watchcache.api.validation.affinity import node_selector_causes
from watchcache.api.validation.rules import Document, Rule, driver_name

_MOST_DEVICES: Final = 128
_MOST_SPECIAL_DEVICES: Final = 64
"""Of devices with taints or counters."""
_MOST_COUNTER_SETS: Final = 8
_MOST_COUNTERS: Final = 32
_MOST_CONSUMED_SETS: Final = 2
_MOST_PROPERTIES: Final = 32
_MOST_TAINTS: Final = 16
_MOST_OPTIONS: Final = 10
_LONGEST_VALUE: Final = 64
_LONGEST_KEY: Final = 96
_LONGEST_COUNTER: Final = 63
_VALUES: Final = ("int", "bool", "string", "version")
_NUMBER: Final = r"(0|[1-9]\d*)"
_PRE_RELEASE: Final = r"(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)"
_BUILD: Final = r"[0-9a-zA-Z-]+"
_VERSION: Final = re.compile(
    rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(-{_PRE_RELEASE}(\.{_PRE_RELEASE})*)?(\+{_BUILD}(\.{_BUILD})*)?",
    re.ASCII,
)
_PLACES: Final = "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required"
_OWN_PLACES: Final = (
    "exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true in the "
    "ResourceSlice spec"
)
_NO_PLACES: Final = "`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the ResourceSlice spec"
_ONE_POLICY: Final = (
    'exactly one policy can be specified, cannot specify "validValues" and "validRange" at the same time'
)


def _slice(new: Document, old: Document | None) -> Iterator[Cause]:
    spec = new.get("spec") or {}
    before = None if old is None else old.get("spec") or {}
    pool = spec.get("pool") or {}
    yield from driver_name(spec.get("driver"), "spec.driver")
    yield from _pool(pool, "spec.pool")
    if before is not None:
        yield from _kept(spec, before)
    yield from _places(spec)
    if spec.get("sharedCounters") is not None and spec.get("devices") is not None:
        yield causes.invalid("spec", "", "only one of `sharedCounters` or `devices` is allowed")
    own_places = spec.get("perDeviceNodeSelection") or False
    known = {devices.name_of(device): device for device in (before or {}).get("devices") or ()}
    check = partial(_device, known=known, own_places=own_places)
    offered = spec.get("devices") or ()
    special = any(device.get("taints") or device.get("consumesCounters") for device in offered)
    most = _MOST_SPECIAL_DEVICES if special else _MOST_DEVICES
    yield from devices.listed(offered, most, check, "spec.devices", devices.name_of)
    sets = spec.get("sharedCounters")
    yield from devices.listed(sets, _MOST_COUNTER_SETS, _counter_set, "spec.sharedCounters", devices.name_of)


def _pool(pool: Document, path: str) -> Iterator[Cause]:
    yield from devices.pool(pool.get("name"), f"{path}.name")
    count, generation = pool.get("resourceSliceCount") or 0, pool.get("generation") or 0
    if count <= 0:
        yield causes.invalid(f"{path}.resourceSliceCount", count, "must be greater than zero")
    if generation < 0:
        yield causes.invalid(f"{path}.generation", generation, "must be greater than or equal to zero")


def _kept(spec: Document, before: Document) -> Iterator[Cause]:
    name = (spec.get("pool") or {}).get("name") or ""
    if name != ((before.get("pool") or {}).get("name") or ""):
        yield causes.immutable("spec.pool.name", name)
    if (spec.get("driver") or "") != (before.get("driver") or ""):
        yield causes.immutable("spec.driver", spec.get("driver") or "")
    if spec.get("nodeName") != before.get("nodeName"):
        yield causes.immutable("spec.nodeName", spec.get("nodeName"))


# -- where devices are


def _places(spec: Document) -> Iterator[Cause]:
    chosen = []
    node, selector = spec.get("nodeName"), spec.get("nodeSelector")
    if node:
        chosen.append("`nodeName`")
        yield from causes.each_invalid("spec.nodeName", node, names.subdomain(node))
    elif node is not None:
        text = "must be either unset or set to a non-empty string"
        yield causes.invalid("spec.nodeName", node, text)
    if selector is not None:
        chosen.append("`nodeSelector`")
        yield from node_selector_causes(selector, "spec.nodeSelector")
        terms = selector.get("nodeSelectorTerms")
        if len(terms or ()) != 1:
            text = "must have exactly one node selector term"
            yield causes.invalid("spec.nodeSelector.nodeSelectorTerms", terms, text)
    yield from _flags(spec, ("allNodes", "perDeviceNodeSelection"), chosen, "spec")
    if not chosen:
        yield causes.required("spec", _PLACES)
    elif len(chosen) > 1:
        text = f"{_PLACES}, but multiple fields are set"
        yield causes.invalid("spec", f"{{{', '.join(chosen)}}}", text)


def _flags(found: Document, members: Sequence[str], chosen: list[str], path: str) -> Iterator[Cause]:
    """Members that are true or not there."""
    for member in members:
        if found.get(member):
            chosen.append(f"`{member}`")
        elif found.get(member) is not None:
            yield causes.invalid(f"{path}.{member}", False, "must be either unset or set to true")


def _own_places(device: Document, path: str) -> Iterator[Cause]:
    chosen = []
    node, selector = device.get("nodeName"), device.get("nodeSelector")
    if node:
        chosen.append("`nodeName`")
        yield from causes.each_invalid(f"{path}.nodeName", node, names.subdomain(node))
    elif node is not None:
        yield causes.invalid(f"{path}.nodeName", node, "must not be empty")
    if selector is not None:
        chosen.append("`nodeSelector`")
        yield from node_selector_causes(selector, f"{path}.nodeSelector")
    yield from _flags(device, ("allNodes",), chosen, path)
    if not chosen:
        yield causes.required(path, _OWN_PLACES)
    elif len(chosen) > 1:
        yield causes.invalid(path, f"{{{', '.join(chosen)}}}", _OWN_PLACES)


# -- devices


def _device(device: Document, path: str, known: dict[str, Document], own_places: bool) -> Iterator[Cause]:
    yield from devices.label(device.get("name"), f"{path}.name")
    attributes, capacity = device.get("attributes") or {}, device.get("capacity") or {}
    properties = len(attributes) + len(capacity)
    if properties > _MOST_PROPERTIES:
        text = f"the total number of attributes and capacities must not exceed {_MOST_PROPERTIES}"
        yield causes.invalid(path, properties, text)
    for key in sorted(attributes):
        yield from devices.qualified(key, f"{path}.attributes")
        yield from _attribute(attributes[key], f"{path}.attributes[{_shortened(key, _LONGEST_KEY)}]")
    shared = device.get("allowMultipleAllocations") or False
    for key in sorted(capacity):
        yield from devices.qualified(key, f"{path}.capacity")
        yield from _capacity(capacity[key], shared, f"{path}.capacity[{_shortened(key, _LONGEST_KEY)}]")
    before = known.get(devices.name_of(device))
    if before is None or before.get("taints") != device.get("taints"):
        yield from devices.listed(device.get("taints"), _MOST_TAINTS, _taint, f"{path}.taints")
    yield from devices.listed(
        device.get("consumesCounters"),
        _MOST_CONSUMED_SETS,
        _consumed,
        f"{path}.consumesCounters",
        lambda consumed: consumed.get("counterSet") or "",
    )
    if own_places:
        yield from _own_places(device, path)
    elif any(device.get(member) is not None for member in ("nodeName", "nodeSelector", "allNodes")):
        yield causes.invalid(path, None, _NO_PLACES)
    yield from devices.binding(device, path)


def _shortened(key: str, longest: int) -> str:
    """A long key as paths show it: without its middle."""
    if len(key) <= longest:
        return key
    left = longest - 3
    return f"{key[: (left + 1) // 2]}...{key[len(key) - left // 2 :]}"


def _attribute(attribute: Document, path: str) -> Iterator[Cause]:
    text, version = attribute.get("string"), attribute.get("version")
    if text is not None and len(text.encode()) > _LONGEST_VALUE:
        yield causes.too_long(f"{path}.string", _LONGEST_VALUE)
    if version is not None:
        if not _VERSION.fullmatch(version):
            problem = "must be a string compatible with semver.org spec 2.0.0"
            yield causes.invalid(f"{path}.version", version, problem)
        if len(version.encode()) > _LONGEST_VALUE:
            yield causes.too_long(f"{path}.version", _LONGEST_VALUE)
    given = sum(attribute.get(member) is not None for member in _VALUES)
    if given != 1:
        yield causes.invalid(path, attribute if given else "", "exactly one value must be specified")


def _taint(taint: Document, path: str) -> Iterator[Cause]:
    value, effect = taint.get("value") or "", taint.get("effect") or ""
    yield from devices.condition_type(taint.get("key") or "", f"{path}.key")
    yield from causes.each_invalid(f"{path}.value", value, names.label_value(value))
    if not effect:
        yield causes.required(f"{path}.effect")
    elif effect not in devices.TAINT_EFFECTS:
        yield causes.not_supported(f"{path}.effect", effect, devices.TAINT_EFFECTS)


# -- counters


def _counter_set(found: Document, path: str) -> Iterator[Cause]:
    yield from _set_name(found.get("name"), f"{path}.name")
    yield from _counters(found, path)


def _consumed(found: Document, path: str) -> Iterator[Cause]:
    yield from _set_name(found.get("counterSet"), f"{path}.counterSet")
    yield from _counters(found, path)


def _set_name(name: str | None, field: str) -> list[Cause]:
    return devices.label(name, field) if name else [causes.required(field)]


def _counters(found: Document, path: str) -> Iterator[Cause]:
    counters, field = found.get("counters") or {}, f"{path}.counters"
    if not counters:
        yield causes.required(field)
    elif len(counters) > _MOST_COUNTERS:
        yield causes.too_many(field, len(counters), _MOST_COUNTERS)
    else:
        for key in sorted(counters):
            yield from devices.label(key, field)


# -- capacities


def _capacity(capacity: Document, shared: bool, path: str) -> Iterator[Cause]:
    policy, field = capacity.get("requestPolicy"), f"{path}.requestPolicy"
    if policy is None:
        return
    if not shared:
        yield causes.forbidden(field, "allowMultipleAllocations must be true")
        return
    options, bounds, usual = policy.get("validValues"), policy.get("validRange"), policy.get("default")
    most = capacity.get("value") or "0"
    if options and bounds is not None:
        yield causes.forbidden(field, _ONE_POLICY)
    elif options or bounds is not None:
        member = "validValues" if options else "validRange"
        if usual is None:
            yield causes.required(f"{field}.default", f"required when {member} is defined")
        elif options:
            yield from _options(options, usual, most, f"{field}.validValues")
        else:
            yield from _bounds(bounds, usual, most, f"{field}.validRange")


def _options(options: list[str], usual: str, most: str, path: str) -> Iterator[Cause]:
    amounts = [quantity(option) for option in options]
    for index in range(1, len(amounts)):
        if amounts[index - 1] > amounts[index]:
            yield causes.invalid(
                f"{path}[{index}]", options[index], "values must be sorted in ascending order"
            )

    def check(option: str, field: str) -> Iterator[Cause]:
        if quantity(option) > quantity(most):
            yield causes.invalid(field, option, f"option is larger than capacity value: {most}")

    yield from devices.listed(
        options, _MOST_OPTIONS, check, path, lambda option: str(math.ceil(quantity(option)))
    )
    if len(options) > _MOST_OPTIONS or quantity(usual) not in amounts:
        yield causes.invalid(path, usual, "default value is not valid according to the requestPolicy")


def _bounds(bounds: Any, usual: str, most: str, path: str) -> Iterator[Cause]:
    least, greatest, step = (bounds.get(member) for member in ("min", "max", "step"))
    if least is None:
        yield causes.required(f"{path}.min", "required when validRange is defined")
        return
    if quantity(least) > quantity(most):
        yield causes.invalid(f"{path}.min", least, f"min is larger than capacity value: {most}")
    if quantity(usual) < quantity(least):
        yield causes.invalid(f"{path}.min", usual, f"default is less than min: {least}")
    if greatest is not None:
        if quantity(least) > quantity(greatest):
            yield causes.invalid(f"{path}.max", least, f"min is larger than max: {greatest}")
        if quantity(greatest) > quantity(most):
            yield causes.invalid(f"{path}.max", greatest, f"max is larger than capacity value: {most}")
        if quantity(usual) > quantity(greatest):
            yield causes.invalid(f"{path}.max", usual, f"default is more than max: {greatest}")
    if step is not None:
        yield from _steps(least, step, most, [usual, *([] if greatest is None else [greatest])], path)


def _steps(least: str, step: str, most: str, values: list[str], path: str) -> Iterator[Cause]:
    """A step of nothing, at which a kube-apiserver fails, divides no range."""
    first = quantity(least) + quantity(step)
    if first > quantity(most):
        shown = quantity_text(first, binary=least.endswith("i"))
        yield causes.invalid(f"{path}.step", step, f"one step {shown} is larger than capacity value: {most}")
    width, begin = math.ceil(quantity(step)), math.ceil(quantity(least))
    for value in values:
        if not width or (math.ceil(quantity(value)) - begin) % width:
            text = f"value is not a multiple of a given step ({step}) from ({least})"
            yield causes.invalid(f"{path}.step", value, text)


RULES: Final[dict[tuple[str, str], Rule]] = {(devices.GROUP, "resourceslices"): _slice}
