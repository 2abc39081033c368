"""The quality-of-service class of a pod, from its containers' requests and limits.

Guaranteed: every container limits cpu and memory and requests just that. BestEffort: nobody asks for
anything. Burstable: the rest. Quantities are compared as numbers: "1" equals "1000m".

Source: k/k pkg/apis/core/helper/qos.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any, Final

_COMPUTE: Final = ("cpu", "memory")
_SUFFIXES: Final = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "": Decimal(1),
    **{name: Decimal(1000) ** power for power, name in enumerate(("k", "M", "G", "T", "P", "E"), 1)},
    **{f"{name}i": Decimal(1024) ** power for power, name in enumerate(("K", "M", "G", "T", "P", "E"), 1)},
}


def quality_of_service(spec: dict[str, Any]) -> str:
    """Guaranteed, Burstable or BestEffort."""
    containers = [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
    pod = spec.get("resources") or {}
    sets = (
        [pod]
        if any(_asked(pod, part) for part in ("requests", "limits"))
        else [container.get("resources") or {} for container in containers]
    )
    if not any(_asked(resources, part) for resources in sets for part in ("requests", "limits")):
        return "BestEffort"
    return "Guaranteed" if all(map(_guarantees, sets)) else "Burstable"


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


def quantity(text: Any) -> Decimal:
    """A Kubernetes quantity as a number; 0 for what is missing or none (the structure check refuses those before)."""
    if text is None:
        return Decimal(0)
    written = str(text)
    digits = written.rstrip("numkKMGTPEi")
    try:
        return Decimal(digits) * _SUFFIXES.get(written[len(digits) :], Decimal(1))
    except InvalidOperation:
        return Decimal(written) if _is_number(written) else Decimal(0)


def _is_number(text: str) -> bool:
    try:
        Decimal(text)
    except InvalidOperation:
        return False
    return True
