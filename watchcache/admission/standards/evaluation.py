"""Which checks make a level in a version, and what they find in a pod. Source: policy/registry.go."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Final, NamedTuple

from watchcache.admission.standards import baseline, restricted
from watchcache.admission.standards.baseline import Check
from watchcache.admission.standards.levels import Standard
from watchcache.admission.standards.pods import Document, Violation

_Versions = Sequence[tuple[int, Check]]
"""Checks by the minor from which on they count."""

_BASELINE: Final[dict[str, _Versions]] = {
    "appArmorProfile": [(0, baseline.app_armor)],
    "capabilities_baseline": [(0, baseline.capabilities)],
    "hostNamespaces": [(0, baseline.host_namespaces)],
    "hostPathVolumes": [(0, baseline.host_paths)],
    "hostPorts": [(0, baseline.host_ports)],
    "hostProbesAndHostLifecycle": [(34, baseline.hosts)],
    "privileged": [(0, baseline.privileged)],
    "procMount": [(0, baseline.proc_mount), (35, baseline.proc_mount_35)],
    "seLinuxOptions": [
        (0, baseline.selinux(baseline.SELINUX_TYPES)),
        (31, baseline.selinux(baseline.SELINUX_TYPES_31)),
    ],
    "seccompProfile_baseline": [(0, baseline.seccomp_annotations), (19, baseline.seccomp)],
    "sysctls": [
        (0, baseline.sysctls(baseline.SYSCTLS)),
        (27, baseline.sysctls(baseline.SYSCTLS_27)),
        (29, baseline.sysctls(baseline.SYSCTLS_29)),
        (32, baseline.sysctls(baseline.SYSCTLS_32)),
    ],
    "windowsHostProcess": [(0, baseline.host_process)],
}
"""In the order in which violations are told."""

_RESTRICTED: Final[list[tuple[_Versions, str]]] = [
    ([(8, restricted.escalation), (25, restricted.except_on_windows(restricted.escalation))], ""),
    (
        [(22, restricted.capabilities), (25, restricted.except_on_windows(restricted.capabilities))],
        "capabilities_baseline",
    ),
    ([(35, baseline.proc_mount)], "procMount"),
    ([(0, restricted.volumes)], "hostPathVolumes"),
    ([(0, restricted.non_root), (35, restricted.with_node_users(restricted.non_root))], ""),
    ([(23, restricted.user), (35, restricted.with_node_users(restricted.user))], ""),
    (
        [(19, restricted.seccomp_profile), (25, restricted.except_on_windows(restricted.seccomp_profile))],
        "seccompProfile_baseline",
    ),
]
"""The same, each with the check of baseline in whose place it is."""

_LATEST: Final = 35
"""The newest version of any check: what is newer is the same."""


class Violations(NamedTuple):
    """What is wrong with a pod, in short and in full."""

    reasons: str
    details: str


@cache
def _checks(level: str, minor: int) -> list[Check]:
    """Of a level that is not privileged."""
    held = {name: check for name, versions in _BASELINE.items() if (check := _at(versions, minor))}
    if level == "baseline":
        return list(held.values())
    added = [(check, place) for versions, place in _RESTRICTED if (check := _at(versions, minor))]
    for _, place in added:
        held.pop(place, None)
    return [*held.values(), *(check for check, _ in added)]


def _at(versions: _Versions, minor: int) -> Check | None:
    return next((check for first, check in reversed(versions) if first <= minor), None)


def violations(standard: Standard, pod: Document) -> Violations | None:
    """Of a pod or a template of pods; None when it is as the standard wants it."""
    if standard.level == "privileged":
        return None
    minor = _LATEST if standard.minor is None else min(standard.minor, _LATEST)
    metadata, spec = pod.get("metadata") or {}, pod.get("spec") or {}
    checked = (check(metadata, spec) for check in _checks(standard.level, minor))
    found = [each for each in checked if each is not None]
    if not found:
        return None
    return Violations(", ".join(each.reason for each in found), ", ".join(map(_told, found)))


def _told(violation: Violation) -> str:
    return f"{violation.reason} ({violation.detail})" if violation.detail else violation.reason
