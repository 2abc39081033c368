"""Objects of custom resources in other versions than the one that is kept, as a webhook makes them.

Asked for many at once where there are many: a review has up to `TOGETHER` objects.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from watchcache.api import status
from watchcache.api.catalog import Resource
from watchcache.api.codec import document_of, encode, revision_of, stamp, value_of
from watchcache.api.custom.resources import marked
from watchcache.registry.calls import Document

if TYPE_CHECKING:
    from watchcache.webhooks import Caller

TOGETHER: Final = 256
"""Objects of one review; kube-apiserver has no bound."""
_SECONDS: Final = 30.0
"""What kube-apiserver allows for a review."""


class Conversions:
    """Calls the webhooks of definitions. `caller` gives what calls them, `new_uid` names a review."""

    def __init__(self, caller: Callable[[], Caller], new_uid: Callable[[], str]) -> None:
        self._caller = caller
        self._new_uid = new_uid

    def document(self, resource: Resource, value: bytes) -> Document:
        """A fresh document of a stored value, in the version that it is of."""
        custom = resource.custom
        assert custom is not None
        return document_of(value, resource) | {"apiVersion": f"{resource.group}/{custom.version_of(value)}"}

    async def kept(self, resource: Resource, document: Document) -> Document:
        """A document of any version in the one that is kept. Raises StatusError 500."""
        custom = resource.custom
        assert custom is not None
        wanted = f"{resource.group}/{custom.storage_version}"
        if document["apiVersion"] == wanted:
            return document
        (made,) = await self._convert(resource, [document], wanted)
        custom.shape_stored(made)
        return made

    def kept_value(self, resource: Resource, document: Document) -> bytes:
        """A document in the version that is kept as it is stored; of any resource."""
        value, custom = value_of(document), resource.custom
        if custom is None or not resource.converted:
            return value
        return marked(value, f"{resource.group}/{custom.storage_version}") if custom.mixed else value

    async def spoken(self, resource: Resource, documents: Sequence[Document]) -> list[Document]:
        """Documents of stored versions in the version of `resource`. Raises StatusError 500."""
        custom = resource.custom
        assert custom is not None
        made = list(documents)
        others = [number for number, each in enumerate(made) if each["apiVersion"] != resource.api_version]
        if not others:
            return made
        sources = [made[number] for number in others]
        converted = await self._convert(resource, sources, resource.api_version)
        for number, each in zip(others, converted, strict=True):
            custom.shape(each)
            made[number] = each
        return made

    async def between(self, source: Resource, target: Resource, document: Document) -> Document:
        """A document of one served version in another. Raises StatusError 500."""
        custom = target.custom
        assert custom is not None
        if source is target or custom.conversion is None:
            return document
        (made,) = await self._convert(target, [document], target.api_version)
        custom.shape(made)
        return made

    async def values(self, resource: Resource, values: Sequence[bytes]) -> list[bytes]:
        """Stored values as values of a converted version, with their revisions. Raises StatusError 500."""
        made: list[bytes] = []
        for start in range(0, len(values), TOGETHER):
            part = values[start : start + TOGETHER]
            documents = await self.spoken(resource, [self._shaped(resource, value) for value in part])
            made += [
                stamp(value_of(document), revision_of(value))
                for document, value in zip(documents, part, strict=True)
            ]
        return made

    def _shaped(self, resource: Resource, value: bytes) -> Document:
        """A stored document with what its schema has come to say since it was written."""
        document, custom = self.document(resource, value), resource.custom
        assert custom is not None
        is_kept = custom.version_of(value) == custom.storage_version
        if is_kept and custom.reshapes and revision_of(value) <= custom.since:
            custom.shape_stored(document)
        return document

    async def value(self, resource: Resource, value: bytes) -> bytes:
        """One of them."""
        return (await self.values(resource, [value]))[0]

    async def _convert(self, resource: Resource, documents: list[Document], wanted: str) -> list[Document]:
        from watchcache.api.custom.conversion import Unconverted, converted, question, review_version  # noqa: PLC0415 - with the first
        from watchcache.webhooks import CallFailed, target_of  # noqa: PLC0415 - as above

        custom = resource.custom
        assert custom is not None
        webhook = custom.conversion or {}
        about = f"conversion webhook for {documents[0]['apiVersion']}, Kind={documents[0]['kind']}"
        uid = self._new_uid()
        try:
            version = review_version(webhook.get("conversionReviewVersions") or ())
            body = encode(question(version, uid, wanted, documents))
            target = target_of(webhook.get("clientConfig") or {})
            answer = await self._caller().post(target, body, seconds=_SECONDS)
            return converted(answer, version, uid, wanted, documents)
        except CallFailed as problem:
            raise status.untyped(f"{about} failed: {problem}") from None
        except Unconverted as problem:
            raise status.untyped(f"{about} {problem}") from None
