"""The quality-of-service class of a pod, from its containers' requests and limits.

Guaranteed: every container limits cpu and memory and requests just that. BestEffort: nobody asks for
anything. Burstable: the rest. Quantities are compared as numbers: "1" equals "1000m".

Source: k/k pkg/apis/core/helper/qos.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from watchcache.api.quantities import quantity

_COMPUTE: Final = ("cpu", "memory")


def quality_of_service(spec: dict[str, Any]) -> str:
    """Guaranteed, Burstable or BestEffort."""
    pod = spec.get("resources") or {}
    if _asks(pod):
        sets = [pod]
    else:
        containers = [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
        sets = [container.get("resources") or {} for container in containers]
        if not any(map(_asks, sets)):
            return "BestEffort"
    return "Guaranteed" if all(map(_guarantees, sets)) else "Burstable"


def _asks(resources: dict[str, Any]) -> bool:
    return bool(resources) and bool(_asked(resources, "requests") or _asked(resources, "limits"))


def _asked(resources: dict[str, Any], part: str) -> dict[str, Decimal]:
    amounts = resources.get(part)
    if not amounts:
        return {}
    return {name: amount for name in _COMPUTE if (amount := quantity(amounts.get(name))) > 0}


def _guarantees(resources: dict[str, Any]) -> bool:
    limits = _asked(resources, "limits")
    # What is not requested is requested as the limit.
    requests = {**limits, **_asked(resources, "requests")}
    return len(limits) == len(_COMPUTE) and requests == limits
