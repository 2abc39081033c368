"""Amounts of resources: what containers, pods and claims ask for, and sums of it.

An amount is a number and the family its text is written in; a sum is written in the family of its first part that is not zero,
as Kubernetes' quantities are. Sources: k/k plugin/pkg/admission/limitranger/admission.go (podRequests, podLimits) and
apimachinery's resource.Quantity.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

from watchcache.api.quantities import quantity
from watchcache.api.structure import quantity_text

_ZERO: Final = Decimal(0)
_OF_PODS: Final = ("cpu", "memory")
"""What a pod can ask for itself, for all its containers together; with hugepages."""


class Amount(msgspec.Struct, frozen=True):
    """How much of one resource; `binary` when it is written with Ki, Mi, ..."""

    value: Decimal
    binary: bool = False

    def plus(self, other: Amount) -> Amount:
        """The sum."""
        return Amount(self.value + other.value, self.binary if self.value else other.binary)

    @property
    def text(self) -> str:
        """As kube-apiserver writes it."""
        return quantity_text(self.value, binary=self.binary)


Amounts = dict[str, Amount]
"""How much of each resource, by its name."""

ONE: Final = Amount(Decimal(1))
NOTHING: Final = Amount(_ZERO)


def amounts(written: Mapping[str, Any] | None) -> Amounts:
    """The amounts of a resource list, as `requests` and `limits` are."""
    return {name: Amount(quantity(text), str(text).endswith("i")) for name, text in (written or {}).items()}


def texts(of: Amounts) -> dict[str, str]:
    """The resource list of amounts."""
    return {name: amount.text for name, amount in of.items()}


def total(parts: Iterable[Amounts]) -> Amounts:
    """The sum of several, resource by resource."""
    result: Amounts = {}
    for part in parts:
        for name, amount in part.items():
            result[name] = result[name].plus(amount) if name in result else amount
    return result


def largest(parts: Iterable[Amounts]) -> Amounts:
    """The largest of several, resource by resource."""
    result: Amounts = {}
    for part in parts:
        for name, amount in part.items():
            if name not in result or amount.value > result[name].value:
                result[name] = amount
    return result


def of_pod(spec: Mapping[str, Any], member: str) -> Amounts:
    """What a pod needs: what its containers do, or what it says for itself instead; `member` is "requests" or "limits"."""
    own = amounts((spec.get("resources") or {}).get(member))
    return of_containers(spec, member) | {name: amount for name, amount in own.items() if is_for_pods(name)}


def of_containers(spec: Mapping[str, Any], member: str) -> Amounts:
    """What the containers of a pod need at once: init containers run one after the other, beside those sidecars that were started before."""
    running = [_asked(container, member) for container in spec.get("containers") or ()]
    sidecars: list[Amounts] = []
    peaks: list[Amounts] = []
    for container in spec.get("initContainers") or ():
        asked = _asked(container, member)
        peaks.append(total([*sidecars, asked]))
        if container.get("restartPolicy") == "Always":
            sidecars.append(asked)
    return largest([total([*running, *sidecars]), *peaks])


def is_extended(name: str) -> bool:
    """Whether a resource is none of Kubernetes' own, as `nvidia.com/gpu`."""
    return "/" in name and "kubernetes.io/" not in name and not name.startswith("requests.")


def is_for_pods(name: str) -> bool:
    """Whether a pod can ask for the resource itself."""
    return name in _OF_PODS or name.startswith("hugepages-")


def _asked(container: Mapping[str, Any], member: str) -> Amounts:
    return amounts((container.get("resources") or {}).get(member))
