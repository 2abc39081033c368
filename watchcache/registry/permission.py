"""What a user must be allowed besides the verb of the request: a PUT or PATCH that makes a new object is a creation, too."""

from __future__ import annotations

from watchcache.auth import Attributes, check
from watchcache.registry.calls import Call
from watchcache.registry.store import Store


def check_creation(store: Store, call: Call) -> None:
    """Raises StatusError 403 (apiserver/pkg/endpoints/handlers/create.go, withAuthorization)."""
    if store.access.open:
        return
    resource = call.resource
    attributes = Attributes(
        call.user,
        "create",
        resource.group,
        resource.version,
        resource.plural,
        call.subresource,
        call.namespace,
        call.name,
        "",
    )
    check(store.access.authorizer, attributes)
