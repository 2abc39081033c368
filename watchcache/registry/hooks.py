"""What webhooks need of the registry: documents in the versions that they want, namespaces' labels, services' addresses, and the configurations.

The configurations are followed in the log, so that it does not matter who wrote them. They are asked from the moment at which the server's own
standard objects are there: a webhook that needs this server to run does not keep it from starting.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from watchcache.admission import Operation, Review, Webhooks
from watchcache.api import status
from watchcache.api.catalog import Resource
from watchcache.api.defaulting import apply_defaults
from watchcache.api.meta import new_uid
from watchcache.api.schema import Schema
from watchcache.api.structure import TypeMismatch, conform, zero
from watchcache.api.user import AUTHENTICATED, UserInfo, account_groups
from watchcache.auth import Decision
from watchcache.registry.calls import Document
from watchcache.registry.configured import Configured
from watchcache.registry.incoming import SCHEME, PatchedWording, check_type
from watchcache.registry.kinds import strategy_of
from watchcache.registry.reviews import attributes_of
from watchcache.registry.store import Store
from watchcache.registry.versions import complete, incoming, spoken

if TYPE_CHECKING:
    from watchcache.webhooks import Caller

_GROUP: Final = "admissionregistration.k8s.io"
_ASKED: Final = frozenset({"path", "verb", "group", "resource", "subresource", "namespace", "name"})
_KINDS: Final = {"MutatingWebhookConfiguration": True, "ValidatingWebhookConfiguration": False}


class Hooks:
    """Follows the configurations of webhooks, and is what these know of the registry (`admission.webhooks.invocation.Forms`)."""

    def __init__(self, store: Store, caller: Callable[[], Caller]) -> None:
        """`caller` gives what calls webhooks."""
        self._store = store
        self.webhooks = Webhooks(store.chain, caller, self, lambda: new_uid(store.random), store.chain.clock)
        self.configured = Configured(
            store,
            _GROUP,
            {kind: partial(self.webhooks.take, mutating=mutating) for kind, mutating in _KINDS.items()},
        )

    # -- what webhooks ask

    def equivalents(self, resource: Resource) -> list[Resource]:
        """The resource in its other versions, in the order of the catalog."""
        if not resource.stored:
            return []
        return [
            other
            for other in self._store.catalog.resources()
            if other.storage_prefix == resource.storage_prefix and other is not resource
        ]

    async def spoken(self, review: Review, document: Document, resource: Resource) -> Document:
        """A document of a review, complete, in the version of `resource`."""
        if review.kind is not None:
            return document
        if resource.custom is not None:
            made = await self._store.conversions.between(review.resource, resource, document)
        else:
            made = spoken(document, resource) if resource.stored else document
        return complete(made, resource)

    async def reshaped(self, review: Review, patched: Document, resource: Resource) -> Document:
        """What a webhook made of a document: typed, pruned, with defaults, as it is kept. Raises StatusError."""
        if review.kind is not None:
            schema = self._store.catalog.schema_of(*review.kind)
            return patched if schema is None else _typed(patched, schema)  # options of connections have none
        if resource.custom is not None:
            made = self._custom(patched, resource)
            made = await self._store.conversions.between(resource, review.resource, made)
        else:
            self._check_type(resource, patched)
            made = _typed(patched, resource.schema)
            if _drops_status(review, resource):
                made["status"] = zero(resource.schema.properties["status"])
            apply_defaults(made, resource.schema)
            if resource.stored:
                made = incoming(made, resource)
        _keep_owners(review, made)
        return made

    def _custom(self, patched: Document, resource: Resource) -> Document:
        from watchcache.api.custom.content import shaped  # noqa: PLC0415 - as in `incoming`
        from watchcache.api.custom.resources import OBJECT_META  # noqa: PLC0415

        assert resource.custom is not None
        check_type(self._store.catalog, resource, patched, PatchedWording(patched))
        metadata = self._store.catalog.definitions.find(OBJECT_META)
        try:
            made, _ = shaped(
                {**patched, "metadata": _coerced(patched.get("metadata"), metadata)},
                resource.custom,
                metadata,
            )
        except TypeMismatch as mismatch:
            raise status.internal(str(mismatch)) from None
        resource.custom.complete(made)
        return made

    def _check_type(self, resource: Resource, patched: Document) -> None:
        kind, version = patched.get("kind") or "", patched.get("apiVersion") or ""
        if kind == resource.kind and version == resource.api_version:
            return
        group, _, short = version.rpartition("/")
        if self._store.catalog.schema_of(group, short, kind) is None:
            raise status.internal(f'no kind "{kind}" is registered for version "{version}" {SCHEME}')
        text = (
            f"converting ({short}.{kind}) to ({resource.group or 'core'}.{resource.kind}): unknown conversion"
        )
        raise status.untyped(text)

    async def namespace_labels(self, name: str) -> dict[str, str] | None:
        """The labels of a namespace; None when there is none."""
        entry = await self._store.namespace(name)
        return None if entry is None else dict(entry.labels or {})

    def allows(self, user: UserInfo, asked: dict[str, Any]) -> tuple[bool, str]:
        """Whether a user may do what is asked, and why."""
        if account := asked.get("serviceAccount"):
            space = account.split(":")[2]
            groups = (*account_groups(space), AUTHENTICATED)
            user = UserInfo(account, groups=groups)
        stated = {name: text for name, text in asked.items() if name in _ASKED}
        if "path" in stated:
            stated = {name: stated[name] for name in ("path", "verb")}
        decision, reason = self._store.access.authorizer.authorize(attributes_of(user, stated))
        return decision is Decision.ALLOW, reason


def _typed(patched: Document, schema: Schema) -> Document:
    """The document in the form of its type; what the type does not have is left out without a word."""
    try:
        made = conform(patched, schema).document
    except TypeMismatch as mismatch:
        raise status.internal(str(mismatch)) from None
    if not isinstance(made.get("metadata"), dict):
        made["metadata"] = {}
    return made


def _coerced(metadata: Any, schema: Schema) -> Document:
    """The metadata of a custom resource without members of a wrong type."""
    kept: Document = {}
    for name, value in (metadata if isinstance(metadata, dict) else {}).items():
        try:
            kept |= conform({name: value}, schema).document
        except TypeMismatch:
            continue
    return kept


def _drops_status(review: Review, resource: Resource) -> bool:
    return (
        review.operation is Operation.CREATE
        and resource.has_status
        and not strategy_of(resource).keeps_status_on_create
    )


def _keep_owners(review: Review, made: Document) -> None:
    """Who owns what is not a webhook's to say: what it makes of managedFields is undone, and what it makes nonsense of is said."""
    from watchcache.api.fields.entries import MalformedEntries, decode  # noqa: PLC0415 - only when it changed something

    before = ((review.document or {}).get("metadata") or {}).get("managedFields")
    metadata = made["metadata"]
    if metadata.get("managedFields") == before:
        return
    try:
        decode(metadata.get("managedFields"))
    except MalformedEntries as problem:
        if review.request is not None:
            review.request.warnings.append(
                ".metadata.managedFields was in an invalid state after admission; this could be caused by an outdated mutating "
                f"admission controller; please fix your requests: {problem}"
            )
    if before is None:
        metadata.pop("managedFields", None)
    else:
        metadata["managedFields"] = before
