"""Values against the schema of a custom resource: the causes of a 422, in kube-apiserver's words.

The order of what is reported for one value is that of its validators: type, then `allOf` and its like, text, format, number, list, enum, object.
The fields of an object are reported by name (kube-apiserver takes them as its maps have them).

Source: kube-openapi pkg/validation/validate, and the texts as measured on kube-apiserver 1.36.3.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any, Final

from watchcache.api import causes
from watchcache.api.custom.formats import fits
from watchcache.api.custom.matching import matches
from watchcache.api.custom.structural import Document, below
from watchcache.api.quoting import quoted
from watchcache.api.status import Cause

NOWHERE: Final = "<nil>"
"""How Go prints the path of a fault that has none."""
_ABSENT: Final = object()
_RANGES: Final = {"int32": (-(2**31), 2**31 - 1), "uint32": (0, 2**32 - 1)}


def check(value: Any, schema: Document, path: str = "", old: Any = _ABSENT) -> Iterator[Cause]:
    """What is wrong with a value at a path (`spec.ports[0]`, "" for the document); `schema` is plain JSON.

    What is as it was in `old` is not judged anew, though the schema may have changed since.
    """
    if old is not _ABSENT and value == old:
        return
    fault = _type_fault(value, schema, path)
    if fault is not None:
        yield fault
    if value is None:
        return
    yield from _combined(value, schema, path)
    if isinstance(value, str):
        yield from _text(value, schema, path)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _number(value, schema, path)
    elif isinstance(value, list):
        yield from _list(value, schema, path, old)
    yield from _enumerated(value, schema, path)
    if isinstance(value, dict):
        yield from _object(value, schema, path, old if isinstance(old, dict) else {})


def kind_of(value: Any) -> str:
    """The JSON type of a value, as schemas name it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "integer" if value.is_integer() and abs(value) < 2**63 else "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def _type_fault(value: Any, schema: Document, path: str) -> Cause | None:
    wanted = schema.get("type") or ""
    if schema.get("x-kubernetes-int-or-string"):
        wanted = "integer,string"
    if not wanted or (value is None and schema.get("nullable")):
        return None
    found = kind_of(value)
    if found in wanted.split(",") or (found == "integer" and wanted == "number"):
        return None
    return _typed(path, found, wanted)


def _typed(path: str, value: str, wanted: str) -> Cause:
    text = f"Invalid value: {quoted(value)}: {path} in body must be of type {wanted}: {quoted(value)}"
    return Cause("FieldValueTypeInvalid", text, path or NOWHERE)


def _invalid(path: str, value: Any, text: str) -> Cause:
    return causes.invalid(path or NOWHERE, value, f"{path} in body {text}")


def _nowhere(text: str) -> Cause:
    return causes.invalid(NOWHERE, "", text)


def _combined(value: Any, schema: Document, path: str) -> Iterator[Cause]:
    if alternatives := schema.get("anyOf"):
        faults = [list(check(value, each, path)) for each in alternatives]
        if all(faults):
            yield _nowhere(f'"{path}" must validate at least one schema (anyOf)')
            yield from min(faults, key=len)
    if alternatives := schema.get("oneOf"):
        faults = [list(check(value, each, path)) for each in alternatives]
        valid = faults.count([])
        if valid != 1:
            found = f"{valid} valid alternatives" if valid else "none valid"
            yield _nowhere(f'"{path}" must validate one and only one schema (oneOf). Found {found}')
            if not valid:
                yield from min(faults, key=len)
    if parts := schema.get("allOf"):
        faults = [list(check(value, each, path)) for each in parts]
        for each in faults:
            yield from each
        if any(faults):
            none = "" if [] in faults else ". None validated"
            yield _nowhere(f'"{path}" must validate all the schemas (allOf){none}')
    if "not" in schema and not any(check(value, schema["not"], path)):
        yield _nowhere(f'"{path}" must not validate the schema (not)')


def _text(value: str, schema: Document, path: str) -> Iterator[Cause]:
    longest, least, pattern = (schema.get(name) for name in ("maxLength", "minLength", "pattern"))
    if longest is not None and len(value) > longest:
        yield causes.too_long(path or NOWHERE, longest)
    elif least is not None and len(value) < least:
        yield _invalid(path, value, f"should be at least {least} chars long")
    elif pattern and not matches(pattern, value):
        yield _invalid(path, value, f"should match '{pattern}'")
    if (form := schema.get("format")) and not fits(form, value):
        yield _typed(path, value, form)


def _number(value: float, schema: Document, path: str) -> Iterator[Cause]:
    form = schema.get("format") or ""
    if schema.get("type") == "integer":
        low, high = _RANGES.get(form, (-(2**63), 2**63 - 1))
        if kind_of(value) != "integer":
            yield _nowhere(f"Checked value must be of type integer (default format) in {path}")
        elif not low <= value <= high:
            yield _nowhere(f"Checked value must be of type integer with format {form} in {path}")
    step = schema.get("multipleOf")
    if step and _is_between(value, step):
        yield _invalid(path, value, f"should be a multiple of {causes.shown(step)}")
    yield from _bounded(value, schema, path)


def _is_between(value: float, step: float) -> bool:
    """Whether a number is no multiple of another; fractions are taken as they are written."""
    if isinstance(value, int) and isinstance(step, int):
        return value % step != 0
    return Fraction(str(value)) % Fraction(str(step)) != 0


def _bounded(value: float, schema: Document, path: str) -> Iterator[Cause]:
    high, low = schema.get("maximum"), schema.get("minimum")
    if high is not None:
        if schema.get("exclusiveMaximum"):
            if value >= high:
                yield _invalid(path, value, f"should be less than {causes.shown(high)}")
        elif value > high:
            yield _invalid(path, value, f"should be less than or equal to {causes.shown(high)}")
    if low is not None:
        if schema.get("exclusiveMinimum"):
            if value <= low:
                yield _invalid(path, value, f"should be greater than {causes.shown(low)}")
        elif value < low:
            yield _invalid(path, value, f"should be greater than or equal to {causes.shown(low)}")


def _list(value: list[Any], schema: Document, path: str, old: Any) -> Iterator[Cause]:
    items = schema.get("items")
    if items:
        before = elements(old, schema)
        for index, item in enumerate(value):
            yield from check(item, items, f"{path}[{index}]", before.get(element_key(item, schema), _ABSENT))
    least, most = schema.get("minItems"), schema.get("maxItems")
    if least is not None and len(value) < least:
        yield _invalid(path, len(value), f"should have at least {least} items")
    if most is not None and len(value) > most:
        yield causes.too_many(path or NOWHERE, len(value), most)


def elements(value: Any, schema: Document) -> dict[Any, Any]:
    """The elements of a list by what tells them apart; empty for a list that is no map."""
    if schema.get("x-kubernetes-list-type") != "map" or not isinstance(value, list):
        return {}
    return {element_key(item, schema): item for item in value}


def element_key(item: Any, schema: Document) -> Any:
    """What tells an element of a list that is a map from the others."""
    keys = schema.get("x-kubernetes-list-map-keys") or ()
    return tuple(repr(item.get(name)) for name in keys) if isinstance(item, dict) else None


def _enumerated(value: Any, schema: Document, path: str) -> Iterator[Cause]:
    words = schema.get("enum")
    if words and not any(value == each and kind_of(value) == kind_of(each) for each in words):
        shown = [each if isinstance(each, str) else causes.shown(each) for each in words]
        yield causes.not_supported(path or NOWHERE, value, shown)


def _object(value: Document, schema: Document, path: str, old: Document) -> Iterator[Cause]:
    least, most = schema.get("minProperties"), schema.get("maxProperties")
    if least is not None and len(value) < least:
        yield _invalid(path, len(value), f"should have at least {least} properties")
        return
    if most is not None and len(value) > most:
        yield causes.too_many(path or NOWHERE, len(value), most)
        return
    properties = schema.get("properties") or {}
    for name in sorted(properties):
        if name in value:
            yield from check(value[name], properties[name], below(path, name), old.get(name, _ABSENT))
    for name in schema.get("required") or ():
        if name not in value:
            yield causes.required(below(path, name))
    others = schema.get("additionalProperties")
    if isinstance(others, dict):
        for name in sorted(value.keys() - properties.keys()):
            yield from check(value[name], others, below(path, name), old.get(name, _ABSENT))
