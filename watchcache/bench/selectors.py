"""What a watch covers: its path, and which events of the log belong to it."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

import msgspec


class WatchSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One watch of a population. `{node}`, `{namespace}` and `{number}` in the texts are replaced for each participant, `{copy}` for each copy."""

    resource: str
    """Version and plural: `v1/pods`, `apps/v1/deployments`."""

    group: str = "other"
    """What its latency is counted under: `node` (one of many is told), `broadcast` (all are told), `controller`..."""

    namespace: str = ""
    fields: str = ""
    labels: str = ""
    copies: int = 1
    """So many such watches on the same connection."""

    def scopes(self, values: Mapping[str, str]) -> list[Scope]:
        """What one participant's watches cover."""
        return [self._scope({**values, "copy": str(copy)}) for copy in range(self.copies)]

    def _scope(self, values: Mapping[str, str]) -> Scope:
        return Scope(
            self.resource,
            self.namespace.format_map(values),
            self.fields.format_map(values),
            self.labels.format_map(values),
        )


class Scope(msgspec.Struct, frozen=True):
    """A resource, all of it or one namespace, and selectors: what the ledger answers for."""

    resource: str
    namespace: str = ""
    fields: str = ""
    labels: str = ""

    @property
    def path(self) -> str:
        """The collection's path, without a query."""
        return collection(self.resource, self.namespace)

    @property
    def query(self) -> str:
        """The selectors as query parameters, each behind an `&`."""
        parts = [("fieldSelector", self.fields), ("labelSelector", self.labels)]
        return "".join(f"&{name}={quote(value, safe='')}" for name, value in parts if value)


def collection(resource: str, namespace: str = "") -> str:
    """The path of a resource's collection."""
    version, _, plural = resource.rpartition("/")
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    return f"{root}/namespaces/{namespace}/{plural}" if namespace else f"{root}/{plural}"


def labels_match(selector: str, labels: Mapping[str, str]) -> bool:
    """Whether labels meet a selector of terms `key`, `!key`, `key=value` and `key!=value`."""
    return all(term_matches(term.strip(), labels) for term in selector.split(",") if term)


def term_matches(term: str, labels: Mapping[str, str]) -> bool:
    """One term of a label selector."""
    key, operator, value = term.partition("!=")
    if operator:
        return labels.get(key) != value
    key, operator, value = term.partition("=")
    if operator:
        return labels.get(key) == value.removeprefix("=")
    return term[1:] not in labels if term.startswith("!") else term in labels
