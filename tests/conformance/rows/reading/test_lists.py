"""LIST and GET, row by row (L1 to L20): what kube-apiserver 1.36.3 answers, over HTTP."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.conformance.rows.places import FIRST_REVISION

from .remote import Remote, query

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
FUTURE = 10**15


class Shelf:
    """Three ConfigMaps, then a fourth and a change of the first: `at` is the revision between."""

    def __init__(self, remote: Remote, maps: str) -> None:
        self.maps = maps
        for name in "abc":
            self.at = remote.create(maps, name, {"group": name})
        remote.create(maps, "d", {"group": "a"})
        self.now = remote.merge(f"{maps}/a", {"data": {"k": "v"}})


@pytest.fixture
def shelf(remote: Remote, maps: str) -> Shelf:
    """Objects with a past."""
    return Shelf(remote, maps)


def test_l1_a_list_is_consistent(remote: Remote, shelf: Shelf):
    """Without resourceVersion it shows all that was acknowledged, at a revision not older than that."""
    listed = remote.get(shelf.maps)
    assert (listed.status, listed.names) == (200, ["a", "b", "c", "d"])
    assert listed.revision >= shelf.now
    written = remote.create("/api/v1/namespaces", f"other-{shelf.now}")
    assert remote.get(shelf.maps).revision >= written


@pytest.mark.parametrize("match", ["", "&resourceVersionMatch=NotOlderThan"])
def test_l2_any_state_ignores_the_limit(remote: Remote, shelf: Shelf, match: str):
    """RV=0: the whole set and no token."""
    listed = remote.get(f"{shelf.maps}?resourceVersion=0&limit=1{match}")
    assert (listed.names, listed.token) == (["a", "b", "c", "d"], "")
    assert "remainingItemCount" not in listed.document["metadata"]


def test_l2_only_the_text_0_is_any_state(remote: Remote, shelf: Shelf):
    """`00` is the newest state, with its limit, and may be asked for exactly."""
    assert remote.get(f"{shelf.maps}?resourceVersion=00&limit=1").names == ["a"]
    assert len(remote.get(f"{shelf.maps}?resourceVersion=00&resourceVersionMatch=Exact").names) == 4


def test_l3_a_revision_alone_is_a_lower_bound(remote: Remote, shelf: Shelf):
    """The present state, at a revision not older; a revision that no history holds any more is no error."""
    for revision in (shelf.at, 5):
        listed = remote.get(f"{shelf.maps}?resourceVersion={revision}")
        assert (listed.status, listed.names) == (200, ["a", "b", "c", "d"])
        assert listed.revision >= shelf.now


def test_l4_with_a_limit_it_is_exact(remote: Remote, shelf: Shelf):
    """Legacy exact: the state at that revision, page after page."""
    first = remote.get(f"{shelf.maps}?resourceVersion={shelf.at}&limit=2")
    assert (first.names, first.revision) == (["a", "b"], shelf.at)
    assert first.document["metadata"]["remainingItemCount"] == 1
    second = remote.get(f"{shelf.maps}?limit=2&continue={first.token}")
    assert (second.names, second.revision, second.token) == (["c"], shelf.at, "")
    assert "data" not in first.document["items"][0]


def test_l5_not_older_than_serves_now_in_pages(remote: Remote, shelf: Shelf):
    """With a limit the pages are cut at the served revision."""
    path = f"{shelf.maps}?resourceVersion={shelf.at}&resourceVersionMatch=NotOlderThan"
    assert remote.get(path).names == ["a", "b", "c", "d"]
    first = remote.get(f"{path}&limit=3")
    assert first.names == ["a", "b", "c"]
    assert first.revision >= shelf.now
    second = remote.get(f"{shelf.maps}?continue={first.token}")
    assert (second.names, second.revision) == (["d"], first.revision)


def test_l6_exact_is_that_state(remote: Remote, shelf: Shelf):
    """With and without a limit; selectors see the objects as they were."""
    path = f"{shelf.maps}?resourceVersionMatch=Exact&resourceVersion="
    listed = remote.get(f"{path}{shelf.at}")
    assert (listed.names, listed.revision) == (["a", "b", "c"], shelf.at)
    assert "data" not in listed.document["items"][0]
    assert remote.get(f"{path}{shelf.at}&labelSelector=group%3Da").names == ["a"]
    assert remote.get(f"{path}{shelf.now}&labelSelector=group%3Da").names == ["a", "d"]


INVALID = 'ListOptions.meta.k8s.io "" is invalid: '
UNLESS = "Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided"
WITH_CONTINUE = "Forbidden: resourceVersionMatch is forbidden when continue is provided"
EXACT_ZERO = 'Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"'
UNSUPPORTED = 'Unsupported value: "Foo": supported values: "Exact", "NotOlderThan", ""'
FOR_LIST = "Forbidden: sendInitialEvents is forbidden for list"


@pytest.mark.parametrize(
    ("parameters", "causes"),
    [
        ("resourceVersionMatch=Exact", [UNLESS]),
        ("resourceVersionMatch=NotOlderThan", [UNLESS]),
        ("resourceVersion=0&resourceVersionMatch=Exact", [EXACT_ZERO]),
        ("resourceVersion=0&resourceVersionMatch=NotOlderThan&continue=x", [WITH_CONTINUE]),
        ("resourceVersionMatch=NotOlderThan&continue=x", [UNLESS, WITH_CONTINUE]),
        ("resourceVersion=5&resourceVersionMatch=Foo", [UNSUPPORTED]),
        ("resourceVersionMatch=Foo", [UNLESS, UNSUPPORTED]),
        ("resourceVersionMatch=Foo&continue=x", [UNLESS, WITH_CONTINUE, UNSUPPORTED]),
        ("sendInitialEvents=true", [FOR_LIST]),
        ("sendInitialEvents=false", [FOR_LIST]),
    ],
)
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_l7_to_l11_options_that_contradict(
    remote: Remote, maps: str, method: str, parameters: str, causes: list[str]
):
    """422 with every cause in order, also for deletecollection."""
    refused = remote.ask(method, f"{maps}?{parameters}")
    field = "sendInitialEvents" if FOR_LIST in causes else "resourceVersionMatch"
    text = ", ".join(f"{field}: {cause}" for cause in causes)
    message = f"{INVALID}[{text}]" if len(causes) > 1 else INVALID + text
    assert refused.said == (422, "Invalid", message)
    details = refused.document["details"]
    assert (details["group"], details["kind"]) == ("meta.k8s.io", "ListOptions")
    assert [(cause["field"], cause["message"]) for cause in details["causes"]] == [
        (field, cause) for cause in causes
    ]


def test_l12_no_revision_beside_a_token(remote: Remote, shelf: Shelf):
    """Whatever the revision is, unless it is "0"; but a token that cannot be read is told of first."""
    token = remote.get(f"{shelf.maps}?limit=1").token
    refusal = (400, "BadRequest", "specifying resource version is not allowed when using continue")
    for revision in (str(shelf.at), "abc", "00"):
        assert remote.get(f"{shelf.maps}?continue={token}&resourceVersion={revision}").said == refusal
    assert remote.get(f"{shelf.maps}?continue={token}&resourceVersion=0").names == ["b", "c", "d"]
    unreadable = remote.get(f"{shelf.maps}?continue=zz&resourceVersion=abc").said
    assert unreadable[2].startswith("invalid continue token: continue key is not valid: ")


@pytest.mark.parametrize("revision", ["abc", "-1", "+1", " ", "1.5", "0x1", "1_0", "18446744073709551616"])
def test_l13_a_malformed_revision(remote: Remote, maps: str, revision: str):
    """400 on a list; 500 without a reason, and without the prefix, on a watch and a GET."""
    problem = "value out of range" if len(revision) > 10 else "invalid syntax"
    text = f'resourceVersion: Invalid value: "{revision}": strconv.ParseUint: parsing "{revision}": {problem}'
    listed = remote.get(maps + query(resourceVersion=revision))
    assert listed.said == (400, "BadRequest", f"invalid resource version: {text}")
    for path in (
        maps + query(watch="1", resourceVersion=revision),
        f"{maps}/a" + query(resourceVersion=revision),
    ):
        assert remote.get(path).said == (500, None, text)


def test_l13_leading_zeros_are_fine(remote: Remote, shelf: Shelf):
    """Revisions are decimal."""
    assert remote.get(f"{shelf.maps}?resourceVersion=0{shelf.at}&limit=9").names == ["a", "b", "c"]
    assert remote.get(f"{shelf.maps}/a?resourceVersion=00").status == 200


def test_l15_a_revision_from_the_future(remote: Remote, shelf: Shelf):
    """After 3 seconds 504, with any match and limit, for 2^63 too, and for a GET of what is not there."""
    match = "&resourceVersionMatch="
    answers = remote.get_all(
        [
            f"{shelf.maps}{rest}resourceVersion={revision}{options}"
            for rest, revision, options in (
                ("?", FUTURE, ""),
                ("?", FUTURE, "&limit=1"),
                ("?", FUTURE, f"{match}Exact"),
                ("?", FUTURE, f"{match}NotOlderThan"),
                ("?", 2**63, ""),
                ("/a?", FUTURE, ""),
                ("/nobody?", FUTURE, ""),
            )
        ]
    )
    for answer in answers:
        status, reason, message = answer.said
        assert (status, reason) == (504, "Timeout")
        wanted = FUTURE if str(FUTURE) in message else 2**63
        text, _, current = message.rpartition(" ")
        assert text == f"Timeout: Too large resource version: {wanted}, current:"
        assert int(current) >= shelf.now
        assert answer.document["details"] == {
            "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
            "retryAfterSeconds": 1,
        }
        assert answer.headers["retry-after"] == "1"


def test_l15_a_revision_that_comes_in_time(remote: Remote, shelf: Shelf):
    """Who waits for it is answered when it is there."""
    ahead = remote.get(shelf.maps).revision + 1
    paths = [
        f"{shelf.maps}{rest}resourceVersion={ahead}"
        for rest in ("?", "?", "/a?", "?resourceVersionMatch=Exact&")
    ]
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(remote.get_all, paths)
        assert remote.create(shelf.maps, "e") == ahead
        answers = waiting.result()
    assert [answer.status for answer in answers] == [200] * 4
    assert answers[0].names == answers[3].names == ["a", "b", "c", "d", "e"]


@pytest.mark.parametrize(
    "options", ["&resourceVersionMatch=Exact", "&limit=1", "&resourceVersionMatch=Exact&limit=1"]
)
def test_l16_a_state_that_is_gone(remote: Remote, maps: str, options: str):
    """410 Expired, without details."""
    refused = remote.get(f"{maps}?resourceVersion=5{options}")
    assert refused.said == (410, "Expired", "The resourceVersion for the provided list is too old.")
    assert "details" not in refused.document
    assert FIRST_REVISION > 5


def test_l18_one_object(remote: Remote, shelf: Shelf):
    """A GET knows resourceVersion as a lower bound and nothing else of a list's parameters."""
    newest = remote.get(f"{shelf.maps}/a")
    assert newest.revision == shelf.now
    for parameters in (
        "resourceVersion=0", f"resourceVersion={shelf.at}", "resourceVersionMatch=Foo", "limit=x", "continue=zzz",
        "labelSelector=(((", "fieldSelector=foo%3Dbar", "watch=1", "sendInitialEvents=true", "timeoutSeconds=x",
    ):  # fmt: skip
        assert remote.get(f"{shelf.maps}/a?{parameters}").body == newest.body, parameters
    missing = remote.get(f"{shelf.maps}/nobody?resourceVersion={shelf.at}")
    assert missing.said == (404, "NotFound", 'configmaps "nobody" not found')


def test_l19_an_empty_list(remote: Remote, maps: str):
    """No items are `[]`, but null in a PartialObjectMetadataList; a namespace that is not there is as empty."""
    for path in (
        maps,
        "/api/v1/namespaces/nowhere/configmaps",
        f"{maps}?limit=1",
        f"{maps}?resourceVersion=0",
    ):
        listed = remote.get(path)
        assert listed.status == 200
        assert listed.body.endswith(b'},"items":[]}\n')
        assert list(listed.document["metadata"]) == ["resourceVersion"]
    assert remote.get(maps, Accept=METADATA_LIST).document["items"] is None
    assert remote.get(maps, Accept=TABLE).document["rows"] == []


def test_l20_the_order_is_that_of_keys(remote: Remote, namespace: str):
    """Byte order of namespace/name in lists, pages and initial events: "-" and "." come before "/" and digits."""
    names = ["x", "x-a", "x.a", "x0"]
    places = [(f"{namespace}-b", "x"), *((namespace, name) for name in names)]
    remote.create("/api/v1/namespaces", f"{namespace}-b")
    for where, name in reversed(places):
        remote.create(f"/api/v1/namespaces/{where}/secrets", name, {"rows": namespace})
    selected = f"labelSelector=rows%3D{namespace}"

    def keys(items: list[dict[str, dict[str, str]]]) -> list[tuple[str, str]]:
        return [(item["metadata"]["namespace"], item["metadata"]["name"]) for item in items]

    assert keys(remote.get(f"/api/v1/secrets?{selected}").document["items"]) == places
    initial = remote.watch(f"/api/v1/secrets?watch=1&timeoutSeconds=1&{selected}")
    assert keys([event["object"] for event in initial]) == places
    paged, token = [], ""
    while len(paged) < 20:
        page = remote.get(f"/api/v1/secrets?{selected}&limit=2&continue={token}")
        paged += keys(page.document["items"])
        if not (token := page.token):
            break
    assert paged == places


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ("x", 'strconv.ParseInt: parsing "x": invalid syntax'),
        ("", 'strconv.ParseInt: parsing "": invalid syntax'),
        ("1.5", 'strconv.ParseInt: parsing "1.5": invalid syntax'),
        ("99999999999999999999", 'strconv.ParseInt: parsing "99999999999999999999": value out of range'),
    ],
)
def test_a_limit_that_is_no_number(remote: Remote, maps: str, limit: str, message: str):
    """400 with Go's text; zero and negative ones are none."""
    assert remote.get(f"{maps}?limit={limit}").said == (400, "BadRequest", message)
    for none in ("0", "-1"):
        assert remote.get(f"{maps}?limit={none}").status == 200
