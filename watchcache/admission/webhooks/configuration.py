"""The webhooks of the configurations that are stored, in the order in which they are asked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from watchcache.admission.matching import Rule, rules_of, selector_of
from watchcache.api.labels import LabelSelector
from watchcache.webhooks import Target, target_of

Document = dict[str, Any]


class Webhook(msgspec.Struct, frozen=True):
    """One webhook of a configuration, ready to be asked. `key` tells it from all others; `timeout` is in seconds."""

    key: tuple[str, str, int]
    name: str
    target: Target
    rules: tuple[Rule, ...]
    namespaces: LabelSelector
    objects: LabelSelector
    conditions: tuple[tuple[str, str], ...]
    """Names and expressions."""
    ignores_failures: bool
    equivalent: bool
    """Whether it is also asked for other versions of what its rules name."""
    version: str
    """Of the reviews that are sent to it; "" when it takes none that this server knows."""
    timeout: int
    side_effects: str
    reinvoked: bool


def webhooks_of(configuration: Document) -> list[Webhook]:
    """The webhooks of one configuration, in its order. What is missing is as its default."""
    configured = (configuration.get("metadata") or {}).get("name") or ""
    seen: dict[str, int] = {}
    found = []
    for each in configuration.get("webhooks") or ():
        name = each.get("name") or ""
        seen[name] = seen.get(name, -1) + 1
        found.append(_webhook(each, (configured, name, seen[name])))
    return found


def in_order(configurations: Iterable[tuple[str, list[Webhook]]]) -> list[Webhook]:
    """The webhooks of all configurations: these by name, their webhooks as they stand there."""
    return [
        webhook for _, webhooks in sorted(configurations, key=lambda each: each[0]) for webhook in webhooks
    ]


def _webhook(stated: Document, key: tuple[str, str, int]) -> Webhook:
    versions = stated.get("admissionReviewVersions") or ()
    return Webhook(
        key=key,
        name=key[1],
        target=target_of(stated.get("clientConfig") or {}),
        rules=rules_of(stated.get("rules")),
        namespaces=selector_of(stated.get("namespaceSelector")),
        objects=selector_of(stated.get("objectSelector")),
        conditions=tuple(
            (each.get("name") or "", each.get("expression") or "")
            for each in stated.get("matchConditions") or ()
        ),
        ignores_failures=stated.get("failurePolicy") == "Ignore",
        equivalent=stated.get("matchPolicy", "Equivalent") == "Equivalent",
        version=next((version for version in versions if version in {"v1", "v1beta1"}), ""),
        timeout=stated.get("timeoutSeconds") or 10,
        side_effects=stated.get("sideEffects") or "Unknown",
        reinvoked=stated.get("reinvocationPolicy") == "IfNeeded",
    )
