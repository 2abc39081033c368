"""Selectors: the grammars against a real server's answers, and matching against a model."""

from __future__ import annotations

from typing import Any

import pytest
from answers import answers, refusal
from hypothesis import given
from hypothesis import strategies as st

from watchcache.api.catalog import Catalog, load_catalog
from watchcache.api.selectors import parse_fields, parse_labels

KEYS = st.sampled_from(["a", "b", "app", "example.com/x", "in", "notin"])
VALUES = st.sampled_from(["", "x", "y", "5", "7", "-3", "web-1"])
LABELS = st.dictionaries(KEYS, VALUES)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    """The built-in kinds."""
    return load_catalog()


@pytest.mark.parametrize("row", answers("selectors"), ids=lambda row: f"{row[0]} {row[1][:40]!a}")
def test_parsing_answers_as_kube_apiserver(row: Any, catalog: Catalog):
    """A selector is accepted, or refused with the words, that a real server has for it."""
    name, text, expected = row
    maps = catalog.find("", "v1", "configmaps")
    assert maps is not None
    if name == "labelSelector":
        assert refusal(lambda: parse_labels(text)) == expected
    else:
        assert refusal(lambda: parse_fields(text).supported_by(maps)) == expected


TERMS = st.one_of(
    st.tuples(KEYS, st.just("exists"), st.just([])),
    st.tuples(KEYS, st.just("!"), st.just([])),
    st.tuples(
        KEYS,
        st.sampled_from(["=", "==", "!="]),
        VALUES.filter(lambda v: not v.startswith("-")).map(lambda v: [v]),
    ),
    st.tuples(
        KEYS,
        st.sampled_from(["in", "notin"]),
        st.lists(VALUES.filter(lambda v: not v.startswith("-")), min_size=1, max_size=3),
    ),
    st.tuples(KEYS, st.sampled_from([">", "<"]), st.sampled_from([["5"], ["6"]])),
)


def written(term: Any) -> str:
    """A term in the selector language."""
    key, operator, values = term
    if operator == "exists":
        return key
    if operator == "!":
        return f"!{key}"
    return (
        f"{key} {operator} ({','.join(values)})"
        if operator in ("in", "notin")
        else f"{key}{operator}{values[0]}"
    )


def holds(term: Any, labels: dict[str, str]) -> bool:
    """What a term means, said as plainly as possible."""
    key, operator, values = term
    value = labels.get(key)
    if operator in (">", "<"):
        if value is None or not value.lstrip("-").isdigit():
            return False
        return int(value) > int(values[0]) if operator == ">" else int(value) < int(values[0])
    return {
        "exists": value is not None,
        "!": value is None,
        "=": value in values,
        "==": value in values,
        "in": value in values,
        "!=": value not in values,
        "notin": value not in values,
    }[operator]


@given(st.lists(TERMS, max_size=4), LABELS)
def test_labels_match_as_the_model_says(terms: list[Any], labels: dict[str, str]):
    """A selector matches when each of its terms holds."""
    selector = parse_labels(",".join(map(written, terms)))
    assert selector.matches(labels) == all(holds(term, labels) for term in terms)


@given(st.lists(TERMS, max_size=4).flatmap(lambda terms: st.tuples(st.just(terms), st.permutations(terms))))
def test_the_order_of_terms_does_not_matter(pair: Any):
    """Selectors of the same terms are equal and hash alike, so that their watches share work."""
    first, second = (parse_labels(" , ".join(map(written, terms))) for terms in pair)
    assert first == second
    assert hash(first) == hash(second)


def test_spellings_of_one_meaning_are_equal():
    """`=`, `==` and `in` of one value are the same requirement."""
    assert (
        parse_labels("a=b")
        == parse_labels("a==b")
        == parse_labels(" a in ( b ) ")
        == parse_labels("a in (b,b)")
    )


def test_objects_without_labels_match_what_asks_for_absence():
    """No labels at all are no labels, not an error."""
    assert parse_labels("!a,b!=c").matches(None)
    assert not parse_labels("a").matches(None)


def test_a_selector_says_which_single_value_it_requires():
    """Only an equality fixes a label's value."""
    selector = parse_labels("a=b,c in (d,e),f!=g,h")
    assert [selector.requires(key) for key in "acfh"] == ["b", None, None, None]


FIELD_VALUES = st.text(alphabet="ab,=\\ 1", max_size=5)


def escaped(value: str) -> str:
    """A value as a field selector writes it."""
    return value.replace("\\", "\\\\").replace(",", "\\,").replace("=", "\\=")


@given(
    st.lists(
        st.tuples(st.sampled_from(["x.y", "z"]), st.sampled_from(["=", "==", "!="]), FIELD_VALUES), max_size=4
    ),
    st.dictionaries(st.sampled_from(["x.y", "z"]), FIELD_VALUES),
)
def test_fields_match_as_the_model_says(terms: list[tuple[str, str, str]], values: dict[str, str]):
    """Values survive escaping; a missing field is the empty text; all terms must hold."""
    selector = parse_fields(
        ",".join(f"{field}{operator}{escaped(value)}" for field, operator, value in terms)
    )
    expected = all((values.get(field, "") == value) == (operator != "!=") for field, operator, value in terms)
    assert selector.matches(values) == expected


def test_equal_field_selectors_are_equal():
    """Order, repeats, empty terms and the two equal signs do not matter."""
    assert parse_fields("b!=2,a=1") == parse_fields("a==1,,b!=2,a=1,")
    assert parse_fields("a=1").requires("a") == "1"
    assert parse_fields("a!=1").requires("a") is None
    assert parse_fields("").and_equal("a", "1") == parse_fields("a=1")
    assert not parse_fields(",")


@pytest.mark.parametrize(
    ("path", "field", "message"),
    [
        (("", "v1", "pods"), "spec.bogus", "field label not supported: spec.bogus"),
        (("", "v1", "namespaces"), "metadata.namespace", "field label not supported: metadata.namespace"),
        (("batch", "v1", "jobs"), "x", 'field label "x" not supported for Job'),
        (
            ("resource.k8s.io", "v1", "resourceslices"),
            "x",
            "field label not supported for resource.k8s.io/v1, Kind=ResourceSlice: x",
        ),
        (("", "v1", "events"), "regarding.name", "field label not supported: regarding.name"),
    ],
)
def test_a_field_that_a_kind_does_not_select_by_is_named(
    catalog: Catalog, path: tuple[str, str, str], field: str, message: str
):
    """Each kind has its own words for a field it does not know."""
    resource = catalog.find(*path)
    assert resource is not None
    assert refusal(lambda: parse_fields(f"{field}=1").supported_by(resource)) == [
        400,
        "BadRequest",
        message,
        [],
    ]


def test_old_spellings_become_the_new_ones(catalog: Catalog):
    """`spec.host` selects pods by `spec.nodeName`."""
    pods = catalog.find("", "v1", "pods")
    assert pods is not None
    assert parse_fields("spec.host=n").supported_by(pods) == parse_fields("spec.nodeName=n")
