"""CEL as rules use it, Go's regular expressions, JSONPath, formats: what the schemas of custom resources are written in."""

from __future__ import annotations

import re
import sys
from typing import Any

import pytest

from watchcache.api.custom.expressions import (
    BadExpression,
    EvaluationFailed,
    Unsupported,
    environment_of,
    expression,
)
from watchcache.api.custom.formats import fits, is_known
from watchcache.api.custom.matching import fault, matches
from watchcache.api.custom.paths import BadPath, path
from watchcache.api.custom.patterns import compiled
from watchcache.api.custom.remarks import warnings_of
from watchcache.api.custom.rules import shown, unsupported_rules
from watchcache.api.custom.structural import Node


def evaluate(text: str, value: Any = None, old: Any = None, type: str = "", format: str = "") -> Any:
    """What an expression says of a value."""
    return expression(text, type, format, False, "BOOL")(value, old)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("self.a <= 5 && has(self.b) && !has(self.c)", {"a": 5, "b": ""}),
        ("self.all(x, x > 0) && self.exists(x, x == 2) && self.exists_one(x, x == 1)", [1, 2]),
        ("self.filter(x, x > 1).map(x, x * 2) == [4]", [1, 2]),
        ("self.size() == 3 && self.matches('^a.c$') && self.startsWith('a') && 'b' in self.split('')", "abc"),
        ("self.a == null", {"a": None}),
        ("self.sum() == 6 && self.min() == 1 && self.max() == 3 && self.isSorted()", [1, 2, 3]),
        ("self.find('[0-9]+') == '12' && self.findAll('[0-9]') == ['1', '2', '3']", "a12b3"),
        ("quantity(self).isGreaterThan(quantity('1Gi')) && quantity('1k').asInteger() == 1000", "2Gi"),
        ("quantity('1').add('500m') == quantity('1500m')", None),
        ("isQuantity(self) && quantity(self).compareTo(quantity('1')) < 0 && quantity(self).sign() == 1", "1m"),
        ("isIP(self) && ip(self).family() == 4 && cidr('10.0.0.0/8').containsIP(self)", "10.1.2.3"),
        ("cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16') && cidr(self).prefixLength() == 8", "10.0.0.0/8"),
        ("isURL(self) && url(self).getScheme() == 'https' && url(self).getHostname() == 'a.b' && url(self).getPort() == '8'", "https://a.b:8/c"),
        ("math.greatest(self.a, 2) == 3 && self.?b.orValue(4) == 4 && cel.bind(x, self.a, x == 3)", {"a": 3}),
        ("self.a > 1.5 && self.a > 1", {"a": 2.5}),
    ],
)  # fmt: skip
def test_what_rules_are_written_with(text: str, value: Any):
    """The language, its standard extensions, and what Kubernetes adds."""
    assert evaluate(text, value) is True


@pytest.mark.parametrize(
    ("format", "text", "value"),
    [
        ("duration", "self > duration('1m') && self.getHours() == 1", "1h3m"),
        ("date-time", "self < timestamp('2021-01-01T00:00:00Z')", "2020-01-01T00:00:00Z"),
    ],
)
def test_a_value_is_what_its_format_says(format: str, text: str, value: str):
    """Times and durations are compared as such."""
    assert evaluate(text, value, type="string", format=format) is True


def test_values_before():
    """`oldSelf`, also as an optional value and of a format."""
    assert evaluate("self >= oldSelf", 2, 1, "integer") is True
    assert evaluate("self > oldSelf", "2h", "30m", "string", "duration") is True
    optional = expression("!oldSelf.hasValue() || oldSelf.value() == self", "string", "", True, "BOOL")
    assert optional("a", None) is True
    assert optional("a", "b") is False


@pytest.mark.parametrize(
    ("text", "type", "says"),
    [
        ("self.", "", "Syntax error"),
        ("self > 1", "string", "no matching overload"),
        ("self.nothing()", "", "undeclared reference to 'nothing'"),
        ("self.size()", "string", "cel expression must evaluate to a bool"),
    ],
)
def test_what_is_no_rule(text: str, type: str, says: str):
    """Refused when the definition is written."""
    with pytest.raises(BadExpression, match=re.escape(says)):
        evaluate(text, "a", type=type)


@pytest.mark.parametrize("text", ["format.dns1123Label().validate(self)", "self.all(i, x, x > i)"])
def test_what_only_kube_apiserver_has(text: str):
    """It is told apart from what is wrong."""
    with pytest.raises(Unsupported):
        evaluate(text, [1])


def test_without_the_library(monkeypatch: pytest.MonkeyPatch):
    """It has no build for every platform: there a definition is stored, with a warning that its rules are not evaluated."""
    environment_of.cache_clear()
    monkeypatch.setitem(sys.modules, "cel_expr_python", None)
    schema = {"type": "object", "x-kubernetes-validations": [{"rule": "self.unheard == 5"}]}
    assert [*unsupported_rules(schema)] == [
        "x-kubernetes-validations[0]: the rule is not evaluated: CEL without the package cel-expr-python is not supported"
    ]
    definition = {"spec": {"versions": [{"name": "v1", "schema": {"openAPIV3Schema": schema}}]}}
    assert len(warnings_of(definition)) == 1
    environment_of.cache_clear()


@pytest.mark.parametrize(
    ("text", "value", "says"),
    [
        ("self.b > 1", {"a": 1}, "no such key: b"),
        ("self.a > 1", {"a": "x"}, "no such overload"),
        ("self.a[3] > 1", {"a": [1]}, "index out of bounds: 3"),
        ("1 / self.a > 1", {"a": 0}, "division by zero"),
        ("quantity(self.a).sign() > 1", {"a": "x"}, "quantities must match"),
    ],
)
def test_an_evaluation_that_comes_to_nothing(text: str, value: Any, says: str):
    """In cel-go's words."""
    with pytest.raises(EvaluationFailed, match=re.escape(says)):
        evaluate(text, value)


def test_fields_by_their_escaped_names():
    """Keywords and characters that names cannot have; keys of maps stay as they are."""
    node = Node(
        {
            "properties": {
                name: {"type": "string"} for name in ("namespace", "a-b", "a.b", "a/b", "a__b", "plain")
            }
            | {"map": {"additionalProperties": {"type": "number"}}}
        }
    )
    value = {
        "namespace": "1",
        "a-b": "2",
        "a.b": "3",
        "a/b": "4",
        "a__b": "5",
        "plain": "6",
        "map": {"x-y": 1},
    }
    seen = shown(value, node)
    assert [
        seen[name]
        for name in ("__namespace__", "a__dash__b", "a__dot__b", "a__slash__b", "a__underscores__b")
    ] == ["1", "2", "3", "4", "5"]
    assert seen["map"] == {"x-y": 1.0}
    assert type(seen["map"]["x-y"]) is float


@pytest.mark.parametrize(
    ("pattern", "fitting", "unfit"),
    [
        ("^a$", "a", "a\n"),
        (r"^[[:alpha:]_]+\z", "ab_", "a1"),
        (r"^[^[:digit:]]$", "a", "1"),
        (r"^\d$", "1", "١"),
        (r"a\$b", "a$b", "ab"),
        (r"^[$]$", "$", "a"),
        ("(?i)^abc$", "ABC", "abd"),
    ],
)
def test_patterns_mean_what_they_mean_in_go(pattern: str, fitting: str, unfit: str):
    """Ends of texts, classes, ASCII."""
    assert matches(pattern, fitting)
    assert not matches(pattern, unfit)
    assert compiled(pattern).search(fitting)  # where there is no RE2
    assert not compiled(pattern).search(unfit)


def test_a_pattern_takes_no_longer_than_its_text():
    """Python's engine would go through 2 to the power of 5,000 ways to divide these, and nobody else would be served meanwhile."""
    assert not matches("^(a+)+$", "a" * 5000 + "b")


def test_patterns_that_python_cannot_read():
    """RE2 itself matches them; what is no pattern for it is none."""
    assert matches(r"^\pL+$", "aé")
    assert not matches(r"^\pL+$", "a1")
    assert matches(r"^\Qa.b\E$", "a.b")
    assert fault(r"^\pL+$") == fault("^a$") == ""
    assert "missing )" in fault("(")


DOCUMENT = {
    "spec": {"a.b": 1, "l": [{"t": "x", "n": 1}, {"t": "y", "n": 2}], "m": {"k": "v"}},
}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (".spec.l[0].n", [1]),
        (".spec.l[-1].n", [2]),
        (".spec.l[5].n", []),
        (".spec.l[*].n", [1, 2]),
        (".spec.l[0:1].t", ["x"]),
        ('.spec.l[?(@.t=="y")].n', [2]),
        (".spec.l[?(@.t=='y')].n", [2]),
        (".spec.l[?(@.n>1)].t", ["y"]),
        (".spec.l[?(@.t!='x')].t", ["y"]),
        (".spec.l[?(@.q)].t", []),
        (".spec['a.b']", [1]),
        (r".spec.a\.b", [1]),
        (".spec.m.*", ["v"]),
        ("..n", [1, 2]),
        (".spec.nothing.more", []),
    ],
)
def test_json_paths(text: str, found: list[Any]):
    """What columns and fields are found with."""
    assert path(text)(DOCUMENT) == found


@pytest.mark.parametrize("text", ["spec", ".a[", ".a[?(@.b==c)]"])
def test_what_is_no_path(text: str):
    """Nothing is printed for it."""
    with pytest.raises(BadPath):
        path(text)


@pytest.mark.parametrize(
    ("name", "fitting", "unfit"),
    [
        ("byte", "aGk=", "!!"),
        ("cidr", "10.0.0.0/8", "10.0.0.0"),
        ("date", "2020-01-31", "2020-13-01"),
        ("date-time", "2020-01-01T00:00:00.5+02:00", "2020-01-01"),
        ("duration", "1h30m", "soon"),
        ("email", "a@b.c", "a"),
        ("hostname", "a.b", "a b"),
        ("ipv4", "1.2.3.4", "::1"),
        ("ipv6", "::1", "1.2.3.4"),
        ("k8s-short-name", "a-b", "a.b"),
        ("mac", "00:11:22:33:44:55", "00:11"),
        ("uri", "https://a/b", "a b"),
        ("uuid", "123e4567-e89b-42d3-a456-426614174000", "x"),
        ("uuid4", "123e4567-e89b-42d3-a456-426614174000", "123e4567-e89b-12d3-a456-426614174000"),
    ],
)
def test_formats(name: str, fitting: str, unfit: str):
    """Those that are checked."""
    assert is_known(name)
    assert fits(name, fitting)
    assert not fits(name, unfit)


def test_an_unknown_format_is_any():
    """It is remarked upon elsewhere."""
    assert not is_known("wombat")
    assert fits("wombat", "anything")
