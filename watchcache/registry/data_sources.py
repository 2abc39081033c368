"""What a claim's volume is filled with: an old field and a new one say the same, and what neither can say is dropped.

Source: k/k pkg/api/persistentvolumeclaim/util.go (DropDisabledFields, EnforceDataSourceBackwardsCompatibility, NormalizeDataSources).
"""

from __future__ import annotations

from typing import Final

from watchcache.registry.calls import Document

_OLD, _NEW = "dataSource", "dataSourceRef"
_KINDS: Final = frozenset({("", "PersistentVolumeClaim"), ("snapshot.storage.k8s.io", "VolumeSnapshot")})
"""Group and kind of what the old field alone may name."""


def settle(claim: Document, before: Document | None) -> None:
    """Brings both fields of a claim in line; `before` is the claim as it is stored, whose sources stay what they are."""
    asked = claim.get("spec") or {}
    if _OLD not in asked and _NEW not in asked:
        return
    spec = claim["spec"] = dict(asked)
    known = (before or {}).get("spec") or {}
    elsewhere = (spec.get(_NEW) or {}).get("namespace")
    if elsewhere and not known.get(_NEW):  # the gate CrossNamespaceVolumeDataSource is off
        spec.pop(_NEW)
    source, reference = spec.get(_OLD), spec.get(_NEW)
    if source is not None and reference is None and not known.get(_OLD) and not known.get(_NEW):
        named = source.get("apiGroup") or "", source.get("kind") or ""
        if named not in _KINDS:
            del spec[_OLD]
            return
    if source is not None and reference is None:
        spec[_NEW] = dict(source)
    elif reference is not None and source is None and not reference.get("namespace"):
        spec[_OLD] = dict(reference)
