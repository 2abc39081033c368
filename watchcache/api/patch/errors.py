"""Why a patch was not applied, with the answer that kube-apiserver gives for it."""

from __future__ import annotations

from typing import Any, Final

TOO_DEEP: Final = "error decoding patch: json: exceeded max depth"
"""What a patch is told that nests deeper than the interpreter follows; Go's limit is 10,000 levels."""


class PatchError(Exception):
    """A patch that cannot be applied. `code` is the HTTP status of the answer, `str()` its message."""

    code = 500


class MalformedPatch(PatchError):
    """The body is no patch of the named format: 400 BadRequest with this message."""

    code = 400


class TooManyOperations(PatchError):
    """A JSON patch beyond the limit of operations: 413 RequestEntityTooLarge with this message."""

    code = 413


class PatchFailed(PatchError):
    """The patch does not fit the document (failed `test`, absent path): 422 Invalid with `details: {}`.

    kube-apiserver hides the reason from clients behind its general text for 422; `reason` keeps it for logs.
    """

    code = 422

    def __init__(self, reason: str) -> None:
        super().__init__("the server rejected our request due to an error in our request")
        self.reason = reason


class NoDocument(PatchFailed):
    """The patch leaves no object; `value` is what it leaves."""

    def __init__(self, value: Any) -> None:
        super().__init__("the patched document is no object")
        self.value = value


class DirectiveError(PatchError):
    """A strategic merge patch contradicts itself or lacks a merge key: 500 without a reason, with this message."""
