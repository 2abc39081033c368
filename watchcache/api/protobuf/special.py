"""Messages whose JSON is no object: quantities, times, raw JSON, and either-or types.

Each has a pair of functions: from the message's fields to the JSON value, and back. Fields that the message lacks are zero values; a value
without fields is written as a message of no bytes (Go's zero times, absent raw JSON).

Source: the MarshalJSON and ProtoTime methods of Kubernetes' apimachinery and apiextensions, as a kube-apiserver showed them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date
from typing import Any, Final, NamedTuple

from watchcache.api.protobuf.messages import META
from watchcache.api.protobuf.wire import MalformedMessageError

Fields = dict[str, Any]

_EXTENSIONS: Final = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1."
_EPOCH: Final = date(1970, 1, 1).toordinal()
_MAX_SECONDS: Final = 253402300799  # the end of the year 9999
_ZERO_SECONDS: Final = -62135596800  # the beginning of the year 1, Go's zero time


class Special(NamedTuple):
    """`unpack` makes JSON of a message's fields, `pack` fields of JSON; of None it makes those of the zero value."""

    unpack: Callable[[Fields], Any]
    pack: Callable[[Any], Fields]


def _seconds_text(seconds: int) -> str:
    if not _ZERO_SECONDS <= seconds <= _MAX_SECONDS:
        raise MalformedMessageError(f"time out of range: {seconds} seconds")
    year, month, day, hour, minute, second = time.gmtime(seconds)[:6]
    return f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"


def _seconds_of(text: str) -> int:
    days = date(int(text[0:4]), int(text[5:7]), int(text[8:10])).toordinal() - _EPOCH
    return ((days * 24 + int(text[11:13])) * 60 + int(text[14:16])) * 60 + int(text[17:19])


def _unpack_time(fields: Fields) -> str | None:
    seconds = fields.get("seconds", 0)
    if not fields or seconds == _ZERO_SECONDS:
        return None
    return _seconds_text(seconds) + "Z"


def _pack_time(value: str | None) -> Fields:
    return {"seconds": _seconds_of(value), "nanos": 0} if value else {}


def _unpack_micro_time(fields: Fields) -> str | None:
    seconds, nanos = fields.get("seconds", 0), fields.get("nanos", 0)
    if not fields or (seconds == _ZERO_SECONDS and not nanos):
        return None
    more, nanos = divmod(nanos, 1_000_000_000)
    return f"{_seconds_text(seconds + more)}.{nanos // 1000:06d}Z"


def _pack_micro_time(value: str | None) -> Fields:
    if not value:
        return {}
    return {"seconds": _seconds_of(value), "nanos": int(value[20:26].ljust(6, "0")) * 1000}


def _unpack_int_or_string(fields: Fields) -> int | str:
    value: int | str = fields.get("strVal", "") if fields.get("type") else fields.get("intVal", 0)
    return value


def _pack_int_or_string(value: int | str | None) -> Fields:
    if isinstance(value, str):
        return {"type": 1, "intVal": 0, "strVal": value}
    return {"type": 0, "intVal": value or 0, "strVal": ""}


def _either(*names: str, otherwise: Any = None) -> Callable[[Fields], Any]:
    """The first of the fields that is there."""

    def unpack(fields: Fields) -> Any:
        for name in names:
            if name in fields:
                return fields[name]
        return otherwise

    return unpack


def _only(name: str) -> Callable[[Any], Fields]:
    return lambda value: {} if value is None else {name: value}


def _pack_schema_or_bool(value: Any) -> Fields:
    if isinstance(value, dict):
        return {"allows": True, "schema": value}
    return {"allows": bool(value)}


def _pack_schema_or_list(name: str) -> Callable[[Any], Fields]:
    def pack(value: Any) -> Fields:
        if isinstance(value, list):
            return {name: value}
        return {} if value is None else {"schema": value}

    return pack


_LIST: Final = Special(_either("items", otherwise=[]), _only("items"))
_RAW: Final = Special(_either("raw"), _only("raw"))

SPECIAL: Final[dict[str, Special]] = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": Special(
        _either("string", otherwise="0"), lambda value: {"string": "0" if value is None else str(value)}
    ),
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": Special(_unpack_int_or_string, _pack_int_or_string),
    "io.k8s.apimachinery.pkg.runtime.RawExtension": _RAW,
    META + "Time": Special(_unpack_time, _pack_time),
    META + "MicroTime": Special(_unpack_micro_time, _pack_micro_time),
    META + "Verbs": _LIST,
    META + "FieldsV1": Special(_either("Raw"), _only("Raw")),
    _EXTENSIONS + "JSON": _RAW,
    _EXTENSIONS + "JSONSchemaPropsOrBool": Special(
        _either("schema", "allows", otherwise=False), _pack_schema_or_bool
    ),
    _EXTENSIONS + "JSONSchemaPropsOrArray": Special(
        _either("jSONSchemas", "schema"), _pack_schema_or_list("jSONSchemas")
    ),
    _EXTENSIONS + "JSONSchemaPropsOrStringArray": Special(
        _either("property", "schema"), _pack_schema_or_list("property")
    ),
    "io.k8s.api.authentication.v1.ExtraValue": _LIST,
    "io.k8s.api.authorization.v1.ExtraValue": _LIST,
    "io.k8s.api.certificates.v1.ExtraValue": _LIST,
}
