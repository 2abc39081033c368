"""Which policies a write concerns, by which bindings, and with which parameters.

Source: k/k apiserver pkg/admission/plugin/policy/{matching/matching,generic/policy_dispatcher}.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple, Protocol

from watchcache.admission.chain import Review
from watchcache.admission.matching import (
    is_namespace,
    labels_of_namespace,
    name_of,
    namespace_of,
    selects_objects,
)
from watchcache.admission.policies.definition import Binding, Constraints, NamedRule, Policy, Reference
from watchcache.admission.webhooks.review import Subject, permission, question
from watchcache.api import status
from watchcache.api.catalog import Resource
from watchcache.api.custom.authorizing import Answer, Question
from watchcache.api.user import UserInfo

Document = dict[str, Any]
_NOT_SHOWN: Final = frozenset({"uid", "object", "oldObject"})
_EXEMPT: Final = frozenset({"admissionregistration.k8s.io", "authentication.k8s.io", "authorization.k8s.io"})
"""Groups of what policies are made of, and of reviews: a policy about these could lock everybody out."""


Hook = tuple[Policy, Sequence[Binding]]
"""A policy and its bindings."""
Key = tuple[str, str, str, str]
"""Of an invocation: policy, binding, and the parameter's namespace and name."""


class Invocation(NamedTuple):
    """A policy that is to be asked, with one parameter, about a write that is taken as one of a resource."""

    policy: Policy
    binding: Binding
    param: Document | None
    resource: Resource

    @property
    def key(self) -> Key:
        """What tells it from the others of a write."""
        metadata = (self.param or {}).get("metadata") or {}
        return (
            self.policy.name,
            self.binding.name,
            metadata.get("namespace") or "",
            metadata.get("name") or "",
        )


class Fault(NamedTuple):
    """Why a policy cannot be asked by a binding; by none of them when there is no binding."""

    binding: Binding | None
    text: str


class Known(Protocol):
    """What the registry knows."""

    def equivalents(self, resource: Resource) -> list[Resource]:
        """The resource in its other versions, in the order of the catalog."""

    async def spoken(self, review: Review, document: Document, resource: Resource) -> Document:
        """A document of a review, complete, in the version of `resource`."""

    async def reshaped(self, review: Review, patched: Document, resource: Resource) -> Document:
        """What a policy made of one, in the form of what is admitted. Raises StatusError."""

    async def namespace(self, name: str) -> Document | None:
        """A namespace, complete; None when there is none."""

    def param_resource(self, api_version: str, kind: str) -> Resource | None:
        """The resource of a parameter's kind; None while nothing serves it."""

    def params(self, resource: Resource, namespace: str, name: str) -> Sequence[Document]:
        """The objects of a kind in a namespace ("" where it has none), complete; `name` "" are all."""

    def allows(self, user: UserInfo, asked: Question) -> tuple[bool, str]:
        """Whether a user may do what is asked, and why."""


class Misconfigured(Exception):
    """A policy or a binding cannot be asked; says why."""


def is_exempt(review: Review) -> bool:
    """Whether no policy looks at a write."""
    return review.resource.group in _EXEMPT and (
        not review.resource.stored or review.resource.group == "admissionregistration.k8s.io"
    )


class Write:
    """A write, as policies see it: what they ask of it is found out once."""

    def __init__(self, review: Review, known: Known) -> None:
        self.review = review
        self._known = known
        self._subjects: dict[Resource, Subject] = {}
        self._space: list[Document] = []
        self._values: dict[Resource, dict[str, Any]] = {}

    async def matched(self, constraints: Constraints) -> Resource | None:
        """The resource as which it is one that they are about; None when it is not. Raises Misconfigured."""
        review = self.review
        space, missing = await self._selects_namespace(constraints)
        if not space or not selects_objects(constraints.objects, review.document, review.old):
            return None
        if self._named(constraints.excluded, equivalent=constraints.equivalent) is not None:
            return None
        found: Resource | None = review.resource
        if constraints.rules:
            found = self._named(constraints.rules, equivalent=constraints.equivalent)
        if found is not None and missing:
            raise Misconfigured(missing)
        return found

    async def _selects_namespace(self, constraints: Constraints) -> tuple[bool, str]:
        selector, name = constraints.namespaces, namespace_of(self.review)
        if not selector or not name:
            return True, ""
        labels = labels_of_namespace(self.review, None)
        if labels is None:
            space = await self._known.namespace(name)
            if space is None:
                return True, f'namespaces "{name}" not found'
            labels = space["metadata"].get("labels") or {}
        return selector.matches(labels), ""

    def _named(self, rules: Iterable[NamedRule], *, equivalent: bool) -> Resource | None:
        review = self.review
        name = self.name
        for rule, names in rules:
            if rule.matches(review, review.resource) and (not names or name in names):
                return review.resource
        if equivalent:
            for rule, names in rules:
                for other in self._known.equivalents(review.resource):
                    if rule.matches(review, other) and (not names or name in names):
                        return other
        return None

    @property
    def name(self) -> str:
        """The name of the object; "" while it has none."""
        review = self.review
        stated = name_of(review.document)
        return stated if review.old is None and not review.subresource else review.name

    async def subject(self, resource: Resource) -> Subject:
        """Its documents in the version of a resource."""
        subject = self._subjects.get(resource)
        if subject is None:
            review = self.review
            document, old = review.document, review.old
            subject = self._subjects[resource] = Subject(
                resource,
                None if document is None else await self._known.spoken(review, document, resource),
                None if old is None else await self._known.spoken(review, old, resource),
            )
        return subject

    def changed(self, document: Document) -> None:
        """It is another document from now on."""
        self.review.document = document
        self._subjects.clear()
        self._values.clear()

    async def space(self) -> Document | None:
        """The namespace that it is in. Raises StatusError 404."""
        review = self.review
        if is_namespace(review.resource) or not review.namespace:
            return None
        if not self._space:
            found = await self._known.namespace(review.namespace)
            if found is None:
                raise status.not_found("namespaces", review.namespace)
            self._space.append(found)
        return self._space[0]

    async def values(self, resource: Resource) -> dict[str, Any]:
        """The values of what expressions may name, without parameters."""
        if resource not in self._values:
            self._values[resource] = await self._found(resource)
        return self._values[resource]

    async def _found(self, resource: Resource) -> dict[str, Any]:
        review, subject = self.review, await self.subject(resource)
        request = question(review, subject, "v1", "")["request"]
        space = await self.space()
        return {
            "object": subject.document,
            "oldObject": subject.old,
            "request": {name: value for name, value in request.items() if name not in _NOT_SHOWN},
            "namespaceObject": space,
            "authorizer": {"requestResource": permission(review)},
        }

    def answer(self) -> Answer:
        """Who says what the user of the write may do."""
        user = self.review.user
        return lambda asked: self._known.allows(user, asked)

    async def invocations(self, policy: Policy, bindings: Iterable[Binding]) -> list[Invocation | Fault]:
        """How often, and with what, a policy is to be asked; in the order of its bindings."""
        try:
            resource = None if policy.constraints is None else await self.matched(policy.constraints)
            if resource is None:
                return []
            self.check_configured(policy)
        except Misconfigured as problem:
            return [Fault(None, f"failed to configure policy: {problem}")]
        found: list[Invocation | Fault] = []
        for binding in bindings:
            try:
                if binding.constraints is not None and await self.matched(binding.constraints) is None:
                    continue
                params = self.params(policy, binding)
            except Misconfigured as problem:
                found.append(Fault(binding, f"failed to configure binding: {problem}"))
                continue
            found += [Invocation(policy, binding, param, resource) for param in params]
        return found

    def params(self, policy: Policy, binding: Binding) -> list[Document | None]:
        """The parameters with which a policy is asked, one after the other. Raises Misconfigured."""
        if policy.param_kind is None or binding.reference is None:
            return [None]
        resource = self._known.param_resource(*policy.param_kind)
        if resource is None:  # as `configured` has found
            return []
        found = self._referred(resource, binding.reference)
        if not found and binding.reference.denies:
            raise Misconfigured("no params found for policy binding with `Deny` parameterNotFoundAction")
        return [*found]

    def _referred(self, resource: Resource, reference: Reference) -> list[Document]:
        namespace = ""
        if resource.namespaced:
            namespace = reference.namespace or namespace_of(self.review)
            if not namespace:
                raise Misconfigured(
                    "cannot use namespaced paramRef in policy binding that matches cluster-scoped resources"
                )
        elif reference.namespace:
            raise Misconfigured("paramRef.namespace must not be provided for a cluster-scoped `paramKind`")
        found = self._known.params(resource, namespace, reference.name)
        selector = reference.selector
        return [each for each in found if selector.matches(each["metadata"].get("labels") or {})]

    def check_configured(self, policy: Policy) -> None:
        """Raises Misconfigured when nothing serves the kind of a policy's parameters."""
        if policy.param_kind is not None and self._known.param_resource(*policy.param_kind) is None:
            version, kind = policy.param_kind
            raise Misconfigured(f"failed to find resource referenced by paramKind: '{version}, Kind={kind}'")
