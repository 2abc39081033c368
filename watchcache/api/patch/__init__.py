"""The three patch formats that built-in kinds take: JSON patch, JSON merge patch, strategic merge patch.

Pure functions from a document and a parsed patch to a new document; neither argument is changed. What makes a patch
unusable is raised as one of the exceptions below, which say what the caller answers.
"""

from watchcache.api.patch.errors import (
    DirectiveError,
    MalformedPatch,
    NoDocument,
    PatchError,
    PatchFailed,
    TooManyOperations,
)
from watchcache.api.patch.json_patch import Operation, json_patch, parse_operations
from watchcache.api.patch.merge_patch import merge_patch
from watchcache.api.patch.strategic import strategic

__all__ = [
    "DirectiveError",
    "MalformedPatch",
    "NoDocument",
    "Operation",
    "PatchError",
    "PatchFailed",
    "TooManyOperations",
    "json_patch",
    "merge_patch",
    "parse_operations",
    "strategic",
]
