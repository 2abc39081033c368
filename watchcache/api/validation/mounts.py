"""Where containers have volumes: mounted as directories, or as devices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from watchcache.api import causes
from watchcache.api.status import Cause
from watchcache.api.validation.paths import descending_path
from watchcache.api.validation.rules import Document, one_of

_PROPAGATIONS: Final = ("Bidirectional", "HostToContainer", "None")
_RECURSIVE: Final = ("Disabled", "Enabled", "IfPossible")


def mount_causes(container: Document, volumes: Mapping[str, Document], path: str) -> Iterator[Cause]:
    """What is wrong with a container's mounts and devices; `volumes`: those of the pod that are sound, by name."""
    mounts, devices = container.get("volumeMounts") or (), container.get("volumeDevices") or ()
    seen: set[str] = set()
    of_devices = _places(devices, "devicePath")
    for index, mount in enumerate(mounts):
        where, name, place = (
            f"{path}.volumeMounts[{index}]",
            mount.get("name") or "",
            mount.get("mountPath") or "",
        )
        if not name:
            yield causes.required(f"{where}.name")
        if name not in volumes:
            yield causes.not_found(f"{where}.name", name)
        if not place:
            yield causes.required(f"{where}.mountPath")
        if place in seen:
            yield causes.invalid(f"{where}.mountPath", place, "must be unique")
        seen.add(place)
        if name in of_devices:
            yield causes.invalid(f"{where}.name", name, "must not already exist in volumeDevices")
        if place in of_devices.values():
            text = "must not already exist as a path in volumeDevices"
            yield causes.invalid(f"{where}.mountPath", place, text)
        yield from _how(mount, container, f"{path}.volumeMounts", where)
    if devices:
        yield from _devices(list(devices), _places(mounts, "mountPath"), volumes, f"{path}.volumeDevices")


def _places(holders: object, member: str) -> dict[str, str]:
    """Name -> path."""
    assert isinstance(holders, list | tuple)
    return {each.get("name") or "": each.get(member) or "" for each in holders}


def _how(mount: Document, container: Document, path: str, where: str) -> Iterator[Cause]:
    """Which part is mounted, and how. kube-apiserver names these fields without the mount's number."""
    part, expression = mount.get("subPath"), mount.get("subPathExpr")
    if part:
        yield from descending_path(part, f"{path}.subPath")
    if expression:
        if part:
            text = "subPathExpr and subPath are mutually exclusive"
            yield causes.invalid(f"{where}.subPathExpr", expression, text)
        yield from descending_path(expression, f"{path}.subPathExpr")
    propagation, recursive = mount.get("mountPropagation"), mount.get("recursiveReadOnly")
    yield from one_of(propagation, _PROPAGATIONS, f"{path}.mountPropagation")
    if propagation == "Bidirectional" and not (container.get("securityContext") or {}).get("privileged"):
        text = "Bidirectional mount propagation is available only to privileged containers"
        yield causes.forbidden(f"{path}.mountPropagation", text)
    yield from one_of(recursive, _RECURSIVE, f"{path}.recursiveReadOnly")
    if recursive in {"Enabled", "IfPossible"}:
        if not mount.get("readOnly"):
            text = "may only be specified when readOnly is true"
            yield causes.forbidden(f"{path}.recursiveReadOnly", text)
        if propagation not in {None, "None"}:
            text = "may only be specified when mountPropagation is None or not specified"
            yield causes.forbidden(f"{path}.recursiveReadOnly", text)


def _devices(
    devices: list[Document], of_mounts: Mapping[str, str], volumes: Mapping[str, Document], path: str
) -> Iterator[Cause]:
    names: set[str] = set()
    places: set[str] = set()
    for index, device in enumerate(devices):
        where, name, place = f"{path}[{index}]", device.get("name") or "", device.get("devicePath") or ""
        if not name:
            yield causes.required(f"{where}.name")
        if name in names:
            yield causes.invalid(f"{where}.name", name, "must be unique")
        volume = volumes.get(name)
        if volume is None:
            yield causes.not_found(f"{where}.name", name)
        elif volume.get("persistentVolumeClaim") is None and volume.get("ephemeral") is None:
            text = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode"
            yield causes.invalid(f"{where}.name", name, text)
        if not place:
            yield causes.required(f"{where}.devicePath")
        if place in places:
            yield causes.invalid(f"{where}.devicePath", place, "must be unique")
        if ".." in place.split("/"):
            yield causes.invalid(f"{where}.devicePath", place, "can not contain backsteps ('..')")
        else:
            places.add(place)
        if name in of_mounts:
            yield causes.invalid(f"{where}.name", name, "must not already exist in volumeMounts")
        if place in of_mounts.values():
            text = "must not already exist as a path in volumeMounts"
            yield causes.invalid(f"{where}.devicePath", place, text)
        if name:
            names.add(name)
