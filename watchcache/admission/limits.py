"""`LimitRanger`: a namespace's limit ranges fill in what containers do not say, and bound what pods and claims ask for.

Defaults are filled in before the other plugins, bounds are checked when the pod is complete. Only creation is looked at, and the resize of
a pod: containers do not change otherwise. Source: k/k plugin/pkg/admission/limitranger/admission.go; golden exchanges 58, 61.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any, Final

from watchcache.admission.chain import Operation, Review
from watchcache.api.amounts import NOTHING, Amount, Amounts, amounts, of_pod

_ANNOTATION: Final = "kubernetes.io/limit-ranger"
Document = dict[str, Any]


class LimitRanger:
    """The plugin. `ranges_of` gives the limit ranges of a namespace."""

    name = "LimitRanger"
    operations = frozenset({Operation.CREATE, Operation.UPDATE})

    def __init__(self, ranges_of: Callable[[str], Sequence[Document]]) -> None:
        self._ranges_of = ranges_of

    def admit(self, review: Review) -> None:
        """Fill in the requests and limits that the containers of a new pod leave out."""
        document = review.document
        if document is None or review.operation is not Operation.CREATE or not _is(review, "Pod"):
            return
        for found in self._ranges_of(review.namespace):
            fill_in(document, _limits(found))

    def validate(self, review: Review) -> None:
        """Refuse (403) what is out of bounds."""
        document = review.document
        check = None if review.resource.group else _CHECKS.get(review.resource.kind)
        if document is None or check is None or not _is_bounded(review):
            return
        for found in self._ranges_of(review.namespace):
            problems = list(dict.fromkeys(check(document.get("spec") or {}, _limits(found))))
            if problems:
                text = problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]"
                raise review.refused(text)


def _limits(found: Document) -> list[Document]:
    return (found.get("spec") or {}).get("limits") or []


def _is(review: Review, kind: str) -> bool:
    return review.resource.kind == kind and not review.resource.group


def _is_bounded(review: Review) -> bool:
    if review.old is not None and "deletionTimestamp" in review.old["metadata"]:
        return False
    if review.resource.kind == "Pod":
        return review.subresource == ("" if review.operation is Operation.CREATE else "resize")
    return not review.subresource


# --- defaults ---


def fill_in(pod: Document, limits: Sequence[Document]) -> None:
    """Give the containers of a pod the defaults of one limit range, and note what was given in an annotation."""
    defaults: dict[str, dict[str, str]] = {"limits": {}, "requests": {}}
    for limit in limits:
        if limit.get("type") == "Container":
            defaults["requests"].update(limit.get("defaultRequest") or {})
            defaults["limits"].update(limit.get("default") or {})
    spec = pod.get("spec") or {}
    notes: list[str] = []
    for member, title in (("containers", "container"), ("initContainers", "init container")):
        if spec.get(member):
            spec[member] = [_completed(container, defaults, title, notes) for container in spec[member]]
    if notes:
        metadata = pod["metadata"]
        note = f"LimitRanger plugin set: {'; '.join(notes)}"
        metadata["annotations"] = {**(metadata.get("annotations") or {}), _ANNOTATION: note}


def _completed(
    container: Document, defaults: dict[str, dict[str, str]], title: str, notes: list[str]
) -> Document:
    resources = dict(container.get("resources") or {})
    for member in ("requests", "limits"):
        said = resources.get(member) or {}
        missing = {name: text for name, text in defaults[member].items() if name not in said}
        if missing:
            resources[member] = {**said, **missing}
            word = member.removesuffix("s")
            notes.append(f"{', '.join(sorted(missing))} {word} for {title} {container.get('name', '')}")
    return {**container, "resources": resources}


# --- bounds ---


def _pod_problems(spec: Document, limits: Sequence[Document]) -> Iterator[str]:
    for limit in limits:
        if limit.get("type") == "Container":
            for container in [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]:
                resources = container.get("resources") or {}
                requests, most = amounts(resources.get("requests")), amounts(resources.get("limits"))
                yield from _problems(limit, requests, most)
        elif limit.get("type") == "Pod":
            yield from _problems(limit, of_pod(spec, "requests"), of_pod(spec, "limits"))


def _claim_problems(spec: Document, limits: Sequence[Document]) -> Iterator[str]:
    """Of a claim only the requests count."""
    requests = amounts((spec.get("resources") or {}).get("requests"))
    for limit in limits:
        if limit.get("type") == "PersistentVolumeClaim":
            for name, bound in _bounds(limit, "min"):
                yield from _below(limit["type"], name, bound, {"request": requests})
            for name, bound in _bounds(limit, "max"):
                yield from _above(limit["type"], name, bound, {"request": requests})


def _problems(limit: Document, requests: Amounts, limits: Amounts) -> Iterator[str]:
    kind = limit["type"]
    for name, bound in _bounds(limit, "min"):
        yield from _below(kind, name, bound, {"request": requests, "limit": limits})
    for name, bound in _bounds(limit, "max"):
        yield from _above(kind, name, bound, {"limit": limits, "request": requests})
    for name, bound in _bounds(limit, "maxLimitRequestRatio"):
        about = f"{name} max limit to request ratio per {kind} is {bound.text}"
        request, most = requests.get(name, NOTHING).value, limits.get(name, NOTHING).value
        if not request:
            yield f"{about}, but no request is specified or request is 0"
        elif not most:
            yield f"{about}, but no limit is specified or limit is 0"
        elif most / request > bound.value:
            yield f"{about}, but provided ratio is {most / request:.6f}"


def _below(kind: str, name: str, bound: Amount, asked: dict[str, Amounts]) -> Iterator[str]:
    about = f"minimum {name} usage per {kind} is {bound.text}"
    return _beyond(about, name, asked, lambda value: value < bound.value)


def _above(kind: str, name: str, bound: Amount, asked: dict[str, Amounts]) -> Iterator[str]:
    about = f"maximum {name} usage per {kind} is {bound.text}"
    return _beyond(about, name, asked, lambda value: value > bound.value)


def _beyond(
    about: str, name: str, asked: dict[str, Amounts], is_beyond: Callable[[Decimal], bool]
) -> Iterator[str]:
    """The first problem with what is asked for, by its word; the first word must say something."""
    first, *_ = asked
    if name not in asked[first]:
        yield f"{about}.  No {first} is specified"
        return
    for word, said in asked.items():
        if name in said and is_beyond(said[name].value):
            yield f"{about}, but {word} is {said[name].text}"
            return


_CHECKS: Final[dict[str, Callable[[Document, Sequence[Document]], Iterator[str]]]] = {
    "Pod": _pod_problems,
    "PersistentVolumeClaim": _claim_problems,
}
"""By the kind, of the core group, that is bounded."""


def _bounds(limit: Document, member: str) -> list[tuple[str, Amount]]:
    return sorted(amounts(limit.get(member)).items(), key=lambda pair: pair[0])
