"""Continue tokens: what is written, what is read, and the words for what cannot be (L14).

The texts were recorded from kube-apiserver 1.36.3.
"""

import base64
import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchcache.cacher import BadContinue, Continuation, gojson
from watchcache.cacher.continuation import decode, encode


def token(text: str | bytes) -> str:
    """Encode as a token is."""
    raw = text.encode() if isinstance(text, str) else text
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def of(start: str, rv: str = "5", v: str = '"meta.k8s.io/v1"') -> str:
    """Make a token of its three fields, in JSON."""
    return token(f'{{"v":{v},"rv":{rv},"start":{start}}}')


UNMARSHAL = "json: cannot unmarshal"
REFUSED = {
    "zzz": "invalid character 'Ï' looking for beginning of value",
    "!!!!": "illegal base64 data at input byte 0",
    "a": "illegal base64 data at input byte 0",
    token("{}") + "=": "illegal base64 data at input byte 3",
    token("{}"): "server does not recognize this encoded version ",
    token("null"): "server does not recognize this encoded version ",
    token('{"v":"v2"}'): "server does not recognize this encoded version v2",
    token('{"v":1}'): f"{UNMARSHAL} number into Go struct field continueToken.v of type string",
    of('"a"', rv="0"): "incorrect encoded start resourceVersion (version meta.k8s.io/v1)",
    of('""'): "encoded start key empty (version meta.k8s.io/v1)",
    of('"../a"'): "../a",
    of('"a/../b"'): "a/../b",
    of('"a/./b"'): "a/./b",
    of('"a/"'): "a/",
    of('"//b"'): "//b",
    of('"a"', rv="1.5"): f"{UNMARSHAL} number 1.5 into Go struct field continueToken.rv of type int64",
    of('"a"', rv="1e2"): f"{UNMARSHAL} number 1e2 into Go struct field continueToken.rv of type int64",
    of(
        '"a"', rv="9" * 20
    ): f"{UNMARSHAL} number {'9' * 20} into Go struct field continueToken.rv of type int64",
    of('"a"', rv='"1"'): f"{UNMARSHAL} string into Go struct field continueToken.rv of type int64",
    of('"a"', rv="true"): f"{UNMARSHAL} bool into Go struct field continueToken.rv of type int64",
    of("5"): f"{UNMARSHAL} number into Go struct field continueToken.start of type string",
    of("{}"): f"{UNMARSHAL} object into Go struct field continueToken.start of type string",
    of('"a"', v="[]"): f"{UNMARSHAL} array into Go struct field continueToken.v of type string",
    of("5", rv='"x"'): f"{UNMARSHAL} string into Go struct field continueToken.rv of type int64",
    token("[]"): f"{UNMARSHAL} array into Go value of type storage.continueToken",
    token("5"): f"{UNMARSHAL} number into Go value of type storage.continueToken",
    token('"x"'): f"{UNMARSHAL} string into Go value of type storage.continueToken",
    token("true"): f"{UNMARSHAL} bool into Go value of type storage.continueToken",
    token('{"v":"meta'): "unexpected end of JSON input",
    token("{"): "unexpected end of JSON input",
    token("[1,"): "unexpected end of JSON input",
    token(" "): "unexpected end of JSON input",
    token("{v:1}"): "invalid character 'v' looking for beginning of object key string",
    token('{"v":"x",}'): "invalid character '}' looking for beginning of object key string",
    token('{"v" "x"}'): "invalid character '\"' after object key",
    token('{"v":"x" "y"}'): "invalid character '\"' after object key:value pair",
    token("[1 2]"): "invalid character '2' after array element",
    token("01"): "invalid character '1' after top-level value",
    token("nul"): "invalid character ' ' in literal null (expecting 'l')",
    token("trx"): "invalid character 'x' in literal true (expecting 'u')",
    token("-x"): "invalid character 'x' in numeric literal",
    token("1.x"): "invalid character 'x' after decimal point in numeric literal",
    token("1e-"): "invalid character ' ' in exponent of numeric literal",
    token('{"v":"\\x"}'): "invalid character 'x' in string escape code",
    token('{"v":"a\x01"}'): r"invalid character '\x01' in string literal",
    token('{"v":"\\u12g4"}'): r"invalid character 'g' in \u hexadecimal character escape",
    token("'"): r"invalid character '\'' looking for beginning of value",
    token("\\"): r"invalid character '\\' looking for beginning of value",
    token(b"\x80"): r"invalid character '\u0080' looking for beginning of value",
    token(b"\xad"): r"invalid character '\u00ad' looking for beginning of value",
    token("[" * 10_001): "exceeded max depth",
}


@pytest.mark.parametrize(("text", "reason"), REFUSED.items())
def test_a_bad_token_is_refused_in_the_words_of_go(text: str, reason: str) -> None:
    """Every kind of broken token gets the message that kube-apiserver gives."""
    with pytest.raises(BadContinue) as caught:
        decode(text)
    assert caught.value.reason == reason
    assert str(caught.value) == f"continue key is not valid: {reason}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (of('"/ns/b\\u0000"'), Continuation(5, "ns/b\0")),
        (of('"b\\u0000"'), Continuation(5, "b\0")),
        (of('"b"', rv="-7"), Continuation(-7, "b")),
        (of('"/"'), Continuation(5, "")),
        (token('{"V":"meta.k8s.io/v1","RV":5,"Start":"b","more":[null]}'), Continuation(5, "b")),
        (token('{"v":"x","v":"meta.k8s.io/v1","rv":5,"rv":null,"start":"b"}'), Continuation(5, "b")),
        (of('"b"')[:4] + "\r\n" + of('"b"')[4:], Continuation(5, "b")),
    ],
)
def test_what_go_accepts_is_accepted(text: str, expected: Continuation) -> None:
    """Leading slash, final NUL, name case, unknown names, repeats, nulls and line ends are no error."""
    assert decode(text) == expected


def test_a_token_is_written_as_the_cache_of_kube_apiserver_writes_it() -> None:
    """The bytes equal a recorded token's: leading slash, escaped NUL, no padding."""
    recorded = "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MTYwLCJzdGFydCI6Ii9hXHUwMDAwIn0"
    assert encode(Continuation(160, "a\0")) == recorded


names = st.from_regex(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?", fullmatch=True).filter(lambda name: ".." not in name)


@given(st.integers(1, 2**63 - 1), st.lists(names, min_size=1, max_size=2).map("/".join))
def test_a_token_is_read_as_it_was_written(revision: int, key: str) -> None:
    """Any revision and key come back from a token."""
    assert decode(encode(Continuation(revision, key + "\0"))) == Continuation(revision, key + "\0")


@given(st.text(alphabet='{}[]",:-+.0123e\\utrfalsn \n', max_size=12))
def test_the_scanner_accepts_what_is_json(text: str) -> None:
    """Go's grammar of JSON and Python's agree on every text without Python's own extensions."""
    try:
        json.loads(text)
    except ValueError:
        with pytest.raises(gojson.GoSyntaxError):
            gojson.check(text.encode())
    else:
        gojson.check(text.encode())


@given(st.text() | st.binary().map(token) | st.text(alphabet='{}[]",:v1e-.\\u0 truefalsn').map(token))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No token, however odd, raises anything but BadContinue."""
    with suppress(BadContinue):
        decode(text)
