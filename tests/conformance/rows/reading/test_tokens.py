"""Continue tokens, row by row (L14, L17 and the paragraph below the table), over HTTP."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from .remote import Remote

VERSION = "meta.k8s.io/v1"
OLD = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without "
    "the continue parameter, or use the continue token in this response to retrieve the remainder of the results. "
    "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or "
    "deleted between the time the first chunk was returned and now may show up in the list."
)


def token_of(document: Any) -> str:
    """The token with this content."""
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def content_of(token: str) -> Any:
    """What a token says."""
    return json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))


@pytest.fixture
def letters(remote: Remote, maps: str) -> str:
    """The path of four ConfigMaps, two of which are labelled."""
    for name in "abcd":
        remote.create(maps, name, {"odd": "yes"} if name in "ac" else None)
    return maps


def test_a_token_is_plain(remote: Remote, letters: str):
    """Unpadded base64url of version, revision and the last key with a leading "/" and a final NUL."""
    page = remote.get(f"{letters}?limit=2")
    assert "=" not in page.token
    assert content_of(page.token) == {"v": VERSION, "rv": page.revision, "start": "/b\0"}
    namespace = letters.split("/")[4]
    everywhere = remote.get(f"/api/v1/configmaps?limit=1&fieldSelector=metadata.namespace%3D{namespace}")
    assert content_of(everywhere.token)["start"] == f"/{namespace}/a\0"


def test_pages_are_of_the_first_ones_state(remote: Remote, letters: str):
    """All carry its revision, also after changes; the count of what remains is there while there is a next page."""
    first = remote.get(f"{letters}?limit=2")
    assert first.document["metadata"]["remainingItemCount"] == 2
    remote.delete(f"{letters}/c")
    remote.create(letters, "cc")
    second = remote.get(f"{letters}?limit=1&continue={first.token}")
    assert (second.names, second.revision) == (["c"], first.revision)
    assert second.document["metadata"]["remainingItemCount"] == 1
    third = remote.get(f"{letters}?limit=1&continue={second.token}")
    assert (third.names, third.revision, third.token) == (["d"], first.revision, "")
    assert "remainingItemCount" not in third.document["metadata"]


def test_a_selected_page_is_filled(remote: Remote, letters: str):
    """The server goes on until the limit; it does not count, nor look for a match behind the page."""
    page = remote.get(f"{letters}?limit=2&labelSelector=odd")
    assert page.names == ["a", "c"]
    assert "remainingItemCount" not in page.document["metadata"]
    assert remote.get(f"{letters}?labelSelector=odd&continue={page.token}").names == []
    assert remote.get(f"{letters}?limit=9&labelSelector=odd").token == ""


def test_a_token_serves_other_lists(remote: Remote, letters: str, namespace: str):
    """It sets revision and start only: another limit, selector or collection may follow."""
    token = remote.get(f"{letters}?limit=1").token
    assert remote.get(f"{letters}?continue={token}").names == ["b", "c", "d"]
    assert remote.get(f"{letters}?continue={token}&labelSelector=odd").names == ["c"]
    assert remote.get(f"/api/v1/namespaces/{namespace}/secrets?continue={token}").names == []


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (
            {"v": VERSION, "rv": 0, "start": "x"},
            f"incorrect encoded start resourceVersion (version {VERSION})",
        ),
        ({"v": VERSION, "start": "x"}, f"incorrect encoded start resourceVersion (version {VERSION})"),
        ({"v": VERSION, "rv": 7, "start": ""}, f"encoded start key empty (version {VERSION})"),
        ({"v": VERSION, "rv": 7, "start": "../x"}, "../x"),
        ({"v": VERSION, "rv": 7, "start": "a/../x"}, "a/../x"),
        ({"v": "v9", "rv": 7, "start": "x"}, "server does not recognize this encoded version v9"),
        ({"rv": 7, "start": "x"}, "server does not recognize this encoded version "),
        (b"nojson", "invalid character 'o' in literal null (expecting 'u')"),
        (
            {"v": VERSION, "rv": "7", "start": "x"},
            "json: cannot unmarshal string into Go struct field continueToken.rv of type int64",
        ),
        ([1], "json: cannot unmarshal array into Go value of type storage.continueToken"),
    ],
)
def test_l14_a_token_with_bad_content(remote: Remote, maps: str, content: Any, problem: str):
    """400 with the reason."""
    refused = remote.get(f"{maps}?continue={token_of(content)}")
    text = f"invalid continue token: continue key is not valid: {problem}"
    assert refused.said == (400, "BadRequest", text)


@pytest.mark.parametrize(
    ("token", "offset"), [("a.b", 1), ("ab==", 2), ("a", 0), ("%00", 0), ("a%20b", 1), ("a/b", 1)]
)
def test_l14_a_token_that_is_no_base64url(remote: Remote, maps: str, token: str, offset: int):
    """400; padding is as wrong as the letters of plain base64."""
    problem = f"illegal base64 data at input byte {offset}"
    text = f"invalid continue token: continue key is not valid: {problem}"
    assert remote.get(f"{maps}?continue={token}").said == (400, "BadRequest", text)


@pytest.mark.parametrize("start", ["a\0", "/a\0", "/b", "b"])
@pytest.mark.parametrize("revision", [-1, -77, None])
def test_l14_tokens_that_others_wrote(remote: Remote, letters: str, start: str, revision: int | None):
    """With or without the slash, the NUL and unknown members; any negative revision is the newest."""
    now = remote.get(letters).revision
    content = {"v": VERSION, "rv": revision or now, "start": start, "more": 1}
    page = remote.get(f"{letters}?continue={token_of(content)}")
    assert page.names == ["b", "c", "d"]
    assert page.revision >= now


def test_l14_a_token_from_the_future(remote: Remote, maps: str):
    """504 as for a list at that revision."""
    token = token_of({"v": VERSION, "rv": 10**15, "start": "a"})
    status, reason, message = remote.get(f"{maps}?continue={token}").said
    assert (status, reason) == (504, "Timeout")
    assert message.startswith(f"Timeout: Too large resource version: {10**15}, current: ")


@pytest.mark.parametrize("parameters", ["", "&limit=2", "&resourceVersion=0"])
def test_l17_an_expired_token_brings_another(remote: Remote, letters: str, parameters: str):
    """410 whose Status holds a token for the rest at the newest revision; the page after that is of one revision again."""
    expired = token_of({"v": VERSION, "rv": 5, "start": "a\0"})
    refused = remote.get(f"{letters}?limit=1&continue={expired}")
    assert refused.said == (410, "Expired", OLD)
    content = content_of(refused.token)
    assert (content["rv"], content["start"].strip("/")) == (-1, "a\0")
    rest = remote.get(f"{letters}?continue={refused.token}{parameters}")
    assert rest.names == (["b", "c"] if "limit" in parameters else ["b", "c", "d"])
    if rest.token:
        assert content_of(rest.token)["rv"] == rest.revision
        assert remote.get(f"{letters}?continue={rest.token}").names == ["d"]
