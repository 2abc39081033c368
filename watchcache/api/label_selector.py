"""The label selectors that stand in objects, as the selector language of queries has them."""

from __future__ import annotations

from typing import Any, Final

Document = dict[str, Any]


def selector_text(selector: Document) -> str:
    """A label selector as a query writes it: `a=b,c in (d,e),!f`; a plain map is all equalities."""
    if "matchLabels" not in selector and "matchExpressions" not in selector:
        return ",".join(f"{key}={selector[key]}" for key in sorted(selector))
    terms = [(key, f"{key}={value}") for key, value in (selector.get("matchLabels") or {}).items()]
    for expression in selector.get("matchExpressions") or ():
        key, values = expression.get("key", ""), ",".join(sorted(expression.get("values") or ()))
        written = _EXPRESSIONS.get(expression.get("operator", ""), "{key}")
        terms.append((key, written.format(key=key, values=values)))
    return ",".join(text for _, text in sorted(terms))


_EXPRESSIONS: Final = {
    "In": "{key} in ({values})",
    "NotIn": "{key} notin ({values})",
    "Exists": "{key}",
    "DoesNotExist": "!{key}",
}
