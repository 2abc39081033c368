"""Kubernetes' own groups: whether the API of a definition was approved by those who look after them, as its annotation says.

Source: apiextensions-apiserver pkg/apihelpers (IsProtectedCommunityGroup, GetAPIApprovalState).
"""

from __future__ import annotations

import re
from typing import Final

APPROVAL: Final = "api-approved.kubernetes.io"
_PROTECTED: Final = ("k8s.io", "kubernetes.io")


def is_protected(group: str) -> bool:
    """Whether the group is one of Kubernetes' own."""
    return group.endswith(tuple(f".{each}" for each in _PROTECTED)) or group in _PROTECTED


def approval_of(value: str) -> bool | None:
    """Whether the annotation says that the API is approved (a URL), or that it is not; None when it says neither."""
    if value.startswith("unapproved"):
        return False
    return True if re.match(r"[a-z]+://[^/\s]+", value) else None
