"""Reading a document the way a typed server does: what is missing or null is the zero value."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

Document = dict[str, Any]
Printer = Callable[[Document, float], list[Any]]
"""(document, now in unix seconds) to the cells of its row, in the order of the kind's columns."""

NONE = "<none>"
ERROR = "<error>"
UNSET = "<unset>"
UNKNOWN = "<unknown>"


def at(document: Any, *path: str) -> Any:
    """The value below `path`, None when a step is missing."""
    for step in path:
        if not isinstance(document, dict):
            return None
        document = document.get(step)
    return document


def block(document: Any, *path: str) -> Document:
    """The object below `path`, empty when missing."""
    value = at(document, *path)
    return value if isinstance(value, dict) else {}


def rows(document: Any, *path: str) -> list[Any]:
    """The list below `path`, empty when missing."""
    value = at(document, *path)
    return value if isinstance(value, list) else []


def text(document: Any, *path: str) -> str:
    """The text below `path`, "" when missing."""
    value = at(document, *path)
    return value if isinstance(value, str) else ""


def number(document: Any, *path: str) -> int:
    """The integer below `path`, 0 when missing."""
    value = at(document, *path)
    return value if isinstance(value, int) else 0


def flag(document: Any, *path: str) -> bool:
    """The boolean below `path`, false when missing."""
    return at(document, *path) is True


def name(document: Document) -> str:
    """The object's name."""
    return text(document, "metadata", "name")


def shown(value: Any) -> str:
    """A scalar as Go prints it, `<unset>` when it is missing."""
    if value is None:
        return UNSET
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def joined(values: Iterable[str], separator: str = ",") -> str:
    """The texts in one line, `<none>` when there are none."""
    return separator.join(values) or NONE


def at_most(values: list[str], limit: int, total: int | None = None) -> str:
    """The first `limit` texts in one line with how many of `total` are left out, `<none>` when there are none."""
    if not values:
        return NONE
    total = len(values) if total is None else total
    line = ",".join(values[:limit])
    return f"{line} + {total - limit} more..." if total > limit else line


def condition(document: Document, kind: str) -> Document | None:
    """The status condition of type `kind`, None when there is none."""
    for row in rows(document, "status", "conditions"):
        if at(row, "type") == kind:
            return block(row)
    return None


def controller(document: Document) -> str:
    """The owner that controls the object as `kind.group/name`, `<none>` without one."""
    for owner in rows(document, "metadata", "ownerReferences"):
        if flag(owner, "controller"):
            group = text(owner, "apiVersion").rpartition("/")[0]
            kind = ".".join(part for part in (text(owner, "kind"), group) if part)
            return f"{kind.lower()}/{text(owner, 'name')}"
    return NONE


def labels_line(labels: Mapping[str, Any] | None) -> str:
    """A map of labels as `a=b,c=d` in the order of the keys, `<none>` when empty."""
    return joined(f"{key}={value}" for key, value in sorted((labels or {}).items()))


# what an expression of a label selector looks like; `in` and `notin` list their values sorted
_EXPRESSIONS = {
    "In": "{key} in ({values})",
    "NotIn": "{key} notin ({values})",
    "Exists": "{key}",
    "DoesNotExist": "!{key}",
}


def selector_line(selector: Mapping[str, Any] | None) -> str:
    """A label selector as one line in the order of the keys, `<none>` when it selects everything, `<error>` when it is none."""
    requirements = list(_requirements(selector))
    if any(line is None for _, line in requirements):
        return ERROR
    return joined(str(line) for _, line in sorted(requirements, key=lambda requirement: requirement[0]))


def _requirements(selector: Mapping[str, Any] | None) -> Iterable[tuple[str, str | None]]:
    selector = selector or {}
    for key, value in (selector.get("matchLabels") or {}).items():
        yield key, f"{key}={value}"
    for expression in selector.get("matchExpressions") or ():
        key, values = text(expression, "key"), sorted(map(str, rows(expression, "values")))
        form = _EXPRESSIONS.get(text(expression, "operator"))
        yield key, form and form.format(key=key, values=",".join(values))


def selector_structure(selector: Mapping[str, Any]) -> str:
    """A label selector as Go prints the structure; one column of kube-apiserver shows it so."""
    labels = "".join(f"{key}: {value}," for key, value in sorted((selector.get("matchLabels") or {}).items()))
    expressions = "".join(
        f"LabelSelectorRequirement{{Key:{text(row, 'key')},Operator:{text(row, 'operator')},"
        f"Values:[{' '.join(rows(row, 'values'))}],}},"
        for row in selector.get("matchExpressions") or ()
    )
    return (
        f"&LabelSelector{{MatchLabels:map[string]string{{{labels}}},"
        f"MatchExpressions:[]LabelSelectorRequirement{{{expressions}}},}}"
    )


def containers(pod_spec: Document) -> tuple[str, str]:
    """The names and the images of a pod's containers, each in one line."""
    listed = rows(pod_spec, "containers")
    return ",".join(text(row, "name") for row in listed), ",".join(text(row, "image") for row in listed)
