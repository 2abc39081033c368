"""Reviews: questions that are asked with a POST and answered, never stored.

Who may do what, and who is behind a token, is known elsewhere: authorizer and authenticator are handed in. Shapes and texts: golden exchanges 158 and 159, and a kube-apiserver 1.36.3.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import msgspec

from watchcache.api import status
from watchcache.api.catalog import Catalog
from watchcache.api.status import Cause, GroupKind, StatusError
from watchcache.api.user import UserInfo
from watchcache.auth import AlwaysAllow, Attributes, Authorizer, Decision, aggregate
from watchcache.registry.calls import Call, Document, Outcome
from watchcache.registry.deletion import timestamp
from watchcache.registry.incoming import body_wording, check_type, settle_namespace, shaped


class Verdict(NamedTuple):
    """Who is behind a token, and which of the audiences asked about it is for; or, where nobody is, why."""

    user: UserInfo | None
    audiences: tuple[str, ...] = ()
    error: str = ""


Authenticate = Callable[[str, Sequence[str]], Verdict]
"""(bearer token, audiences, none for the API's) -> who is behind it."""


def nobody(_token: str, _audiences: Sequence[str]) -> Verdict:
    """An authenticator that knows no tokens."""
    return Verdict(None, error="invalid bearer token")


class Reviewer(msgspec.Struct, frozen=True):
    """Answers reviews."""

    catalog: Catalog
    clock: Callable[[], float]
    authorizer: Authorizer = msgspec.field(default_factory=AlwaysAllow)
    authenticate: Authenticate = nobody

    def answers(self, call: Call) -> bool:
        """Whether the call's kind is a review."""
        return (call.resource.group, call.resource.kind) in _ANSWERS

    def question(self, call: Call, document: Document) -> Document:
        """The review of a call's body. Raises StatusError."""
        resource = call.resource
        wording = body_wording(call, document)
        check_type(self.catalog, resource, document, wording)
        review = shaped(call, document, resource.schema, wording)
        settle_namespace(call, review)
        return {"kind": resource.kind, "apiVersion": resource.api_version} | review

    def answer(self, call: Call, review: Document) -> Outcome:
        """The review with its status; 201. Raises StatusError for a question that cannot be answered."""
        resource = call.resource
        answer = _ANSWERS[resource.group, resource.kind](self, call, review)
        metadata = {name: value for name, value in review["metadata"].items() if name != "creationTimestamp"}
        head = {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": metadata}
        return Outcome(201, document=head | answer)


def _self_access(reviewer: Reviewer, call: Call, review: Document) -> Document:
    return _access(reviewer, call.user, review)


def _subject_access(reviewer: Reviewer, _call: Call, review: Document) -> Document:
    spec = review.get("spec") or {}
    if not spec.get("user") and not spec.get("groups"):
        raise _invalid("spec.user", 'Invalid value: "": at least one of user or group must be specified')
    extra = {key: tuple(values) for key, values in (spec.get("extra") or {}).items()}
    user = UserInfo(spec.get("user") or "", spec.get("uid") or "", tuple(spec.get("groups") or ()), extra)
    return _access(reviewer, user, review)


def _local_access(reviewer: Reviewer, call: Call, review: Document) -> Document:
    spec = review.get("spec") or {}
    if (paths := spec.get("nonResourceAttributes")) is not None:
        text = "disallowed on this kind of request"
        raise _invalid("spec.nonResourceAttributes", f"Invalid value: {_shown(paths)}: {text}")
    attributes = spec.get("resourceAttributes") or {}
    if attributes.get("namespace", "") != call.namespace:
        asked = attributes.get("namespace", "")
        raise _invalid(
            "spec.resourceAttributes.namespace", f'Invalid value: "{asked}": must match metadata.namespace'
        )
    return _subject_access(reviewer, call, review)


def _access(reviewer: Reviewer, user: UserInfo, review: Document) -> Document:
    spec = review.get("spec") or {}
    asked = {
        name: spec[name]
        for name in ("resourceAttributes", "nonResourceAttributes")
        if spec.get(name) is not None
    }
    if len(asked) > 1:
        text = "cannot be specified in combination with resourceAttributes"
        shown = _shown(asked["nonResourceAttributes"])
        raise _invalid("spec.nonResourceAttributes", f"Invalid value: {shown}: {text}")
    if not asked:
        text = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        raise _invalid("spec.resourceAttributes", f"Invalid value: null: {text}")
    (what,) = asked.values()
    decision, reason = reviewer.authorizer.authorize(attributes_of(user, what))
    answer: Document = {"allowed": decision is Decision.ALLOW}
    if decision is Decision.DENY:
        answer["denied"] = True
    if reason:
        answer["reason"] = reason
    return {"spec": spec, "status": answer}


def _shown(paths: Document) -> str:
    """The value of nonResourceAttributes as Go shows its own type."""
    own = {"Path": paths.get("path") or "", "Verb": paths.get("verb") or ""}
    return msgspec.json.encode(own).decode()


def attributes_of(user: UserInfo, asked: Document) -> Attributes:
    """What `resourceAttributes` or `nonResourceAttributes` say."""

    def said(name: str) -> str:
        text: str = asked.get(name) or ""
        return text

    selector = asked.get("fieldSelector") or {}
    selected = tuple(
        (term["key"], term["values"][0])
        for term in selector.get("requirements") or ()
        if term.get("operator") == "In" and len(term.get("values") or ()) == 1
    )
    return Attributes(
        user,
        said("verb"),
        said("group"),
        said("version"),
        said("resource"),
        said("subresource"),
        said("namespace"),
        said("name"),
        said("path"),
        selected,
    )


def _rules(reviewer: Reviewer, call: Call, review: Document) -> Document:
    """What the caller may do, as far as the authorizers can list it."""
    namespace = (review.get("spec") or {}).get("namespace")
    if not namespace:
        raise status.bad_request("no namespace on request")
    found = reviewer.authorizer.rules(call.user, namespace)
    answer: Document = {
        "resourceRules": list(found.resources),
        "nonResourceRules": list(found.paths),
        "incomplete": found.incomplete,
    }
    if found.problems:
        answer["evaluationError"] = aggregate(found.problems)
    return {"spec": {}, "status": answer}


def _token(reviewer: Reviewer, _call: Call, review: Document) -> Document:
    spec = review.get("spec") or {}
    token = spec.get("token")
    if not token:
        raise status.bad_request("token is required for TokenReview in authentication")
    user, audiences, error = reviewer.authenticate(token, spec.get("audiences") or ())
    if user is None:
        return {"spec": spec, "status": {"user": {}, "error": error}}
    known = {"authenticated": True, "user": user_document(user), "audiences": list(audiences)}
    return {"spec": spec, "status": known}


def _self_subject(reviewer: Reviewer, call: Call, review: Document) -> Document:
    metadata = {**review["metadata"], "creationTimestamp": timestamp(reviewer.clock())}
    return {"metadata": metadata, "status": {"userInfo": user_document(call.user)}}


def user_document(user: UserInfo) -> Document:
    """A user as `authentication.k8s.io/v1` UserInfo."""
    document: Document = {"username": user.name}
    if user.uid:
        document["uid"] = user.uid
    if user.groups:
        document["groups"] = list(user.groups)
    if user.extra:
        document["extra"] = {key: list(values) for key, values in user.extra.items()}
    return document


def _invalid(field: str, message: str) -> StatusError:
    """kube-apiserver names no kind here; so do we."""
    return status.invalid(
        GroupKind("authorization.k8s.io", ""), "", [Cause("FieldValueInvalid", message, field)]
    )


_ANSWERS: Final[dict[tuple[str, str], Callable[[Reviewer, Call, Document], Document]]] = {
    ("authorization.k8s.io", "SelfSubjectAccessReview"): _self_access,
    ("authorization.k8s.io", "SubjectAccessReview"): _subject_access,
    ("authorization.k8s.io", "LocalSubjectAccessReview"): _local_access,
    ("authorization.k8s.io", "SelfSubjectRulesReview"): _rules,
    ("authentication.k8s.io", "TokenReview"): _token,
    ("authentication.k8s.io", "SelfSubjectReview"): _self_subject,
}
