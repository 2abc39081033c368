"""Which writes a configuration is about: rules over operations and resources, and selectors over objects and their namespaces.

Source: k/k apiserver pkg/admission/plugin/webhook/predicates/{rules,namespace,object}.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from watchcache.admission.chain import Operation, Review
from watchcache.api.catalog import Resource
from watchcache.api.label_selector import selector_text
from watchcache.api.labels import LabelSelector
from watchcache.api.selectors import parse_labels

Document = dict[str, Any]
Labels = Mapping[str, str]

_GROUP: Final = "admissionregistration.k8s.io"


def is_exempt(review: Review) -> bool:
    """Whether the write is of what configures admission itself, which nobody may lock the door of."""
    return review.resource.group == _GROUP


def is_namespace(resource: Resource) -> bool:
    """Whether the objects are namespaces."""
    return resource.plural == "namespaces" and resource.group == ""


def namespace_of(review: Review) -> str:
    """The namespace of a write; that of a namespace is itself."""
    if is_namespace(review.resource):
        return review.name or name_of(review.document)
    return review.namespace


def name_of(document: Document | None) -> str:
    """The name in a document; "" where there is none."""
    return (document or {}).get("metadata", {}).get("name") or ""


class Rule(msgspec.Struct, frozen=True):
    """One of a webhook's, or of a policy's, rules."""

    operations: frozenset[str]
    groups: frozenset[str]
    versions: frozenset[str]
    resources: tuple[tuple[str, str], ...]
    scope: str

    def matches(self, review: Review, resource: Resource) -> bool:
        """Whether it is about a write, taken as one of `resource`: the one that was asked for, or an equivalent."""
        return (
            _holds(self.operations, review.operation)
            and _holds(self.groups, resource.group)
            and _holds(self.versions, resource.version)
            and self._names(resource.plural, review.subresource)
            and self._is_in_scope(review)
        )

    def _names(self, plural: str, subresource: str) -> bool:
        return any(name in {"*", plural} and below in {"*", subresource} for name, below in self.resources)

    def _is_in_scope(self, review: Review) -> bool:
        if self.scope == "Namespaced":
            return not is_namespace(review.resource) and bool(review.namespace)
        if self.scope == "Cluster":
            return is_namespace(review.resource) or not review.namespace
        return True


def _holds(words: frozenset[str], word: str) -> bool:
    return "*" in words or word in words


def rules_of(rules: list[Document] | None) -> tuple[Rule, ...]:
    """Rules that have been validated."""
    return tuple(
        Rule(
            frozenset(rule.get("operations") or ()),
            frozenset(rule.get("apiGroups") or ()),
            frozenset(rule.get("apiVersions") or ()),
            tuple(
                (name, below)
                for name, _, below in (text.partition("/") for text in rule.get("resources") or ())
            ),
            rule.get("scope") or "*",
        )
        for rule in rules or ()
    )


def selector_of(selector: Document | None) -> LabelSelector:
    """A label selector that has been validated; none, and an empty one, selects everything."""
    terms = {name: terms for name, terms in (selector or {}).items() if terms}
    return parse_labels(selector_text(terms) if terms else "")


def selects_objects(selector: LabelSelector, *documents: Document | None) -> bool:
    """Whether one of the objects of a write, the new or the old one, is selected."""
    if not selector:
        return True
    return any(
        selector.matches(document.get("metadata", {}).get("labels") or {})
        for document in documents
        if document is not None
    )


def labels_of_namespace(review: Review, stored: Labels | None) -> Labels | None:
    """The labels by which the namespace of a write is selected; a namespace that is being written has those that it will have.

    `stored`: those of the namespace that is there, None when there is none.
    """
    if (
        is_namespace(review.resource)
        and not review.subresource
        and review.operation in {Operation.CREATE, Operation.UPDATE}
    ):
        found: Labels = (review.document or {}).get("metadata", {}).get("labels") or {}
        return found
    return stored
