"""The checks of the level baseline; each gives a violation or None. Source: policy/check_*.go."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from typing import Any, Final

from watchcache.admission.standards.pods import (
    Document,
    Violation,
    containers,
    context,
    has_own_users,
    joined,
    of_containers,
    plural,
    setters,
)
from watchcache.api.quoting import quoted

Check = Callable[[Document, Document], Violation | None]
"""Of a pod's metadata and spec."""

_APP_ARMOR: Final = "container.apparmor.security.beta.kubernetes.io/"
_SECCOMP_POD: Final = "seccomp.security.alpha.kubernetes.io/pod"
_SECCOMP_CONTAINER: Final = "container.seccomp.security.alpha.kubernetes.io/"
PROFILES: Final = frozenset({"RuntimeDefault", "Localhost"})
_CAPABILITIES: Final = frozenset(
    {
        "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP", "SETGID", "SETPCAP",
        "SETUID", "SYS_CHROOT",
    }
)  # fmt: skip
SYSCTLS: Final = frozenset(
    {
        "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range",
        "net.ipv4.ip_unprivileged_port_start",
    }
)  # fmt: skip
SYSCTLS_27: Final = SYSCTLS | {"net.ipv4.ip_local_reserved_ports"}
SYSCTLS_29: Final = SYSCTLS_27 | {
    "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes",
}  # fmt: skip
SYSCTLS_32: Final = SYSCTLS_29 | {"net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"}
SELINUX_TYPES: Final = frozenset({"", "container_t", "container_init_t", "container_kvm_t"})
SELINUX_TYPES_31: Final = SELINUX_TYPES | {"container_engine_t"}


def app_armor(metadata: Document, spec: Document) -> Violation | None:
    """Profiles of AppArmor are the runtime's or the node's, in fields and annotations."""
    of_pod = _bad_profile(spec, "appArmorProfile")
    by_container = [(each["name"], _bad_profile(each, "appArmorProfile")) for each in containers(spec)]
    names = [name for name, bad in by_container if bad is not None]
    values = sorted({bad for bad in (of_pod, *(bad for _, bad in by_container)) if bad is not None})
    annotations = sorted(
        f"{key}={quoted(value)}"
        for key, value in (metadata.get("annotations") or {}).items()
        if key.startswith(_APP_ARMOR)
        and value not in {"", "runtime/default"}
        and not value.startswith("localhost/")
    )
    told = [setters(of_pod is not None, names)] if of_pod is not None or names else []
    if annotations:
        told.append(plural("annotation", len(annotations)))
    if not told:
        return None
    values += annotations
    reason = plural("forbidden AppArmor profile", len(values))
    return Violation(reason, f"{' and '.join(told)} must not set AppArmor profile type to {joined(values)}")


def _bad_profile(holder: Document, field: str) -> str | None:
    profile = context(holder).get(field)
    if profile is None:
        return None
    kind: str = profile.get("type") or ""
    return None if kind in PROFILES else kind


def capabilities(_metadata: Document, spec: Document) -> Violation | None:
    """No capabilities beyond the default ones are added."""
    names, added = [], set[str]()
    for each in containers(spec):
        if bad := set((context(each).get("capabilities") or {}).get("add") or ()) - _CAPABILITIES:
            names.append(each["name"])
            added |= bad
    if not names:
        return None
    text = (
        f"{of_containers(names)} must not include {joined(sorted(added))} in securityContext.capabilities.add"
    )
    return Violation("non-default capabilities", text)


def host_namespaces(_metadata: Document, spec: Document) -> Violation | None:
    """Network, processes and IPC of the node are its own."""
    set_true = [f"{key}=true" for key in ("hostNetwork", "hostPID", "hostIPC") if spec.get(key)]
    return Violation("host namespaces", ", ".join(set_true)) if set_true else None


def host_paths(_metadata: Document, spec: Document) -> Violation | None:
    """No volume is a directory of the node."""
    names = [each["name"] for each in spec.get("volumes") or () if each.get("hostPath") is not None]
    return Violation("hostPath volumes", f"{plural('volume', len(names))} {joined(names)}") if names else None


def host_ports(_metadata: Document, spec: Document) -> Violation | None:
    """No port of the node is taken."""
    names, ports = [], set[str]()
    for each in containers(spec):
        if taken := {str(port["hostPort"]) for port in each.get("ports") or () if port.get("hostPort")}:
            names.append(each["name"])
            ports |= taken
    if not names:
        return None
    verb = "uses" if len(names) == 1 else "use"
    text = f"{of_containers(names)} {verb} {plural('hostPort', len(ports))} {', '.join(sorted(ports))}"
    return Violation("hostPort", text)


def hosts(_metadata: Document, spec: Document) -> Violation | None:
    """Probes and lifecycle handlers ask the pod itself."""
    found: dict[str, set[str]] = {}
    for each in containers(spec):
        if named := set(_hosts(each)):
            found.setdefault(each["name"], set()).update(named)
    if not found:
        return None
    named = set[str]().union(*found.values())
    verb = "uses" if len(found) == 1 else "use"
    word = plural("probe or lifecycle host", len(named))
    text = f"{of_containers(sorted(found))} {verb} {word} {joined(sorted(named))}"
    return Violation("probe or lifecycle host", text)


def _hosts(container: Document) -> Iterator[str]:
    lifecycle = container.get("lifecycle") or {}
    handlers: list[Any] = [container.get(key) for key in ("livenessProbe", "readinessProbe", "startupProbe")]
    for handler in (*handlers, lifecycle.get("postStart"), lifecycle.get("preStop")):
        for key in ("httpGet", "tcpSocket"):
            if host := ((handler or {}).get(key) or {}).get("host"):
                yield host


def privileged(_metadata: Document, spec: Document) -> Violation | None:
    """No container is privileged."""
    names = [each["name"] for each in containers(spec) if context(each).get("privileged")]
    text = f"{of_containers(names)} must not set securityContext.privileged=true"
    return Violation("privileged", text) if names else None


def proc_mount(_metadata: Document, spec: Document) -> Violation | None:
    """`/proc` is masked."""
    bad = [
        (each["name"], kind)
        for each in containers(spec)
        if (kind := context(each).get("procMount")) not in {None, "Default"}
    ]
    if not bad:
        return None
    values = joined(sorted({kind for _, kind in bad}))
    text = f"{of_containers([name for name, _ in bad])} must not set securityContext.procMount to {values}"
    return Violation("procMount", text)


def proc_mount_35(metadata: Document, spec: Document) -> Violation | None:
    """The same of pods with the node's users."""
    return None if has_own_users(spec) else proc_mount(metadata, spec)


def selinux(allowed: AbstractSet[str]) -> Check:
    """The check of options of SELinux with these types."""

    def check(_metadata: Document, spec: Document) -> Violation | None:
        types, users, roles = set[str](), False, False
        names: list[str | None] = []
        for each in (spec, *containers(spec)):
            options = context(each).get("seLinuxOptions") or {}
            kind, user, role = (options.get(key) or "" for key in ("type", "user", "role"))
            if kind in allowed and not user and not role:
                continue
            names.append(None if each is spec else each["name"])
            types |= {kind} - allowed
            users, roles = users or bool(user), roles or bool(role)
        if not names:
            return None
        told = [f"{plural('type', len(types))} {joined(sorted(types))}"] if types else []
        told += [f"{word} may not be set" for word, given in (("user", users), ("role", roles)) if given]
        who = setters(None in names, [name for name in names if name is not None])
        return Violation(
            "seLinuxOptions", f"{who} set forbidden securityContext.seLinuxOptions: {'; '.join(told)}"
        )

    return check


def seccomp_annotations(metadata: Document, spec: Document) -> Violation | None:
    """Profiles of seccomp in annotations are the runtime's or the node's."""
    annotations = metadata.get("annotations") or {}
    keys = {_SECCOMP_POD, *(_SECCOMP_CONTAINER + each["name"] for each in containers(spec))}
    forbidden = sorted(
        f"{key}={quoted(annotations[key])}"
        for key in keys & set(annotations)
        if annotations[key] not in {"runtime/default", "docker/default"}
        and not annotations[key].startswith("localhost/")
    )
    if not forbidden:
        return None
    return Violation(
        "seccompProfile", f"forbidden {plural('annotation', len(forbidden))} {', '.join(forbidden)}"
    )


def seccomp(_metadata: Document, spec: Document) -> Violation | None:
    """The same in fields."""
    of_pod = _bad_profile(spec, "seccompProfile")
    bad = [
        (each["name"], kind)
        for each in containers(spec)
        if (kind := _bad_profile(each, "seccompProfile")) is not None
    ]
    if of_pod is None and not bad:
        return None
    values = {kind for _, kind in bad} | ({of_pod} if of_pod is not None else set())
    who = setters(of_pod is not None, [name for name, _ in bad])
    text = f"{who} must not set securityContext.seccompProfile.type to {joined(sorted(values))}"
    return Violation("seccompProfile", text)


def sysctls(allowed: AbstractSet[str]) -> Check:
    """The check of sysctls with these allowed."""

    def check(_metadata: Document, spec: Document) -> Violation | None:
        forbidden = [
            each["name"] for each in context(spec).get("sysctls") or () if each["name"] not in allowed
        ]
        return Violation("forbidden sysctls", ", ".join(forbidden)) if forbidden else None

    return check


def host_process(_metadata: Document, spec: Document) -> Violation | None:
    """No process of Windows runs on the node itself."""
    of_pod, *by_container = (
        bool((context(each).get("windowsOptions") or {}).get("hostProcess"))
        for each in (spec, *containers(spec))
    )
    names = [each["name"] for each, bad in zip(containers(spec), by_container, strict=True) if bad]
    if not of_pod and not names:
        return None
    text = f"{setters(of_pod, names)} must not set securityContext.windowsOptions.hostProcess=true"
    return Violation("hostProcess", text)
