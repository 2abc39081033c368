"""When single containers are restarted, and what a change of their resources does to them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from watchcache.api import causes
from watchcache.api.status import Cause
from watchcache.api.validation.rules import Document, one_of

_POLICIES: Final = ("Always", "Never", "OnFailure")
_ACTIONS: Final = ("Restart", "RestartAllContainers")
_OPERATORS: Final = ("In", "NotIn")
_RESIZED: Final = ("cpu", "memory")
_RESIZES: Final = ("NotRequired", "RestartContainer")
_MOST_RULES: Final = 20
_MOST_CODES: Final = 255


def restart_causes(container: Document, path: str) -> Iterator[Cause]:
    """What is wrong with a container's own restart policy and the rules for its exit codes."""
    policy, rules = container.get("restartPolicy"), container.get("restartPolicyRules") or ()
    if policy is None and rules:
        text = "must specify restartPolicy when restart rules are used"
        yield causes.required(f"{path}.restartPolicy", text)
    yield from one_of(policy, _POLICIES, f"{path}.restartPolicy")
    if len(rules) > _MOST_RULES:
        yield causes.too_many(f"{path}.restartPolicyRules", len(rules), _MOST_RULES)
    for index, rule in enumerate(rules):
        where, codes = f"{path}.restartPolicyRules[{index}]", rule.get("exitCodes")
        yield from one_of(rule.get("action") or "", _ACTIONS, f"{where}.action")
        if codes is None:
            yield causes.required(f"{where}.exitCodes", "must be specified")
            continue
        yield from one_of(codes.get("operator") or "", _OPERATORS, f"{where}.exitCodes.operator")
        if len(codes.get("values") or ()) > _MOST_CODES:
            yield causes.too_many(f"{where}.exitCodes.values", len(codes["values"]), _MOST_CODES)


def resize_causes(policies: list[Document], path: str, *, never: bool) -> Iterator[Cause]:
    """What is wrong with how a container takes other amounts; `never`: the pod's containers are not restarted."""
    seen: set[str] = set()
    for index, each in enumerate(policies):
        resource, policy = each.get("resourceName") or "", each.get("restartPolicy") or ""
        if resource in seen:
            yield causes.duplicate(f"{path}[{index}]", resource)
        seen.add(resource)
        for value, words in ((resource, _RESIZED), (policy, _RESIZES)):
            if not value:
                yield causes.required(path)
            else:
                yield from one_of(value, words, path)
        if never and policy != "NotRequired":
            yield causes.invalid(path, policy, "must be 'NotRequired' when pod `restartPolicy` is 'Never'")
