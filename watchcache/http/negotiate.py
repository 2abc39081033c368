r"""Which representation of an answer a client gets: pure, kept by header value.

Two doors in a row, as in kube-apiserver, each with a refusal of its own:

1. The route: one of the Accept header's types, without parameters, must be one that the route produces, or `*/*`. Otherwise
   406 "406: Not Acceptable\\n\\nAvailable representations: ...". `application/*` does not pass here.
2. The serializer: the types are tried by q-value (equal ones: exact before wildcard, then in the order given); one matches when
   the server writes that type and allows what its `as=` asks for. Otherwise 406 "only the following media types are accepted: ...".

An error's body is negotiated by the second door alone, without `as=`; when nothing matches, it is indented JSON.

Protobuf is written only for a client that takes no JSON in its place (docs/decisions/0005-answers-in-json.md): who lists both, as Go clients do,
gets JSON whatever the order.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

JSON = "application/json"
YAML = "application/yaml"
PROTOBUF = "application/vnd.kubernetes.protobuf"

OBJECT_TYPES = (JSON, YAML, PROTOBUF)
STREAM_TYPES = (f"{JSON};stream=watch", f"{PROTOBUF};stream=watch")
LIST_TYPES = OBJECT_TYPES + STREAM_TYPES

META_VERSIONS = frozenset({"v1", "v1beta1"})
# each of them asks for a form; without an `as` for one that there is not
_TRANSFORM_PARAMETERS = frozenset({"as", "g", "v"})
TRANSFORMS = frozenset({"Table", "PartialObjectMetadata", "PartialObjectMetadataList"})


class Medium(NamedTuple):
    """A negotiated representation: `type` JSON, YAML or PROTOBUF, `transform` "" or the kind of `as=`, with its meta.k8s.io version."""

    type: str = JSON
    transform: str = ""
    version: str = "v1"
    pretty: bool = False


class NotAcceptable(Exception):
    """406. `by_route` says which of the two doors refused (their Status differs in `details`)."""

    def __init__(self, message: str, *, by_route: bool) -> None:
        super().__init__(message)
        self.message = message
        self.by_route = by_route


class Clause(NamedTuple):
    """One type of an Accept header."""

    type: str
    quality: float
    parameters: dict[str, str]


@lru_cache(maxsize=512)
def negotiate(
    accept: str, produced: tuple[str, ...], *, transforms: bool = True, tables: bool = True
) -> Medium:
    """The representation for a route that produces the types; `tables`: what it answers has rows. Raises `NotAcceptable`."""
    if not _passes_route(accept, produced):
        raise NotAcceptable(_route_refusal(produced), by_route=True)
    written = tuple(t for t in produced if ";" not in t)
    medium = _serializer(accept, written, _allowed(transforms=transforms, tables=tables))
    if medium is None:
        raise NotAcceptable(_form_refusal(written), by_route=False)
    return medium


def check_stream(medium: Medium, produced: tuple[str, ...]) -> None:
    """Refuse a watch in a form that is no stream. Raises `NotAcceptable`.

    A watch is negotiated as its list would be, and kube-apiserver looks at this only when all else about it is right.
    """
    streams = tuple(t for t in produced if ";" in t)
    if f"{medium.type};stream=watch" not in streams:
        raise NotAcceptable(_form_refusal(streams), by_route=False)


@lru_cache(maxsize=512)
def negotiate_error(accept: str) -> Medium:
    """The representation of a Status."""
    medium = _serializer(accept, OBJECT_TYPES, frozenset())
    return Medium(pretty=True) if medium is None else medium


def _form_refusal(types: tuple[str, ...]) -> str:
    return f"only the following media types are accepted: {', '.join(types)}"


def _passes_route(accept: str, produced: tuple[str, ...]) -> bool:
    if not accept:
        return True
    types = {part.split(";", 1)[0].strip() for part in accept.split(",")}
    return "*/*" in types or not types.isdisjoint(produced)


def _route_refusal(produced: tuple[str, ...]) -> str:
    return "406: Not Acceptable\n\nAvailable representations: " + ", ".join(produced)


def _allowed(*, transforms: bool, tables: bool) -> frozenset[str]:
    """The kinds that `as=` may ask for."""
    if not transforms:
        return frozenset()
    return TRANSFORMS if tables else TRANSFORMS - {"Table"}


def _serializer(accept: str, written: tuple[str, ...], allowed: frozenset[str]) -> Medium | None:
    if not accept:
        return Medium(type=written[0])
    clauses = parse_accept(accept)
    medium = _first(clauses, written, allowed)
    if medium is not None and medium.type == PROTOBUF:
        instead = _first(clauses, (JSON,), allowed)
        if instead is not None and instead.transform == medium.transform:
            return instead
    return medium


def _first(clauses: list[Clause], written: tuple[str, ...], allowed: frozenset[str]) -> Medium | None:
    for clause in clauses:
        for media_type in written:
            if not _matches(clause.type, media_type):
                continue
            medium = _with_parameters(media_type, clause.parameters, allowed)
            if medium is not None:
                return medium
    return None


def _matches(asked: str, media_type: str) -> bool:
    return asked in (media_type, "*/*") or (asked.endswith("/*") and media_type.startswith(asked[:-1]))


def _with_parameters(media_type: str, parameters: dict[str, str], allowed: frozenset[str]) -> Medium | None:
    pretty = parameters.get("pretty") == "1"
    if parameters.get("stream", "watch") != "watch":
        return None
    if parameters.keys().isdisjoint(_TRANSFORM_PARAMETERS):
        return Medium(type=media_type, pretty=pretty)
    kind, version = parameters.get("as", ""), parameters.get("v", "")
    written = kind in allowed and not (kind == "Table" and media_type == PROTOBUF)
    if not written or parameters.get("g") != "meta.k8s.io" or version not in META_VERSIONS:
        return None
    return Medium(type=media_type, transform=kind, version=version, pretty=pretty)


def parse_accept(accept: str) -> list[Clause]:
    """The types of an Accept header, best first."""
    clauses = [_clause(part) for part in accept.split(",") if part.strip()]
    return sorted(clauses, key=lambda c: (-c.quality, c.type.startswith("*/"), c.type.endswith("/*")))


def _clause(text: str) -> Clause:
    media_type, *rest = text.split(";")
    parameters = {}
    for parameter in rest:
        name, _, value = parameter.partition("=")
        parameters[name.strip()] = value.strip()
    return Clause(media_type.strip(), _quality(parameters.pop("q", "1")), parameters)


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 1.0


PRETTY_AGENTS = ("curl", "Wget", "Mozilla/5.0")
GO_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})


def is_pretty(parameter: str, user_agent: str) -> bool:
    """Whether JSON is indented: `?pretty=` decides when it is not empty, else browsers and command-line clients get it so."""
    if parameter:
        return parameter in GO_TRUE
    return user_agent.startswith(PRETTY_AGENTS)
