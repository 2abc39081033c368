"""Errors as the Status documents that clients get, one constructor for each kind of failure.

Texts, reasons, codes and details follow kube-apiserver (apimachinery/pkg/api/errors/errors.go) because clients and people match on
them. Three oddities are kept on purpose: errors without a reason (untyped errors in Go) are 500 with no `reason` and no `details`;
400, 401, 413 and most 415 carry no `details`; the 404 of an unknown path, 405 and most 406 carry empty ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final, NamedTuple

from watchcache.api.quoting import quoted

UNKNOWN_RESOURCE: Final = "the server could not find the requested resource"
OPTIMISTIC_LOCK: Final = (
    "the object has been modified; please apply your changes to the latest version and try again"
)
OBJECT_MEDIA_TYPES: Final = ("application/json", "application/yaml", "application/vnd.kubernetes.protobuf")


class Cause(NamedTuple):
    """One reason of a failure: `reason` as `FieldValueInvalid`, `message` without the field, `field` as `spec.ports[0].port`."""

    reason: str
    message: str
    field: str = ""

    def body(self) -> dict[str, str]:
        """The cause as it stands in `details.causes`."""
        return {key: value for key, value in self._asdict().items() if value}

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


class GroupKind(NamedTuple):
    """A group and a kind (or, in messages about a resource, a plural)."""

    group: str
    kind: str

    def __str__(self) -> str:
        return f"{self.kind}.{self.group}" if self.group else self.kind


class StatusError(Exception):
    """A failure with the Status that answers it. `details` None leaves the member out; {} keeps it empty."""

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        details: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details
        self.headers = headers or {}
        self.metadata: dict[str, Any] = {}

    def body(self) -> dict[str, Any]:
        """The Status document, members in kube-apiserver's order."""
        document: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": self.metadata,
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "details": self.details,
            "code": self.code,
        }
        return {key: value for key, value in document.items() if value not in (None, "")}


def success(details: dict[str, Any] | None = None, code: int | None = None) -> dict[str, Any]:
    """The Status of a success: a DELETE states `details` and no code, a binding the code and no details."""
    document: dict[str, Any] = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
    if details is not None:
        document["details"] = details
    if code is not None:
        document["code"] = code
    return document


def object_details(group: str, kind: str, name: str, uid: str = "") -> dict[str, Any]:
    """`details` that name an object; what is empty is left out. `kind` is the plural, except where a kind is named."""
    parts = {"name": name, "group": group, "kind": kind, "uid": uid}
    return {key: value for key, value in parts.items() if value}


def _of_object(code: int, reason: str, resource: GroupKind, name: str, message: str) -> StatusError:
    return StatusError(code, reason, message, object_details(*resource, name))


def _resource(resource: str | GroupKind) -> GroupKind:
    """`deployments.apps` as (apps, deployments); what is one already stays."""
    if isinstance(resource, GroupKind):
        return resource
    plural, _, group = resource.partition(".")
    return GroupKind(group, plural)


def _after(seconds: int) -> dict[str, str]:
    return {"Retry-After": str(seconds)} if seconds > 0 else {}


def _retry(details: dict[str, Any], seconds: int) -> dict[str, Any]:
    return {**details, "retryAfterSeconds": seconds} if seconds > 0 else details


# Objects. `resource` is "plural.group" (Resource.group_resource) or a GroupKind.


def not_found(resource: str | GroupKind, name: str) -> StatusError:
    """404: the object does not exist."""
    about = _resource(resource)
    return _of_object(404, "NotFound", about, name, f"{about} {quoted(name)} not found")


def unknown_resource() -> StatusError:
    """404: the path names no resource that is served."""
    return StatusError(404, "NotFound", UNKNOWN_RESOURCE, {})


def already_exists(resource: str | GroupKind, name: str) -> StatusError:
    """409: the name is taken."""
    about = _resource(resource)
    return _of_object(409, "AlreadyExists", about, name, f"{about} {quoted(name)} already exists")


def generated_name_taken(resource: str | GroupKind, name: str) -> StatusError:
    """409: every generated name was taken; trying again may help."""
    about = _resource(resource)
    error = _of_object(
        409,
        "AlreadyExists",
        about,
        name,
        f"{about} {quoted(name)} already exists, the server was not able to generate a unique name for the object",
    )
    error.details = _retry(error.details or {}, 1)
    error.headers = _after(1)
    return error


def unmet(what: str, wanted: object, held: object) -> str:
    """What the storage says of a precondition (`UID`, `ResourceVersion`) that does not hold."""
    return f"Precondition failed: {what} in precondition: {wanted}, {what} in object meta: {held}"


def conflict(resource: str | GroupKind, name: str, message: str = OPTIMISTIC_LOCK) -> StatusError:
    """409: the object is not in the state the request supposes. Failed preconditions of a DELETE name the kind, not the plural."""
    about = _resource(resource)
    return _of_object(
        409, "Conflict", about, name, f"Operation cannot be fulfilled on {about} {quoted(name)}: {message}"
    )


def apply_conflict(message: str, fields: Sequence[tuple[str, str]]) -> StatusError:
    """409: an apply patch would change what others own; `fields` are pairs of an owner and a field. No object is named."""
    found = [Cause("FieldManagerConflict", f"conflict with {owner}", field) for owner, field in fields]
    return StatusError(409, "Conflict", message, {"causes": [cause.body() for cause in found]})


def forbidden(
    resource: str | GroupKind, name: str, message: str, causes: Sequence[Cause] = ()
) -> StatusError:
    """403: refused by authorization or admission. Without a name the message names the resource alone."""
    about = _resource(resource)
    if not about.kind:
        text = f"forbidden: {message}"
    else:
        text = (
            f"{about} {quoted(name)} is forbidden: {message}" if name else f"{about} is forbidden: {message}"
        )
    details = object_details(*about, name)
    if causes:
        details["causes"] = [cause.body() for cause in causes]
    return StatusError(403, "Forbidden", text, details)


def invalid(kind: GroupKind, name: str, causes: Sequence[Cause]) -> StatusError:
    """422: the object breaks rules; each cause names one, in the order they were found."""
    texts = list(
        dict.fromkeys(str(cause) for cause in causes)
    )  # the message lists equal causes once, the details twice
    summary = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    details = object_details(*kind, name)
    details["causes"] = [cause.body() for cause in causes]
    return StatusError(422, "Invalid", f"{kind} {quoted(name)} is invalid: {summary}", details)


def invalid_patch() -> StatusError:
    """422: a JSON patch that does not apply; kube-apiserver says no more than this."""
    return StatusError(422, "Invalid", "the server rejected our request due to an error in our request", {})


# Requests.


def bad_request(message: str) -> StatusError:
    """400: the request itself cannot be understood."""
    return StatusError(400, "BadRequest", message)


def unauthorized(message: str = "Unauthorized") -> StatusError:
    """401: the caller did not prove who it is."""
    return StatusError(401, "Unauthorized", message)


def method_not_allowed() -> StatusError:
    """405: the path does not support the method."""
    return StatusError(
        405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {}
    )


def unsupported_media_type(accepted: Sequence[str] = OBJECT_MEDIA_TYPES) -> StatusError:
    """415: the body's Content-Type is not read here."""
    message = f"the body of the request was in an unknown format - accepted media types include: {', '.join(accepted)}"
    return StatusError(415, "UnsupportedMediaType", message)


def unsupported_patch_type() -> StatusError:
    """415: the Content-Type is that of no patch at all."""
    return StatusError(415, "UnsupportedMediaType", "415: Unsupported Media Type", {})


def too_large(message: str = "limit is 3145728") -> StatusError:
    """413: the body, or the number of a patch's operations, is over the limit."""
    return StatusError(413, "RequestEntityTooLarge", f"Request entity too large: {message}")


def too_many_requests(message: str, retry_after: int = 1) -> StatusError:
    """429: not now; try again after so many seconds."""
    return StatusError(429, "TooManyRequests", message, _retry({}, retry_after), _after(retry_after))


def reinitializing(retry_after: int = 1) -> StatusError:
    """429 while a cache is not ready."""
    return too_many_requests("storage is (re)initializing", retry_after)


# Revisions.


def expired(message: str = "The resourceVersion for the provided list is too old.") -> StatusError:
    """410: the revision asked for is no longer in any history."""
    return StatusError(410, "Expired", message)


def expired_continue(token: str) -> StatusError:
    """410 of a continue token, with a token that lists the rest at the latest revision ("" when none could be made)."""
    advice = (
        "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter."
        if not token
        else "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, "
        "or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - "
        "objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list."
    )
    error = expired(advice)
    if token:
        error.metadata = {"continue": token}
    return error


def too_large_revision(requested: int, current: int, retry_after: int = 1) -> StatusError:
    """504: the revision lies in the future. Uncached resources say so without `retry_after`."""
    details = {"causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]}
    message = f"Timeout: Too large resource version: {requested}, current: {current}"
    return StatusError(504, "Timeout", message, _retry(details, retry_after), _after(retry_after))


# The server's own troubles.


def untyped(message: str) -> StatusError:
    """500 without a reason, as kube-apiserver answers errors that it did not classify."""
    return StatusError(500, "", message)


def internal(message: str, reason: str | None = None) -> StatusError:
    """500. With `reason` None it is the classified InternalError, whose message says so; with "" see `untyped`."""
    if reason is not None:
        return StatusError(500, reason, message)
    details = {"causes": [{"message": message}]}
    return StatusError(500, "InternalError", f"Internal error occurred: {message}", details)


def service_unavailable(message: str, retry_after: int = 0) -> StatusError:
    """503: this server cannot answer now."""
    return StatusError(
        503, "ServiceUnavailable", message, _retry({}, retry_after) or None, _after(retry_after)
    )


def timeout(message: str, retry_after: int = 0) -> StatusError:
    """504: the request's deadline passed; the message is put behind `Timeout: `."""
    return StatusError(504, "Timeout", f"Timeout: {message}", _retry({}, retry_after), _after(retry_after))


def reason_of(code: int) -> str:
    """The reason that goes with an HTTP status where no better one is known: 404 -> NotFound; "" for none."""
    return _REASONS.get(code, "")


_REASONS: Final[dict[int, str]] = {
    HTTPStatus.BAD_REQUEST: "BadRequest",
    HTTPStatus.UNAUTHORIZED: "Unauthorized",
    HTTPStatus.FORBIDDEN: "Forbidden",
    HTTPStatus.NOT_FOUND: "NotFound",
    HTTPStatus.METHOD_NOT_ALLOWED: "MethodNotAllowed",
    HTTPStatus.NOT_ACCEPTABLE: "NotAcceptable",
    HTTPStatus.CONFLICT: "Conflict",
    HTTPStatus.GONE: "Gone",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "RequestEntityTooLarge",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "UnsupportedMediaType",
    HTTPStatus.UNPROCESSABLE_ENTITY: "Invalid",
    HTTPStatus.TOO_MANY_REQUESTS: "TooManyRequests",
    HTTPStatus.INTERNAL_SERVER_ERROR: "InternalError",
    HTTPStatus.SERVICE_UNAVAILABLE: "ServiceUnavailable",
    HTTPStatus.GATEWAY_TIMEOUT: "Timeout",
}
