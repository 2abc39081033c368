"""CEL, the language of rules: compiled expressions over JSON values, with the functions that Kubernetes adds to it.

The library is Google's own (cel-expr-python, the C++ implementation); it is imported when the first rule is. What it has no values for from
outside stays text: quantities, addresses and the times within objects. `self` itself is a time or a duration where its format says so.

Source: k/k apiserver pkg/cel/library (the functions), https://kubernetes.io/docs/reference/using-api/cel.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from watchcache.api.custom import authorizing, semver
from watchcache.api.custom.patterns import compiled
from watchcache.api.quantities import quantity
from watchcache.api.structure import TypeMismatch, canonical_quantity, quantity_text

if TYPE_CHECKING:
    from cel_expr_python import cel

_UNSUPPORTED: Final = frozenset(
    {
        "format",
        "sortBy",
        "transformList",
        "transformMap",
        "transformMapEntry",
        "validate",
    }
)
"""What a kube-apiserver has and this server does not: rules that use it are not evaluated."""
_UNDECLARED: Final = re.compile(r"undeclared reference to '(\w+)[\w.]*'")
_DOTTED: Final = re.compile(
    r"ERROR: <input>:(?P<line>\d+):(?P<column>\d+): undeclared reference to '(?P<name>\w+(?:\.\w+)+)'(?P<rest>[^\n]*)"
    r"\n \| (?P<source>[^\n]*)\n \| \.*\^"
)
_WRAPPED: Final = {
    "date-time": "timestamp(self)",
    "datetime": "timestamp(self)",
    "duration": "duration(self)",
}
_OVER_BUDGET: Final = "Iteration budget exceeded"
NO_MEMBERS: Final = "Applying SELECT to non-message type"
"""Why a member of null, or of a number, cannot be read."""
_LONGEST_RANGE: Final = 10_000
_MISSING_KEY: Final = re.compile(r'Key not found in map : "(.*)"')


class BadExpression(Exception):
    """The text is no expression of the wanted type; says why."""


class Unsupported(Exception):
    """The text uses what only kube-apiserver has; says what."""


class EvaluationFailed(Exception):
    """The expression came to no value; says why."""


class TooCostly(EvaluationFailed):
    """The expression went through more elements than it may (the library allows 10,000)."""


Evaluate = Callable[[Any, Any], Any]
"""(self, oldSelf) -> the value, as JSON has it. Raises EvaluationFailed."""


@lru_cache(maxsize=2048)
def expression(text: str, type: str, format: str, optional: bool, wanted: str) -> Evaluate:
    """Compile an expression for values of a JSON type and format, that must give a `wanted` (BOOL, STRING).

    `optional`: oldSelf is an optional value. Raises BadExpression, Unsupported.
    """
    wrapped = _bound(text, format, optional)
    try:
        own = type if format not in _WRAPPED else ""
        found = environment_of((("self", own), ("oldSelf", own), ("hasOldSelf", "boolean"))).compile(wrapped)
    except RuntimeError as problem:
        raise refused(str(problem)) from None
    if found.return_type().name() not in {wanted, "DYN"}:
        words = {
            "BOOL": "cel expression must evaluate to a bool",
            "STRING": "messageExpression must evaluate to a string",
        }
        raise BadExpression(words[wanted])

    def evaluate(value: Any, old: Any) -> Any:
        return evaluated(found, {"self": value, "oldSelf": old, "hasOldSelf": old is not None})

    return evaluate


def evaluated(program: Any, values: dict[str, Any]) -> Any:
    """The value of a compiled expression. Raises EvaluationFailed."""
    try:
        result = program.eval(data=values)
    except RuntimeError as problem:
        text = str(problem)
        raise (TooCostly if _OVER_BUDGET in text else EvaluationFailed)(text) from None
    if result.type().name() == "ERROR":
        raise EvaluationFailed(_why(str(result.plain_value())))
    return result.plain_value()


def _bound(text: str, format: str, optional: bool) -> str:
    wrapped = text
    if format in _WRAPPED and "oldSelf" in text and not optional:
        wrapped = f"cel.bind(oldSelf, {_WRAPPED[format].replace('self', 'oldSelf')}, {wrapped})"
    if format in _WRAPPED:
        wrapped = f"cel.bind(self, {_WRAPPED[format]}, {wrapped}\n)"
    if optional:
        wrapped = f"cel.bind(oldSelf, hasOldSelf ? optional.of(dyn(oldSelf)) : optional.none(), {wrapped}\n)"
    return wrapped


def refused(text: str) -> Exception:
    """What the compiler says, without its own prefix and code."""
    text = text.removeprefix("INVALID_ARGUMENT: ").removesuffix(" [INVALID_ARGUMENT]")
    text = _DOTTED.sub(_first_name, text).replace(
        "has() argument must be a field selection", "invalid argument to has() macro"
    )
    text = text.replace("\\u003F", "?")  # as the library shows a question mark
    unknown = set(_UNDECLARED.findall(text))
    if "overload for 'reverse' applied to '(list(" in text:  # the library has that of strings
        return Unsupported("reverse of lists")
    if unknown & _UNSUPPORTED or _comprehends_two(text):
        return Unsupported(", ".join(sorted(unknown & _UNSUPPORTED)) or "comprehensions with two variables")
    return BadExpression(f"compilation failed: {text}")


def _first_name(found: re.Match[str]) -> str:
    """Of a dotted name that is not known cel-go names the first part, and points at that."""
    name, at = found["name"], int(found["column"]) - len(found["name"].rpartition(".")[0])
    first = name.partition(".")[0]
    place = f"ERROR: <input>:{found['line']}:{at}: undeclared reference to '{first}'"
    return f"{place}{found['rest']}\n | {found['source']}\n | {'.' * (at - 1)}^"


def _comprehends_two(text: str) -> bool:
    return re.search(r"\.(all|exists|existsOne)\(\s*\w+\s*,\s*\w+\s*,", text) is not None


def _why(text: str) -> str:
    """The error of an evaluation in the words of cel-go."""
    _, _, detail = text.partition(": ")
    missing = _MISSING_KEY.search(text)
    if missing is not None:
        return f"no such key: {missing[1]}"
    if "No matching overload" in text:
        return "no such overload"
    conversion = re.search(r"cannot convert (\w+) to (\w+)", text)
    if conversion is not None:
        return f"type conversion error from '{conversion[1]}' to '{conversion[2]}'"
    pattern = re.search(r"invalid regular expression: ([^:]*): (.*)", text)
    if pattern is not None:
        problem = re.sub(r"^missing ([])])$", r"missing closing \1", pattern[1])
        return f"error parsing regexp: {problem}: `{pattern[2]}`"
    index = re.search(r"index=(-?\d+)", text)
    if index is not None:
        return f"index out of bounds: {index[1]}"
    return {"divide by zero": "division by zero", "modulus by zero": "modulus by zero"}.get(
        detail, detail or text
    )


@lru_cache(maxsize=128)
def environment_of(variables: tuple[tuple[str, str], ...]) -> cel.Env:
    """An environment of variables, by name and JSON type; "" is any type, "authorizer" that of `authorizing`. Raises Unsupported."""
    # Only here: 14 MB of code that servers without rules do without.
    try:
        from cel_expr_python import cel  # noqa: PLC0415
        from cel_expr_python.ext import (  # noqa: PLC0415
            ext_bindings,
            ext_encoders,
            ext_math,
            ext_optional,
            ext_strings,
        )
    except ImportError:  # there is none for every platform and interpreter
        raise Unsupported("CEL without the package cel-expr-python") from None

    types = {
        "string": cel.Type.STRING,
        "integer": cel.Type.INT,
        "number": cel.Type.DOUBLE,
        "boolean": cel.Type.BOOL,
        "array": cel.Type.LIST,
        "authorizer": cel.Type.Map(cel.Type.STRING, cel.Type.DYN),
    }
    extensions = [
        ext_strings.ExtStrings(),
        ext_math.ExtMath(),
        ext_optional.ExtOptional(),
        ext_bindings.ExtBindings(),
        ext_encoders.ExtEncoders(),
    ]
    declared = {name: types.get(type, cel.Type.DYN) for name, type in variables}
    return cel.NewEnv(variables=declared, extensions=extensions, functions=_functions())


def _functions() -> list[cel.FunctionDecl]:
    from cel_expr_python import cel  # noqa: PLC0415 - as above

    kinds = {
        "s": cel.Type.STRING,
        "b": cel.Type.BOOL,
        "i": cel.Type.INT,
        "d": cel.Type.DOUBLE,
        "l": cel.Type.LIST,
        "m": cel.Type.Map(cel.Type.STRING, cel.Type.DYN),
        "*": cel.Type.DYN,
    }
    by_name: dict[str, list[cel.Overload]] = {}
    for name, taken, given, implementation in (*_TABLE, *authorizing.FUNCTIONS, *semver.FUNCTIONS):
        member = name.startswith(".")
        overload = cel.Overload(
            f"{'member_' if member else ''}{name.strip('.').replace('.', '_')}_{taken}",
            kinds[given],
            [kinds[letter] for letter in taken],
            member,
            implementation,
        )
        by_name.setdefault(name.strip("."), []).append(overload)
    return [cel.FunctionDecl(name, overloads) for name, overloads in by_name.items()]


# -- lists and texts


def _is_sorted(values: Sequence[Any]) -> bool:
    return all(first <= second for first, second in pairwise(values))


def _extreme(choose: Callable[[Sequence[Any]], Any], name: str) -> Callable[[Sequence[Any]], Any]:
    def chosen(values: Sequence[Any]) -> Any:
        if not values:
            raise ValueError(f"{name} called on empty list")
        return choose(values)

    return chosen


def _distinct(values: Sequence[Any]) -> list[Any]:
    found: list[Any] = []
    for value in values:
        if value not in found:
            found.append(value)
    return found


def _flattened(values: Sequence[Any], depth: int = 1) -> list[Any]:
    if depth < 0:
        raise ValueError("level must be non-negative")
    if depth == 0:
        return list(values)
    found: list[Any] = []
    for value in values:
        found += _flattened(value, depth - 1) if isinstance(value, list) else [value]
    return found


def _slice(values: Sequence[Any], start: int, end: int) -> list[Any]:
    if not 0 <= start <= end <= len(values):
        raise ValueError(f"cannot slice({start}, {end}), list is length {len(values)}")
    return list(values[start:end])


def _range(count: int) -> list[int]:
    if count > _LONGEST_RANGE:
        raise ValueError(_OVER_BUDGET)
    return list(range(count))


def _holds(values: Sequence[Any], others: Sequence[Any]) -> bool:
    return all(each in values for each in others)


def _find(text: str, pattern: str) -> str:
    found = compiled(pattern).search(text)
    return "" if found is None else found[0]


def _find_all(text: str, pattern: str) -> list[str]:
    return [match[0] for match in compiled(pattern).finditer(text)]


def _find_some(text: str, pattern: str, most: int) -> list[str]:
    found = _find_all(text, pattern)
    return found if most < 0 else found[:most]


# -- quantities: their canonical text


def _quantity(text: str) -> str:
    try:
        return canonical_quantity(text)
    except TypeMismatch as mismatch:
        raise ValueError(str(mismatch)) from None


def _amount(text: str) -> Fraction:
    return Fraction(quantity(_quantity(text)))


def _is_quantity(text: str) -> bool:
    return _fits(_quantity, text)


def _fits(read: Callable[[str], Any], text: str) -> bool:
    try:
        read(text)
    except ValueError:
        return False
    return True


def _sign(text: str) -> int:
    amount = _amount(text)
    return (amount > 0) - (amount < 0)


def _compared(first: str, second: str) -> int:
    return (_amount(first) > _amount(second)) - (_amount(first) < _amount(second))


def _as_integer(text: str) -> int:
    amount = _amount(text)
    if amount.denominator != 1:
        raise ValueError("cannot convert value to integer")
    return amount.numerator


# -- addresses and URLs: their text


def _ip(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise ValueError(f"IP Address {text!r} parse error during conversion from string") from None


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        if "/" in text:
            return ipaddress.ip_network(text, strict=False)
    except ValueError:
        pass
    raise ValueError(f"network address parse error during conversion from string: {text}")


def _cidr(text: str) -> str:
    _network(text)
    return text


def _contains(outer: str, inner: str) -> bool:
    one, other = (
        _network(outer),
        _network(inner) if "/" in inner else _network(f"{inner}/{'128' if ':' in inner else '32'}"),
    )
    return (
        one.version == other.version
        and int(one.network_address) <= int(other.network_address)
        and int(other.broadcast_address) <= int(one.broadcast_address)
    )


def _url(text: str) -> str:
    parts = urlsplit(text)
    if not (parts.scheme or text.startswith("/")):
        raise ValueError(
            f"URL parse error during conversion from string: parse {text!r}: invalid URI for request"
        )
    return text


_TABLE: Final[tuple[tuple[str, str, str, Callable[..., Any]], ...]] = (
    (".isSorted", "l", "b", _is_sorted),
    (".sum", "l", "*", sum),
    (".sort", "l", "l", sorted),
    (".distinct", "l", "l", _distinct),
    (".flatten", "l", "l", _flattened),
    (".flatten", "li", "l", _flattened),
    (".slice", "lii", "l", _slice),
    ("lists.range", "i", "l", _range),
    (".min", "l", "*", _extreme(min, "min")),
    (".max", "l", "*", _extreme(max, "max")),
    ("sets.contains", "ll", "b", _holds),
    ("sets.intersects", "ll", "b", lambda values, others: any(each in values for each in others)),
    ("sets.equivalent", "ll", "b", lambda one, other: _holds(one, other) and _holds(other, one)),
    (".find", "ss", "s", _find),
    (".findAll", "ss", "l", _find_all),
    (".findAll", "ssi", "l", _find_some),
    ("isQuantity", "s", "b", _is_quantity),
    ("quantity", "s", "s", _quantity),
    (".sign", "s", "i", _sign),
    (".isGreaterThan", "ss", "b", lambda one, other: _amount(one) > _amount(other)),
    (".isLessThan", "ss", "b", lambda one, other: _amount(one) < _amount(other)),
    (".compareTo", "ss", "i", _compared),
    (
        ".add",
        "ss",
        "s",
        lambda one, other: quantity_text(quantity(_quantity(one)) + quantity(_quantity(other))),
    ),
    (
        ".sub",
        "ss",
        "s",
        lambda one, other: quantity_text(quantity(_quantity(one)) - quantity(_quantity(other))),
    ),
    (".isInteger", "s", "b", lambda text: _amount(text).denominator == 1),
    (".asInteger", "s", "i", _as_integer),
    (".asApproximateFloat", "s", "d", lambda text: float(_amount(text))),
    ("isIP", "s", "b", lambda text: _fits(_ip, text)),
    ("ip", "s", "s", _ip),
    (".family", "s", "i", lambda text: ipaddress.ip_address(text).version),
    (".isLoopback", "s", "b", lambda text: ipaddress.ip_address(text).is_loopback),
    (".isUnspecified", "s", "b", lambda text: ipaddress.ip_address(text).is_unspecified),
    ("isCIDR", "s", "b", lambda text: _fits(_network, text)),
    ("cidr", "s", "s", _cidr),
    (".containsIP", "ss", "b", _contains),
    (".containsCIDR", "ss", "b", _contains),
    (".prefixLength", "s", "i", lambda text: _network(text).prefixlen),
    (".masked", "s", "s", lambda text: str(_network(text))),
    ("jsonpatch.escapeKey", "s", "s", lambda text: text.replace("~", "~0").replace("/", "~1")),
    ("isURL", "s", "b", lambda text: _fits(_url, text)),
    ("url", "s", "s", _url),
    (".getScheme", "s", "s", lambda text: urlsplit(text).scheme),
    (".getHost", "s", "s", lambda text: urlsplit(text).netloc.rpartition("@")[2]),
    (".getHostname", "s", "s", lambda text: urlsplit(text).hostname or ""),
    (".getPort", "s", "s", lambda text: str(urlsplit(text).port or "")),
    (".getEscapedPath", "s", "s", lambda text: urlsplit(text).path),
)
"""Name (with a dot: of its first argument), types taken, type given (s string, b bool, i int, d double, l list, * any), and what it does."""
