"""The status of claims of devices: what was allocated for whom, and what drivers tell of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import Final

from watchcache.api import causes, names
from watchcache.api.status import Cause
from watchcache.api.validation import devices
from watchcache.api.validation.affinity import node_selector_causes
from watchcache.api.validation.device_claims import Requests, reference, references, requests_of
from watchcache.api.validation.rules import Document, Rule, driver_name

_MOST_USERS: Final = 256
_MOST_CONDITIONS: Final = 8
_MOST_ADDRESSES: Final = 16
_ANY_NUMBER: Final = 1 << 30
_SOURCES: Final = ("FromClaim", "FromClass")
_STATES: Final = ("False", "True", "Unknown")
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_REASON: Final = "[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?"
_REASON_TEXT: Final = (
    "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an "
    f"alphanumeric character or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName',  or 'ReasonA,ReasonB',  or 'ReasonA:ReasonB', regex used for validation is '{_REASON}')"
)
_LONGEST_REASON: Final = 1024
_LONGEST_MESSAGE: Final = 32 * 1024


def _status(new: Document, old: Document | None) -> Iterator[Cause]:
    status, before = new.get("status") or {}, (old or {}).get("status") or {}
    known = requests_of((new.get("spec") or {}).get("devices") or {})
    allocation, users = status.get("allocation"), status.get("reservedFor") or []
    yield from devices.listed(
        users, _MOST_USERS, _user, "status.reservedFor", lambda user: user.get("uid") or ""
    )
    allocated = [_device(result) for result in ((allocation or {}).get("devices") or {}).get("results") or ()]
    yield from devices.listed(
        status.get("devices"), _ANY_NUMBER, partial(_reported, allocated=allocated), "status.devices", _device
    )
    if users and allocation is None:
        yield causes.forbidden("status.reservedFor", "may not be specified when `allocated` is not set")
    elif new["metadata"].get("deletionTimestamp") and any(
        user not in (before.get("reservedFor") or ()) for user in users
    ):
        text = "new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set"
        yield causes.forbidden("status.reservedFor", text)
    if allocation is None:
        return
    if before.get("allocation") is None:
        yield from _allocation(allocation, known, "status.allocation")
    elif allocation != before["allocation"]:
        yield causes.immutable("status.allocation", allocation)


def _user(user: Document, path: str) -> Iterator[Cause]:
    for member in ("resource", "name", "uid"):
        if not user.get(member):
            yield causes.required(f"{path}.{member}")


def _device(found: Document) -> Document:
    """What a device is known by, as messages show it."""
    members = ("driver", "pool", "device", "shareID")
    return {f"{member[0].upper()}{member[1:]}": found.get(member) or "" for member in members}


# -- what is allocated


def _allocation(allocation: Document, known: Requests, path: str) -> Iterator[Cause]:
    found, where = allocation.get("devices") or {}, f"{path}.devices"
    results, settings = partial(_result, known=known), partial(_setting, known=known)
    yield from devices.listed(found.get("results"), devices.MOST, results, f"{where}.results")
    yield from devices.listed(found.get("config"), 2 * devices.MOST, settings, f"{where}.config")
    if allocation.get("nodeSelector") is not None:
        yield from node_selector_causes(allocation["nodeSelector"], f"{path}.nodeSelector")


def _result(result: Document, path: str, known: Requests) -> Iterator[Cause]:
    yield from reference(result.get("request") or "", known, f"{path}.request")
    yield from _named(result, path)
    yield from devices.binding(result, path)
    yield from _share(result, path)


def _named(found: Document, path: str) -> Iterator[Cause]:
    yield from driver_name(found.get("driver"), f"{path}.driver")
    yield from devices.pool(found.get("pool"), f"{path}.pool")
    yield from devices.label(found.get("device"), f"{path}.device")


def _share(found: Document, path: str) -> Iterator[Cause]:
    share = found.get("shareID")
    if share is None or _UUID.fullmatch(share):
        return
    text = "uid must be in RFC 4122 normalized form, `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` with lowercase hexadecimal characters"
    if len(share) not in {32, 36, 38, 45}:
        text = f"error validating uid: invalid UUID length: {len(share)}"
    yield causes.invalid(f"{path}.shareID", share, text)


def _setting(setting: Document, path: str, known: Requests) -> Iterator[Cause]:
    source = setting.get("source") or ""
    if not source:
        yield causes.required(f"{path}.source")
    elif source not in _SOURCES:
        yield causes.not_supported(f"{path}.source", source, _SOURCES)
    yield from references(setting.get("requests"), known, f"{path}.requests")
    yield from devices.configuration(setting, path)


# -- what drivers tell


def _reported(device: Document, path: str, allocated: list[Document]) -> Iterator[Cause]:
    yield from _named(device, path)
    yield from _share(device, path)
    if _device(device) not in allocated:
        yield causes.invalid(path, _device(device), "must be an allocated device in the claim")
    conditions = device.get("conditions") or []
    if len(conditions) > _MOST_CONDITIONS:
        yield causes.too_many(f"{path}.conditions", len(conditions), _MOST_CONDITIONS)
    for index, condition in enumerate(conditions):
        where = f"{path}.conditions[{index}]"
        if condition.get("type") in [each.get("type") for each in conditions[:index]]:
            yield causes.duplicate(f"{where}.type", condition.get("type") or "")
        yield from _condition(condition, where)
    if device.get("data") is not None:
        yield from devices.data_object(device["data"], f"{path}.data")
    yield from _network(device.get("networkData") or {}, f"{path}.networkData")


def _condition(condition: Document, path: str) -> Iterator[Cause]:
    kind, state = condition.get("type") or "", condition.get("status") or ""
    yield from devices.condition_type(kind, f"{path}.type")
    if state not in _STATES:
        yield causes.not_supported(f"{path}.status", state, _STATES)
    generation = condition.get("observedGeneration") or 0
    if generation < 0:
        yield causes.invalid(
            f"{path}.observedGeneration", generation, "must be greater than or equal to zero"
        )
    if not condition.get("lastTransitionTime"):
        yield causes.required(f"{path}.lastTransitionTime")
    reason = condition.get("reason") or ""
    if not reason:
        yield causes.required(f"{path}.reason")
    else:
        if not re.fullmatch(_REASON, reason, re.ASCII):
            yield causes.invalid(f"{path}.reason", reason, _REASON_TEXT)
        if len(reason) > _LONGEST_REASON:
            yield causes.too_long(f"{path}.reason", _LONGEST_REASON)
    if len((condition.get("message") or "").encode()) > _LONGEST_MESSAGE:
        yield causes.too_long(f"{path}.message", _LONGEST_MESSAGE)


def _network(found: Document, path: str) -> Iterator[Cause]:
    for member, longest in (("interfaceName", 256), ("hardwareAddress", 128)):
        if len((found.get(member) or "").encode()) > longest:
            yield causes.too_long(f"{path}.{member}", longest)
    yield from devices.listed(found.get("ips"), _MOST_ADDRESSES, _address, f"{path}.ips", str)


def _address(address: str, field: str) -> list[Cause]:
    return causes.each_invalid(field, address, names.interface_address(address))


STATUS_RULES: Final[dict[tuple[str, str], Rule]] = {(devices.GROUP, "resourceclaims"): _status}
