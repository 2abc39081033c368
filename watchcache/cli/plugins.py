"""The names of admission plugins in `--enable-admission-plugins` and `--disable-admission-plugins`.

A name that kube-apiserver does not know is refused. One that it knows and that is not built here is named in a warning when it is to be
enabled; nothing has to be done to disable it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from watchcache.cli.values import comma_list

BUILT: Final = frozenset(
    {
        "CertificateApproval", "CertificateSigning", "CertificateSubjectRestriction", "DefaultIngressClass", "DefaultStorageClass",
        "DefaultTolerationSeconds", "LimitRanger", "MutatingAdmissionPolicy", "MutatingAdmissionWebhook", "NamespaceLifecycle", "NodeRestriction",
        "PersistentVolumeClaimResize", "PodSecurity", "PodTopologyLabels", "Priority", "ResourceQuota", "RuntimeClass", "ServiceAccount",
        "ValidatingAdmissionPolicy", "ValidatingAdmissionWebhook",
    }
)  # fmt: skip
KNOWN: Final = BUILT | {
    "AlwaysAdmit", "AlwaysDeny", "AlwaysPullImages",
    "ClusterTrustBundleAttest", "DenyServiceExternalIPs", "EventRateLimit",
    "ExtendedResourceToleration", "ImagePolicyWebhook", "JobValidation", "LimitPodHardAntiAffinityTopology",
    "NamespaceAutoProvision", "NamespaceExists", "NodeDeclaredFeatureValidator",
    "OwnerReferencesPermissionEnforcement", "PodGroupProtection", "PodGroupWorkloadExists", "PodNodeSelector",
    "PodResizeValidator", "PodTolerationRestriction", "StorageObjectInUseProtection", "TaintNodesByCondition",
}  # fmt: skip


def plugins(text: str) -> tuple[str, ...]:
    """The names between commas.

    Raises `ValueError` for one that no plugin has.
    """
    names = comma_list(text)
    for name in names:
        if name not in KNOWN:
            raise ValueError(f'unknown admission plugin "{name}"')
    return names


def without_effect(enabled: Sequence[str]) -> list[str]:
    """The names that were asked for and are not built here."""
    return [name for name in enabled if name not in BUILT]
