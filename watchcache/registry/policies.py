"""What admission policies need of the registry beyond what webhooks need: namespaces, parameters, who may do what, and the policies themselves.

Policies and bindings are followed in the log, so that it does not matter who wrote them. They are asked from the moment at which the server's own
standard objects are there, as webhooks are.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from watchcache.admission import Policies, Review
from watchcache.api.catalog import Resource
from watchcache.registry.calls import Document
from watchcache.registry.configured import Configured
from watchcache.registry.hooks import Hooks
from watchcache.registry.store import Store, in_namespace
from watchcache.registry.versions import complete, spoken

_GROUP: Final = "admissionregistration.k8s.io"
_KINDS: Final = {
    "ValidatingAdmissionPolicy": (False, False),
    "ValidatingAdmissionPolicyBinding": (False, True),
    "MutatingAdmissionPolicy": (True, False),
    "MutatingAdmissionPolicyBinding": (True, True),
}
"""Whether it is of those that mutate, and whether it is a binding."""


class Governing:
    """Follows the policies, and is what these know of the registry (`admission.policies.invocation.Known`)."""

    def __init__(self, store: Store, hooks: Hooks) -> None:
        self._store = store
        self.equivalents = hooks.equivalents
        self.reshaped = hooks.reshaped
        self.allows = hooks.allows
        self._hooks = hooks
        self.policies = Policies(store.chain, self, store.chain.clock)
        self.configured = Configured(
            store,
            _GROUP,
            {
                kind: partial(self.policies.bind if binds else self.policies.take, mutating=mutating)
                for kind, (mutating, binds) in _KINDS.items()
            },
        )

    # -- what policies ask

    async def spoken(self, review: Review, document: Document, resource: Resource) -> Document:
        """A document of a review, complete, in the version of `resource`."""
        return await self._hooks.spoken(review, document, resource)

    async def namespace(self, name: str) -> Document | None:
        """A namespace, complete; None when there is none."""
        entry = await self._store.namespace(name)
        if entry is None:
            return None
        resource = self._store.catalog.of_kind("", "v1", "Namespace")
        assert resource is not None, "the catalog has namespaces"
        return self._complete(resource, entry.value)

    def param_resource(self, api_version: str, kind: str) -> Resource | None:
        """The resource of a parameter's kind; None while nothing serves it."""
        group, _, version = api_version.rpartition("/")
        resource = self._store.catalog.of_kind(group, version, kind)
        return resource if resource is not None and resource.stored else None

    def policy(self, kind: str, name: str) -> Document | None:
        """A policy of a kind; None when there is none."""
        return self._store.found(_GROUP, kind, "", name)

    def params(self, resource: Resource, namespace: str, name: str) -> Sequence[Document]:
        """The objects of a kind in a namespace ("" where it has none), complete; `name` "" are all."""
        cacher = self._store.cacher(resource)
        if name:
            entry = cacher.get(
                f"{cacher.prefix}/{namespace}/{name}" if namespace else f"{cacher.prefix}/{name}"
            )
            return [] if entry is None else [self._complete(resource, entry.value)]
        return [self._complete(resource, entry.value) for entry in in_namespace(cacher, namespace)]

    def _complete(self, resource: Resource, value: bytes) -> Document:
        document = self._store.document(resource, value)
        return complete(document if resource.custom is not None else spoken(document, resource), resource)
