"""Documents made from the schemas of the kinds, of any shape that the types allow, by a random generator that the test seeds."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime
from random import Random
from typing import Any

from watchcache.api.schema import Schema

MAX_DEPTH = 7
MAX_FIELDS = 6
LETTERS = 'ab-z09 \t\n"\\/<&é€\u2028\U0001f600\x00\x7f'
YEAR_2, YEAR_9999 = -62104060800, 253402300799

Make = Callable[[Random], Any]


def text(random: Random) -> str:
    """Text with everything that has an escape or more than a byte."""
    return "".join(random.choices(LETTERS, k=random.choice((0, 1, 3, 200))))


def integer(bits: int) -> Make:
    """Whole numbers, the bounds included."""
    bound = 1 << (bits - 1)
    return lambda random: random.choice(
        (0, 1, -1, 127, 128, 300, bound - 1, -bound, random.randrange(-bound, bound))
    )


def moment(random: Random, fraction: bool = False) -> str:
    """A time between the years 2 and 9999."""
    seconds = random.choice((0, 1700000000, YEAR_2, YEAR_9999, random.randrange(YEAR_2, YEAR_9999)))
    when = datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
    if fraction:
        return (
            when.replace(microsecond=random.choice((0, 1, 999999))).isoformat(timespec="microseconds") + "Z"
        )
    return when.isoformat(timespec="seconds") + "Z"


def any_json(random: Random, depth: int = 0) -> Any:
    """Any JSON but null at its top."""
    scalars = (True, False, 0, -1, 1.5, text(random), "x", 2**53)
    if depth > 2 or random.random() < 0.5:
        return random.choice((*scalars, *((None,) if depth else ())))
    inner = [any_json(random, depth + 1) for _ in range(random.randrange(3))]
    return inner if random.random() < 0.5 else {f"k{index}": value for index, value in enumerate(inner)}


def small_schema(random: Random) -> Any:
    """A schema within a schema."""
    return {"type": random.choice(("string", "object"))}


BY_FORMAT: dict[str, Make] = {
    "quantity": lambda random: random.choice(("0", "1", "100m", "1Gi", "1500m", "-3", "12e6", "5Ki")),
    "int-or-string": lambda random: integer(32)(random) if random.random() < 0.5 else text(random),
    "date-time": moment,
    "micro-time": lambda random: moment(random, fraction=True),
    "byte": lambda random: base64.b64encode(random.randbytes(random.choice((1, 2, 3, 300)))).decode(),
}
_EXTENSIONS = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1."
BY_NAME: dict[str, Make] = {
    _EXTENSIONS + "CustomResourceSubresourceStatus": lambda _: {},
    _EXTENSIONS + "JSONSchemaPropsOrBool": lambda random: random.choice((True, False, small_schema(random))),
    _EXTENSIONS + "JSONSchemaPropsOrArray": lambda random: random.choice(
        ([small_schema(random)], small_schema(random))
    ),
    _EXTENSIONS + "JSONSchemaPropsOrStringArray": lambda random: random.choice(
        (["a", ""], small_schema(random))
    ),
    "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1": lambda random: {"f:a": {"k": any_json(random)}},
}
BY_TYPE: dict[str, Make] = {
    "string": text,
    "boolean": lambda random: random.random() < 0.5,
    "number": lambda random: random.choice((0, 1.5, -2.25, 1e300, 3)),
}


def document(schema: Schema, random: Random, depth: int = 0) -> Any:
    """A value of the schema. Lists and maps are not empty: protobuf cannot tell those from absent ones."""
    special = BY_NAME.get(schema.name) or BY_FORMAT.get(schema.format)
    if special is not None:
        return special(random)
    if schema.properties:
        names = fields(schema, scalars_only=depth >= MAX_DEPTH)
        chosen = random.sample(names, min(len(names), random.randrange(MAX_FIELDS + 1)))
        return {name: document(schema.properties[name], random, depth + 1) for name in chosen}
    if schema.items is not None:
        return [document(schema.items, random, depth + 1) for _ in range(random.randrange(1, 3))]
    if schema.additional is not None:
        keys = ("a", text(random), "é/x")[: random.randrange(1, 4)]
        return {key: document(schema.additional, random, depth + 1) for key in keys}
    if schema.type == "integer":
        return integer(32 if schema.format == "int32" else 64)(random)
    return BY_TYPE.get(schema.type, any_json)(random)


def fields(schema: Schema, *, scalars_only: bool) -> list[str]:
    """Names of the fields to choose from; the kind of an embedded object has no field in protobuf."""
    typed = schema.properties.keys() >= {"kind", "apiVersion", "metadata"}
    return [
        name
        for name, field in schema.properties.items()
        if not (typed and name in ("kind", "apiVersion"))
        and not (scalars_only and (field.properties or field.items or field.additional))
    ]
