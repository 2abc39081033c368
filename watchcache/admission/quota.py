"""`ResourceQuota`: nothing is created beyond what a quota of its namespace leaves.

The quota controller writes `status.hard` and counts `status.used` on its rounds; here what a write adds is checked against the one
and added to the other, before it happens. The rules, and why:

- A quota without `status.hard` holds nothing up: its controller has not seen it yet.
- All quotas are asked before one is charged. A charge is a read-modify-write of the quota, and checks once more what it finds, so that two
  writers cannot take the same rest.
- Last of all: what is refused for another reason was not charged. A write that fails after it, or is begun anew because another writer
  was faster, leaves a charge behind until the controller counts again, as with kube-apiserver.

Source: k/k apiserver pkg/admission/plugin/resourcequota/controller.go.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from watchcache.admission.chain import Operation, Review
from watchcache.admission.usage import Counting, counting_of
from watchcache.api.amounts import NOTHING, Amount, Amounts, amounts, texts

Document = dict[str, Any]
Charge = Callable[[str, str, Callable[[Document], Document]], Awaitable[None]]
"""(namespace, name, what becomes of a quota) -> written, unless the quota has gone."""

_UPDATED: Final = frozenset({"services", "persistentvolumeclaims"})
"""Kinds that an update can make larger; pods by their resize and their deadline."""


class ResourceQuota:
    """The plugin. `quotas_of` gives the quotas of a namespace, `charge` changes one."""

    name = "ResourceQuota"
    operations = frozenset({Operation.CREATE, Operation.UPDATE})

    def __init__(self, quotas_of: Callable[[str], Sequence[Document]], charge: Charge) -> None:
        self._quotas_of = quotas_of
        self._charge = charge

    def validate(self, review: Review) -> Awaitable[None] | None:
        """Charge the quotas that the write concerns; 403 when one of them has not enough left."""
        if not review.namespace or not _is_counted(review):
            return None
        charged = [
            quota for quota in self._quotas_of(review.namespace) if charged_for(quota, review) != quota
        ]
        return self._charge_all(charged, review) if charged and not review.dry_run else None

    async def _charge_all(self, charged: Sequence[Document], review: Review) -> None:
        for quota in charged:
            await self._charge(
                review.namespace, quota["metadata"]["name"], lambda found: charged_for(found, review)
            )


def _is_counted(review: Review) -> bool:
    resource = review.resource
    if resource.plural == "events" or review.document is None:
        return False
    if review.operation is Operation.CREATE:
        return not review.subresource
    if resource.storage.group:
        return False
    if resource.plural == "pods":
        return review.subresource == "resize" or (not review.subresource and _deadline_came_or_went(review))
    return resource.plural in _UPDATED and not review.subresource


def _deadline_came_or_went(review: Review) -> bool:
    """Then the pod has moved from one scope to the other."""
    return _has_deadline(review.document) is not _has_deadline(review.old)


def _has_deadline(pod: Document | None) -> bool:
    return ((pod or {}).get("spec") or {}).get("activeDeadlineSeconds") is not None


def charged_for(quota: Document, review: Review) -> Document:
    """The quota after the write that is under review: itself, when it is not concerned. Raises StatusError 403."""
    counting, document = counting_of(review.resource), review.document
    assert document is not None
    state = quota.get("status") or {}
    hard = amounts(state.get("hard"))
    counted = sorted(filter(counting.matches, hard))
    if not counted or not _in_scope(quota, counting, document):
        return quota
    used = amounts(state.get("used"))
    _check_countable(quota, review, counting, counted, used)
    added = {
        name: each for name, each in _added(quota, review, counting).items() if each.value and name in hard
    }
    after = {name: used.get(name, NOTHING).plus(each) for name, each in added.items()}
    exceeded = sorted(name for name in added if after[name].value > hard[name].value)
    if exceeded:
        requested, before, limited = (_listed(of, exceeded) for of in (added, used, hard))
        text = f"requested: {requested}, used: {before}, limited: {limited}"
        raise review.refused(f"exceeded quota: {quota['metadata']['name']}, {text}")
    if not added:
        return quota
    return {**quota, "status": {**state, "used": {**(state.get("used") or {}), **texts(after)}}}


def _check_countable(
    quota: Document, review: Review, counting: Counting, counted: list[str], used: Amounts
) -> None:
    name = quota["metadata"]["name"]
    missing = counting.missing(review.document or {}, counted)
    if missing:
        raise review.refused(f"failed quota: {name}: {missing}")
    if not used.keys() >= set(counted):
        raise review.refused(f"status unknown for quota: {name}, resources: {','.join(counted)}")


def _added(quota: Document, review: Review, counting: Counting) -> Amounts:
    """What the write adds; of an update only what is more than before, and all of it when the quota did not count the object before."""
    usage = counting.usage(review.document or {})
    if review.old is None or not _in_scope(quota, counting, review.old):
        return usage
    before = counting.usage(review.old)
    return {
        name: Amount(each.value - before.get(name, NOTHING).value, each.binary)
        for name, each in usage.items()
        if each.value > before.get(name, NOTHING).value
    }


def _in_scope(quota: Document, counting: Counting, document: Document) -> bool:
    """Whether the object is in all scopes of the quota."""
    spec = quota.get("spec") or {}
    scopes = [{"scopeName": name, "operator": "Exists"} for name in spec.get("scopes") or ()]
    scopes += (spec.get("scopeSelector") or {}).get("matchExpressions") or ()
    return all(counting.in_scope(scope, document) for scope in scopes)


def _listed(of: Amounts, names: Sequence[str]) -> str:
    return ",".join(f"{name}={of[name].text}" for name in names)
