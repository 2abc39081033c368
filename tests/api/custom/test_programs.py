"""Expressions of admission policies: their variables and results have types, and the objects of patches are maps."""

from __future__ import annotations

from typing import Any

import pytest

from watchcache.api.custom.authorizing import answered_by
from watchcache.api.custom.expressions import BadExpression, EvaluationFailed
from watchcache.api.custom.initializers import WrongTypes, check_types, plain, without_initializers
from watchcache.api.custom.programs import program

VARIABLES = (
    ("object", ""),
    ("request", ""),
    ("authorizer", "authorizer"),
    ("variables", ""),
    ("variables.n", "integer"),
)


def evaluate(text: str, **values: Any) -> Any:
    """The value of an expression."""
    return program(text, VARIABLES).evaluate(values)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("object.a", "must evaluate to bool but got dyn"),
        ("[1]", "must evaluate to bool but got list(int)"),
        ("variables.n", "must evaluate to bool but got int"),
        ("authorizer", "must evaluate to bool but got kubernetes.authorization.Authorizer"),
        ("request.nope", "compilation failed: ERROR: <input>:1:8: undefined field 'nope'\n | request.nope\n | .......^"),
        (
            "true &&\n  variables.m == 1",
            "compilation failed: ERROR: <input>:2:12: undefined field 'm'\n |   variables.m == 1\n | ...........^",
        ),
    ],
)  # fmt: skip
def test_what_is_no_condition(text: str, problem: str):
    """In the words of cel-go."""
    with pytest.raises(BadExpression) as caught:
        program(text, VARIABLES, ("bool",))
    assert str(caught.value) == problem


def test_what_kubernetes_knows_the_type_of_and_the_library_does_not():
    """Members of the request may be of any type here."""
    assert program("request.dryRun", VARIABLES, ("bool",)).evaluate({"request": {"dryRun": True}}) is True


def test_a_program_says_what_it_names():
    """So that only these need values; what stands in a text is no name."""
    found = program("variables.n > 1 && 'object' == request.name", VARIABLES)
    assert found.variables == {"variables", "variables.n", "request"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [("object.a.b == 1", "no such key: a"), ("variables.n == object.c", "no such key: c")],
)
def test_a_member_of_nothing_is_no_key(text: str, problem: str):
    """As cel-go has it, to which null is an empty object."""
    with pytest.raises(EvaluationFailed, match=problem):
        program(text, VARIABLES).evaluate({"object": None, "variables.n": 1})


def test_a_question_to_the_authorizer_is_put_together():
    """By every step of it."""
    asked = []

    def answer(question: dict[str, Any]) -> tuple[bool, str]:
        asked.append(question)
        return False, "because"

    with answered_by(answer):
        text = "authorizer.serviceAccount('a', 'b').group('g').resource('r').namespace('n').check('get').reason()"
        assert evaluate(text, authorizer={}) == "because"
    assert asked == [
        {
            "serviceAccount": "system:serviceaccount:a:b",
            "group": "g",
            "resource": "r",
            "namespace": "n",
            "verb": "get",
        }
    ]


def test_objects_of_patches():
    """Fields, fields that may be there, lists, and texts that look like objects."""
    text = "Object{a: Object.a{?b: optional.of(1), ?c: optional.none()}, d: [Object.d{e: 'Object{x: 1}'}], f: {'g': true ? 1 : 2}}"
    value = program(text, VARIABLES, ("Object",), patches=True).evaluate({})
    check_types(value)
    assert plain(value) == {"a": {"b": 1}, "d": [{"e": "Object{x: 1}"}], "f": {"g": 1}}


def test_an_object_in_the_place_of_another():
    """Its type says where it belongs."""
    value = program("Object{a: Object.b{}}", VARIABLES, ("Object",), patches=True).evaluate({})
    with pytest.raises(WrongTypes, match=r'unexpected type name "Object\.b", expected "Object\.a"'):
        check_types(value)


def test_what_makes_no_objects_stays_as_it_is():
    """Maps, comments, and names that begin alike."""
    text = "{'a': objects.x} // Object{a: 1}\n + ObjectX"
    assert without_initializers(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "semver('1.2.3').isLessThan(semver('1.10.0')) && semver('1.0.0').isGreaterThan(semver('1.0.0-rc.1'))",
        "semver('1.0.0-alpha.2').compareTo(semver('1.0.0-alpha.10')) == -1 && semver('1.0.0-1').isLessThan(semver('1.0.0-a'))",
        "semver('1.2.3+a') != semver('1.2.3') && semver('1.2.3+a').compareTo(semver('1.2.3')) == 0",
        "semver('v1.02', true) == semver('1.2.0') && isSemver('v1', true) && !isSemver('1.2') && !isSemver('01.2.3')",
        "semver('7.8.9').major() + semver('7.8.9').minor() + semver('7.8.9').patch() == 24",
        "quantity('1').isLessThan(quantity('2'))",
    ],
)
def test_versions(text: str):
    """Their order is semver.org's; quantities have functions of the same names."""
    assert program(text, VARIABLES, ("bool",)).evaluate({}) is True


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[1].slice(0, 2) == []", "cannot slice(0, 2), list is length 1"),
        ("[1].flatten(-1) == []", "level must be non-negative"),
        ("lists.range(20000).size() == 1", "Iteration budget exceeded"),
    ],
)
def test_lists_within_their_bounds(text: str, problem: str):
    """What goes beyond them fails."""
    with pytest.raises(EvaluationFailed) as caught:
        program(text, VARIABLES).evaluate({})
    assert problem in str(caught.value)
