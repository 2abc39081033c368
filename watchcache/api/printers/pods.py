"""The row of a pod: what its containers say about it, in one word.

The word starts as the phase and is overruled, in this order, by the pod's own reason, by a scheduling gate, by the first init
container that is not done (`Init:...`), else by the last of the containers that waits or has ended, and at last by a deletion.
Restarts count the init containers while the pod initializes; afterwards only those that restart by themselves (sidecars)
and the containers. The same rules as kube-apiserver's; recorded rows in tests/api/printers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from watchcache.api.printers.durations import age, human_duration, seconds_of
from watchcache.api.printers.fields import (
    NONE,
    Document,
    at,
    block,
    condition,
    flag,
    name,
    number,
    rows,
    text,
)

TERMINAL_PHASES = ("Succeeded", "Failed")


@dataclass(slots=True)
class _Tally:
    """What is counted over a group of container statuses."""

    ready: int = 0
    restarts: int = 0
    restarted: float | None = None  # the latest end of an earlier run, unix seconds

    def count_restarts(self, status: Document) -> None:
        self.restarts += number(status, "restartCount")
        ended = seconds_of(at(status, "lastState", "terminated", "finishedAt"))
        if ended is not None and (self.restarted is None or ended > self.restarted):
            self.restarted = ended

    def line(self, now: float) -> str:
        if self.restarts and self.restarted is not None:
            return f"{self.restarts} ({human_duration(now - self.restarted)} ago)"
        return str(self.restarts)


def pod(document: Document, now: float) -> list[Any]:
    """Name, ready containers, status, restarts, age, IP, node, nominated node, readiness gates."""
    spec, status = block(document, "spec"), block(document, "status")
    sidecars = _sidecars(spec)
    word, tally = _word(document, spec, status, sidecars)
    return [
        name(document),
        f"{tally.ready}/{len(rows(spec, 'containers')) + len(sidecars)}",
        word,
        tally.line(now),
        age(document, now),
        _address(status) or NONE,
        text(spec, "nodeName") or NONE,
        text(status, "nominatedNodeName") or NONE,
        _readiness_gates(spec, status),
    ]


def row_conditions(document: Document) -> list[Document] | None:
    """What the row of a finished pod says about it, so that kubectl can leave finished pods out."""
    phase = text(document, "status", "phase")
    return _FINISHED.get(phase)


_FINISHED = {
    "Succeeded": [
        {
            "type": "Completed",
            "status": "True",
            "reason": "Succeeded",
            "message": "The pod has completed successfully.",
        }
    ],
    "Failed": [{"type": "Completed", "status": "True", "reason": "Failed", "message": "The pod failed."}],
}


def _word(document: Document, spec: Document, status: Document, sidecars: set[str]) -> tuple[str, _Tally]:
    word = text(status, "reason") or text(status, "phase")
    if text(condition(document, "PodScheduled") or {}, "reason") == "SchedulingGated":
        word = "SchedulingGated"
    init_word, tally, sidecar_tally = _init_containers(spec, status, sidecars)
    initialized = text(condition(document, "Initialized") or {}, "status") == "True"
    if init_word is None or initialized:
        sidecar_tally.ready = tally.ready
        tally = sidecar_tally
        word = _containers(document, status, init_word or word, tally)
    else:
        word = init_word
    return _deleted(document, status) or word, tally


def _sidecars(spec: Document) -> set[str]:
    """The names of the init containers that go on running beside the containers."""
    return {
        text(row, "name") for row in rows(spec, "initContainers") if text(row, "restartPolicy") == "Always"
    }


def _init_containers(
    spec: Document, status: Document, sidecars: set[str]
) -> tuple[str | None, _Tally, _Tally]:
    """The word of the first init container that is not done (None: all are), the counts of all up to it and of the sidecars."""
    tally, sidecar_tally = _Tally(), _Tally()
    for position, row in enumerate(rows(status, "initContainerStatuses")):
        sidecar = text(row, "name") in sidecars
        tally.count_restarts(row)
        if sidecar:
            sidecar_tally.count_restarts(row)
        ended = at(row, "state", "terminated")
        if ended is not None and not number(ended, "exitCode"):
            continue
        if sidecar and flag(row, "started"):
            tally.ready += flag(row, "ready")
            continue
        return _init_word(row, ended, position, len(rows(spec, "initContainers"))), tally, sidecar_tally
    return None, tally, sidecar_tally


def _init_word(row: Document, ended: Document | None, position: int, total: int) -> str:
    if ended is not None:
        return f"Init:{_end(ended)}"
    waiting = text(row, "state", "waiting", "reason")
    if waiting and waiting != "PodInitializing":
        return f"Init:{waiting}"
    return f"Init:{position}/{total}"


def _end(ended: Document) -> str:
    """Why a container ended."""
    if reason := text(ended, "reason"):
        return reason
    if signal := number(ended, "signal"):
        return f"Signal:{signal}"
    return f"ExitCode:{number(ended, 'exitCode')}"


def _containers(document: Document, status: Document, word: str, tally: _Tally) -> str:
    """The word after the containers have had their say, the last one first; counts them in `tally`."""
    running, error = False, ""
    for row in reversed(rows(status, "containerStatuses")):
        tally.count_restarts(row)
        ended = at(row, "state", "terminated")
        if waiting := text(row, "state", "waiting", "reason"):
            word = waiting
        elif ended is not None:
            word = _end(ended)
            error = word if number(ended, "exitCode") else error
        elif flag(row, "ready") and at(row, "state", "running") is not None:
            running = True
            tally.ready += 1
    return _after_completion(document, error, running=running) if word == "Completed" else word


def _after_completion(document: Document, error: str, *, running: bool) -> str:
    """The word of a pod whose first container has completed: what the others do goes first."""
    if running and text(condition(document, "Ready") or {}, "status") == "True":
        return "Running"
    return error or ("NotReady" if running else "Completed")


def _deleted(document: Document, status: Document) -> str | None:
    """The word of a pod that is being deleted; None when it is not, or when it had ended before."""
    if at(document, "metadata", "deletionTimestamp") is None:
        return None
    if text(status, "reason") == "NodeLost":
        return "Unknown"
    return None if text(status, "phase") in TERMINAL_PHASES else "Terminating"


def _address(status: Document) -> str:
    addresses = rows(status, "podIPs")
    return text(addresses[0], "ip") if addresses else text(status, "podIP")


def _readiness_gates(spec: Document, status: Document) -> str:
    gates = [text(gate, "conditionType") for gate in rows(spec, "readinessGates")]
    if not gates:
        return NONE
    true = {text(row, "type") for row in rows(status, "conditions") if text(row, "status") == "True"}
    return f"{sum(gate in true for gate in gates)}/{len(gates)}"
