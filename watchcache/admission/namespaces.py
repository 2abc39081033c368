"""NamespaceLifecycle: nothing is created in a namespace that is not there or is going away (M22).

Updates and deletions in a terminating namespace are allowed, or it could never be emptied. The
namespaces that a cluster cannot do without cannot be deleted.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Final

from watchcache.admission.chain import Operation, Review
from watchcache.api import status
from watchcache.api.status import Cause

IMMORTAL: Final = frozenset({"default", "kube-system", "kube-public"})
# What controllers and authorizers ask about a namespace must work while it ends.
_ACCESS_REVIEWS: Final = frozenset({"localsubjectaccessreviews"})


class NamespaceState(Enum):
    """What the plugin needs to know about a namespace."""

    ABSENT = "absent"
    ACTIVE = "active"
    TERMINATING = "terminating"


class NamespaceLifecycle:
    """The plugin; `state_of` tells the state of the namespace of a name.

    What it tells may be behind where several servers share a store: `refresh` is awaited before anything is refused.
    """

    name = "NamespaceLifecycle"
    operations = frozenset({Operation.CREATE, Operation.DELETE})

    def __init__(
        self, state_of: Callable[[str], NamespaceState], refresh: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        self._state_of = state_of
        self._refresh = refresh

    def admit(self, review: Review) -> Awaitable[None] | None:
        """Refuse creations in absent (404) or terminating (403) namespaces and the deletion of immortal ones (403)."""
        resource = review.resource
        if resource.plural == "namespaces" and resource.group == "":
            if review.operation is Operation.DELETE and review.name in IMMORTAL:
                raise status.forbidden(
                    resource.group_resource, review.name, "this namespace may not be deleted"
                )
            return None
        if review.operation is not Operation.CREATE or not review.namespace:
            return None
        if resource.plural in _ACCESS_REVIEWS or self._state_of(review.namespace) is NamespaceState.ACTIVE:
            return None
        return self._refuse(review)

    async def _refuse(self, review: Review) -> None:
        """Unless it is known better by now."""
        if self._refresh is not None:
            await self._refresh()
        namespace = review.namespace
        state = self._state_of(namespace)
        if state is NamespaceState.ACTIVE:
            return
        if state is NamespaceState.ABSENT:
            raise status.not_found("namespaces", namespace)
        raise status.forbidden(
            review.resource.group_resource,
            review.name,
            f"unable to create new content in namespace {namespace} because it is being terminated",
            causes=[
                Cause(
                    "NamespaceTerminating",
                    f"namespace {namespace} is being terminated",
                    "metadata.namespace",
                )
            ],
        )
