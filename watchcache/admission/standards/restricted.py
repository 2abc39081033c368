"""The checks that the level restricted adds to those of baseline, or has in their place. Source: policy/check_*.go."""

from __future__ import annotations

from typing import Final

from watchcache.admission.standards.baseline import PROFILES, Check, seccomp
from watchcache.admission.standards.pods import (
    Document,
    Violation,
    containers,
    context,
    has_own_users,
    is_windows,
    joined,
    of_containers,
    plural,
    setters,
)

_ALLOWED: Final = (
    "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim", "projected", "secret",
)  # fmt: skip
_RESTRICTED: Final = (
    "hostPath", "gcePersistentDisk", "awsElasticBlockStore", "gitRepo", "nfs", "iscsi", "glusterfs", "rbd", "flexVolume", "cinder",
    "cephfs", "flocker", "fc", "azureFile", "vsphereVolume", "quobyte", "azureDisk", "photonPersistentDisk", "portworxVolume", "scaleIO",
    "storageos",
)  # fmt: skip


def except_on_windows(check: Check) -> Check:
    """The check for pods that do not say that they are for Windows, which cannot set what it wants."""

    def checked(metadata: Document, spec: Document) -> Violation | None:
        return None if is_windows(spec) else check(metadata, spec)

    return checked


def with_node_users(check: Check) -> Check:
    """The check for pods whose users are the node's."""

    def checked(metadata: Document, spec: Document) -> Violation | None:
        return None if has_own_users(spec) else check(metadata, spec)

    return checked


def escalation(_metadata: Document, spec: Document) -> Violation | None:
    """No process gets more privileges than its parent has."""
    names = [
        each["name"]
        for each in containers(spec)
        if context(each).get("allowPrivilegeEscalation") is not False
    ]
    text = f"{of_containers(names)} must set securityContext.allowPrivilegeEscalation=false"
    return Violation("allowPrivilegeEscalation != false", text) if names else None


def capabilities(_metadata: Document, spec: Document) -> Violation | None:
    """All capabilities are dropped, and no other is added than to bind to low ports."""
    keeping, adding, added = [], [], set[str]()
    for each in containers(spec):
        said = context(each).get("capabilities") or {}
        if "ALL" not in (said.get("drop") or ()):
            keeping.append(each["name"])
        if bad := set(said.get("add") or ()) - {"NET_BIND_SERVICE"}:
            adding.append(each["name"])
            added |= bad
    told = []
    if keeping:
        told.append(f'{of_containers(keeping)} must set securityContext.capabilities.drop=["ALL"]')
    if adding:
        told.append(
            f"{of_containers(adding)} must not include {joined(sorted(added))} in securityContext.capabilities.add"
        )
    return Violation("unrestricted capabilities", "; ".join(told)) if told else None


def volumes(_metadata: Document, spec: Document) -> Violation | None:
    """Volumes are of kinds that the cluster provides."""
    bad = [
        (each["name"], next((key for key in _RESTRICTED if each.get(key) is not None), "unknown"))
        for each in spec.get("volumes") or ()
        if all(each.get(key) is None for key in _ALLOWED)
    ]
    if not bad:
        return None
    kinds = sorted({kind for _, kind in bad})
    verb = "uses" if len(bad) == 1 else "use"
    names = f"{plural('volume', len(bad))} {joined(name for name, _ in bad)}"
    text = f"{names} {verb} {plural('restricted volume type', len(kinds))} {joined(kinds)}"
    return Violation("restricted volume types", text)


def non_root(_metadata: Document, spec: Document) -> Violation | None:
    """The pod, or each of its containers, says that it does not run as root."""
    of_pod = context(spec).get("runAsNonRoot")
    said = [(each["name"], context(each).get("runAsNonRoot")) for each in containers(spec)]
    wrong = [name for name, value in said if value is False]
    reason = "runAsNonRoot != true"
    if of_pod is False or wrong:
        who = setters(of_pod is False, wrong)
        return Violation(reason, f"{who} must not set securityContext.runAsNonRoot=false")
    silent = [name for name, value in said if value is None]
    if of_pod or not silent:
        return None
    return Violation(reason, f"pod or {of_containers(silent)} must set securityContext.runAsNonRoot=true")


def user(_metadata: Document, spec: Document) -> Violation | None:
    """Nobody runs as the user 0."""
    of_pod = context(spec).get("runAsUser") == 0
    names = [each["name"] for each in containers(spec) if context(each).get("runAsUser") == 0]
    if not of_pod and not names:
        return None
    return Violation("runAsUser=0", f"{setters(of_pod, names)} must not set runAsUser=0")


def seccomp_profile(metadata: Document, spec: Document) -> Violation | None:
    """The pod, or each of its containers, has a profile, and one that the level baseline allows."""
    found = seccomp(metadata, spec)
    of_pod = context(spec).get("seccompProfile") or {}
    if found is not None or of_pod.get("type") in PROFILES:
        return found
    silent = [each["name"] for each in containers(spec) if context(each).get("seccompProfile") is None]
    wanted = 'must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"'
    return Violation("seccompProfile", f"pod or {of_containers(silent)} {wanted}") if silent else None
