"""What a pod and its containers may do on a node: users, groups, profiles, and what they share with the host."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from watchcache.api import causes
from watchcache.api.status import Cause
from watchcache.api.validation.paths import descending_path
from watchcache.api.validation.rules import Document, one_of
from watchcache.api.validation.windows import windows_option_causes

_LARGEST_ID: Final = 2**31 - 1
_SYSCTL_LENGTH: Final = 253
_SYSCTL_TEXT: Final = r"([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
_SYSCTL: Final = re.compile(_SYSCTL_TEXT, re.ASCII)
_PROFILES: Final = ("Localhost", "RuntimeDefault", "Unconfined")
_APPARMOR_LENGTH: Final = 4095
_OF_GO: Final = (
    "Capabilities", "Privileged", "SELinuxOptions", "WindowsOptions", "RunAsUser", "RunAsGroup", "RunAsNonRoot",
    "ReadOnlyRootFilesystem", "AllowPrivilegeEscalation", "ProcMount", "SeccompProfile", "AppArmorProfile",
)  # fmt: skip
"""The fields of kube-apiserver's own type for a container's security context, in its order."""


def pod_security_causes(spec: Document, path: str) -> Iterator[Cause]:
    """What is wrong with the security context of a pod's spec."""
    context, where = spec.get("securityContext") or {}, f"{path}.securityContext"
    for member in ("fsGroup", "runAsUser", "runAsGroup"):
        yield from _id(context.get(member), f"{where}.{member}")
    for index, group in enumerate(context.get("supplementalGroups") or ()):
        yield from _id(group, f"{where}.supplementalGroups[{index}]")
    if spec.get("hostPID") and spec.get("shareProcessNamespace"):
        text = "ShareProcessNamespace and HostPID cannot both be enabled"
        yield causes.invalid(f"{where}.shareProcessNamespace", True, text)
    if not context:
        return
    yield from _sysctls(context.get("sysctls") or (), f"{where}.sysctls")
    yield from one_of(
        context.get("fsGroupChangePolicy"), ("Always", "OnRootMismatch"), f"{where}.fsGroupChangePolicy"
    )
    yield from _profiles(context, where)
    yield from one_of(
        context.get("supplementalGroupsPolicy"), ("Merge", "Strict"), f"{where}.supplementalGroupsPolicy"
    )
    yield from one_of(context.get("seLinuxChangePolicy"), ("Recursive",), f"{where}.seLinuxChangePolicy")


def container_security_causes(context: Document, path: str, *, host_users: bool) -> Iterator[Cause]:
    """What is wrong with the security context of a container; `host_users`: the pod's users are the host's."""
    yield from _id(context.get("runAsUser"), f"{path}.runAsUser")
    yield from _id(context.get("runAsGroup"), f"{path}.runAsGroup")
    mount = context.get("procMount")
    yield from one_of(mount, ("Default", "Unmasked"), f"{path}.procMount")
    if mount == "Unmasked" and host_users:
        yield causes.invalid(f"{path}.procMount", mount, "`hostUsers` must be false to use `Unmasked`")
    yield from _seccomp(context.get("seccompProfile"), f"{path}.seccompProfile")
    if context.get("allowPrivilegeEscalation") is False:
        yield from _contradictions(context, path)
    yield from windows_option_causes(context.get("windowsOptions"), f"{path}.windowsOptions")
    yield from _apparmor(context.get("appArmorProfile"), f"{path}.appArmorProfile")


def _contradictions(context: Document, path: str) -> Iterator[Cause]:
    """What has more rights than the escalation that is refused would give."""
    if context.get("privileged"):
        text = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"
        yield causes.invalid(path, _as_go(context), text)
    for capability in (context.get("capabilities") or {}).get("add") or ():
        if capability == "CAP_SYS_ADMIN":
            text = "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN"
            yield causes.invalid(path, _as_go(context), text)


def _as_go(context: Document) -> Document:
    """A security context as messages show it."""
    found: dict[str, Any] = dict.fromkeys(_OF_GO)
    found.update((f"{name[0].upper()}{name[1:]}", value) for name, value in context.items())
    if capabilities := context.get("capabilities"):
        found["Capabilities"] = {"Add": capabilities.get("add"), "Drop": capabilities.get("drop")}
    return found


def _id(number: int | None, path: str) -> Iterator[Cause]:
    """Of a user or a group."""
    if number is not None and not 0 <= number <= _LARGEST_ID:
        yield causes.invalid(path, number, f"must be between 0 and {_LARGEST_ID}, inclusive")


def _sysctls(sysctls: Sequence[Document], path: str) -> Iterator[Cause]:
    seen = set()
    for index, sysctl in enumerate(sysctls):
        name, where = sysctl.get("name") or "", f"{path}[{index}].name"
        if not name:
            yield causes.required(where)
        elif len(name) > _SYSCTL_LENGTH or not _SYSCTL.fullmatch(name):
            text = f"must have at most {_SYSCTL_LENGTH} characters and match regex ^{_SYSCTL_TEXT}$"
            yield causes.invalid(where, name, text)
        elif name in seen:
            yield causes.duplicate(where, name)
        seen.add(name)


def _profiles(context: Document, path: str) -> Iterator[Cause]:
    yield from _seccomp(context.get("seccompProfile"), f"{path}.seccompProfile")
    yield from windows_option_causes(context.get("windowsOptions"), f"{path}.windowsOptions")
    yield from _apparmor(context.get("appArmorProfile"), f"{path}.appArmorProfile")


def _seccomp(profile: Document | None, path: str) -> Iterator[Cause]:
    if profile is None:
        return
    kind, local = profile.get("type") or "", profile.get("localhostProfile")
    where = f"{path}.localhostProfile"
    if not kind:
        yield causes.required(f"{path}.type", "type is required when seccompProfile is set")
    else:
        yield from one_of(kind, _PROFILES, f"{path}.type")
    if kind != "Localhost":
        if local is not None:
            shown = {"Type": kind, "LocalhostProfile": local}
            yield causes.invalid(where, shown, "can only be set when seccomp type is Localhost")
    elif local is None:
        yield causes.required(where, "must be set when seccomp type is Localhost")
    else:
        yield from descending_path(local, where)


def _apparmor(profile: Document | None, path: str) -> Iterator[Cause]:
    if profile is None:
        return
    kind, local = profile.get("type") or "", profile.get("localhostProfile")
    where = f"{path}.localhostProfile"
    if not kind:
        yield causes.required(f"{path}.type", "type is required when appArmorProfile is set")
    elif kind not in _PROFILES:
        yield causes.not_supported(f"{path}.type", kind, _PROFILES)
    elif kind != "Localhost":
        if local is not None:
            yield causes.invalid(where, local, "can only be set when AppArmor type is Localhost")
    elif not local:
        yield causes.required(where, "must be set when AppArmor type is Localhost")
    else:
        if local != local.strip():
            yield causes.invalid(where, local, "must not be padded with whitespace")
        if len(local.encode()) > _APPARMOR_LENGTH:
            yield causes.too_long(where, _APPARMOR_LENGTH)
