"""What pods may ask for by the system that they run on: Windows knows other things than Linux."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from watchcache.api import causes, names
from watchcache.api.status import Cause
from watchcache.api.validation.rules import Document

_SYSTEMS: Final = ("linux", "windows")
_LONGEST_SPEC: Final = 64 << 10
_LONGEST_DOMAIN: Final = 255
_LONGEST_USER: Final = 104
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_NETBIOS: Final = re.compile(r'[^\\/:*?"<>|.][^\\/:*?"<>|]{0,14}')
_DNS_LABEL: Final = "[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_DNS: Final = re.compile(rf"{_DNS_LABEL}(?:\.{_DNS_LABEL})*", re.ASCII)
_NOT_IN_A_USER: Final = re.compile(r'["/\\:;|=,+*?<>@\[\]]')
_NOT_ON_WINDOWS: Final = "cannot be set for a windows pod"
_NOT_ON_LINUX: Final = "windows options cannot be set for a linux pod"
_OF_PODS: Final = (
    "securityContext.appArmorProfile", "securityContext.seLinuxOptions", "hostUsers", "hostPID", "hostIPC",
    "securityContext.seccompProfile", "securityContext.fsGroup", "securityContext.fsGroupChangePolicy", "securityContext.sysctls",
    "shareProcessNamespace", "securityContext.runAsUser", "securityContext.runAsGroup", "securityContext.supplementalGroups",
    "securityContext.supplementalGroupsPolicy",
)  # fmt: skip
"""What only Linux has, in the order in which kube-apiserver notices it."""
_OF_CONTAINERS: Final = (
    "appArmorProfile", "seLinuxOptions", "seccompProfile", "capabilities", "readOnlyRootFilesystem", "privileged",
    "allowPrivilegeEscalation", "procMount", "runAsUser", "runAsGroup",
)  # fmt: skip
_CONTAINERS: Final = ("initContainers", "containers", "ephemeralContainers")
_EMPTY_IS_NONE: Final = frozenset({"hostPID", "hostIPC", "securityContext.sysctls"})


def system_causes(spec: Document, path: str) -> Iterator[Cause]:
    """What is wrong with the system that a pod names, and what that system does not have."""
    system = spec.get("os")
    if system is None:
        return
    name = system.get("name") or ""
    if not name:
        yield causes.required(f"{path}.os.name")
    elif name not in _SYSTEMS:
        yield causes.not_supported(f"{path}.os", name, _SYSTEMS)
    elif name == "linux":
        yield from _on_linux(spec, path)
    else:
        yield from _on_windows(spec, path)


def _on_linux(spec: Document, path: str) -> Iterator[Cause]:
    if (spec.get("securityContext") or {}).get("windowsOptions") is not None:
        yield causes.forbidden(f"{path}.securityContext.windowsOptions", _NOT_ON_LINUX)
    for where, container in _containers(spec, path):
        if (container.get("securityContext") or {}).get("windowsOptions") is not None:
            yield causes.forbidden(f"{where}.securityContext.windowsOptions", _NOT_ON_LINUX)


def _on_windows(spec: Document, path: str) -> Iterator[Cause]:
    for member in _OF_PODS:
        holder, _, name = member.rpartition(".")
        value = (spec.get(holder) or {} if holder else spec).get(name)
        if value is not None and (value or member not in _EMPTY_IS_NONE):
            yield causes.forbidden(f"{path}.{member}", _NOT_ON_WINDOWS)
    for where, container in _containers(spec, path):
        context = container.get("securityContext") or {}
        for member in _OF_CONTAINERS:
            if context.get(member) is not None:
                yield causes.forbidden(f"{where}.securityContext.{member}", _NOT_ON_WINDOWS)


def _containers(spec: Document, path: str) -> Iterator[tuple[str, Document]]:
    for member in _CONTAINERS:
        for index, container in enumerate(spec.get(member) or ()):
            yield f"{path}.{member}[{index}]", container


def windows_option_causes(options: Document | None, path: str) -> Iterator[Cause]:
    """What is wrong with the options for Windows of a pod or a container."""
    if options is None:
        return
    name = options.get("gmsaCredentialSpecName")
    if name is not None:
        yield from causes.each_invalid(f"{path}.gmsaCredentialSpecName", name, names.subdomain(name))
    spec, user = options.get("gmsaCredentialSpec"), options.get("runAsUserName")
    where = f"{path}.gmsaCredentialSpec"
    if spec == "":
        yield causes.invalid(where, spec, "gmsaCredentialSpec cannot be an empty string")
    elif spec is not None and len(spec.encode()) > _LONGEST_SPEC:
        text = f"gmsaCredentialSpec size must be under {_LONGEST_SPEC >> 10} KiB"
        yield causes.invalid(where, spec, text)
    if user is not None:
        for text in _user_problems(user):
            yield causes.invalid(f"{path}.runAsUserName", user, f"runAsUserName{text}")


def _user_problems(name: str) -> Iterator[str]:
    """What is wrong with a user's name, which may have a domain in front."""
    domain, slash, user = name.rpartition("\\")
    if not name:
        yield " cannot be an empty string"
    elif _CONTROL.search(name):
        yield " cannot contain control characters"
    elif "\\" in domain:
        yield " cannot contain more than one backslash"
    else:
        if len(domain.encode()) > _LONGEST_DOMAIN:
            yield f"'s Domain length must be under {_LONGEST_DOMAIN + 1} characters"
        if slash and not (_NETBIOS.fullmatch(domain) or _DNS.fullmatch(domain)):
            yield "'s Domain doesn't match the NetBios nor the DNS format"
        if not user:
            yield "'s User cannot be empty"
        elif len(user.encode()) > _LONGEST_USER:
            yield f"'s User length must not be longer than {_LONGEST_USER} characters"
        if user and not user.strip(". "):
            yield "'s User cannot contain only periods or spaces"
        if _NOT_IN_A_USER.search(user):
            yield "'s User cannot contain the following characters: \"/\\:;|=,+*?<>@[]"


def host_process_causes(spec: Document, path: str) -> Iterator[Cause]:
    """Containers that are processes of a Windows host are so together, and in its network."""
    of_pod = _host_process(spec)
    found = []
    for where, container in _containers(spec, path):
        own = _host_process(container)
        if of_pod is not None and own is not None and of_pod != own:
            text = f"pod hostProcess value must be identical if both are specified, was {str(of_pod).lower()}"
            yield causes.invalid(f"{where}.securityContext.windowsOptions.hostProcess", own, text)
        found.append(bool(of_pod if own is None else own))
    if any(found):
        if not all(found):
            text = "If pod contains any hostProcess containers then all containers must be HostProcess containers"
            yield causes.invalid(path, "", text)
        if not spec.get("hostNetwork"):
            text = "hostNetwork must be true if pod contains any hostProcess containers"
            yield causes.invalid(f"{path}.hostNetwork", False, text)


def _host_process(holder: Document) -> bool | None:
    context = holder.get("securityContext") or {}
    found: bool | None = (context.get("windowsOptions") or {}).get("hostProcess")
    return found
