"""The texts of the health endpoints."""

from __future__ import annotations

import pytest

from watchcache.http.health import Check, Health
from watchcache.http.query import parse_query


def health(**failing: str) -> Health:
    """`log` and a readyz-only `shutdown`, failing for the reasons given."""
    return Health(
        [
            Check("log", lambda: failing.get("log")),
            Check("shutdown", lambda: failing.get("shutdown"), ("readyz",)),
        ]
    )


def answer(health: Health, target: str) -> tuple[int, str]:
    """Status and text of a path with a query."""
    path, _, query = target.partition("?")
    reply = health.answer(path, parse_query(query))
    assert reply is not None
    assert isinstance(reply.body, bytes)
    return reply.status, reply.body.decode()


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ("/healthz", "ok"),
        ("/healthz?exclude=nothing", "ok"),
        ("/livez?verbose=false", "[+]ping ok\n[+]log ok\nlivez check passed\n"),
        ("/readyz?verbose", "[+]ping ok\n[+]log ok\n[+]shutdown ok\nreadyz check passed\n"),
        (
            "/readyz?verbose&exclude=log",
            "[+]ping ok\n[+]log excluded: ok\n[+]shutdown ok\nreadyz check passed\n",
        ),
        (
            "/healthz?verbose&exclude=b&exclude=a",
            '[+]ping ok\n[+]log ok\nwarn: some health checks cannot be excluded: no matches for "a","b"\nhealthz check passed\n',
        ),
        ("/healthz/ping", "ok"),
        ("/readyz/shutdown?verbose", "ok"),
    ],
)
def test_a_healthy_server(target: str, text: str):
    """`ok`, or the list of checks with `?verbose`, whatever its value."""
    assert answer(health(), target) == (200, text)


def test_a_failing_check_lists_everything_and_hides_the_reason():
    """The answer is 500 and verbose, and the reason stays in the log."""
    status, text = answer(health(log="disk on fire"), "/readyz")
    assert status == 500
    assert text == "[+]ping ok\n[-]log failed: reason withheld\n[+]shutdown ok\nreadyz check failed\n"


def test_an_excluded_failure_does_not_count():
    """Excluding the failing check makes the endpoint pass."""
    assert answer(health(log="disk on fire"), "/livez?exclude=log") == (200, "ok")


def test_a_check_that_breaks_has_failed():
    """An exception in a probe is a failure, not a crash."""

    def broken() -> str | None:
        raise OSError("gone")

    assert answer(Health([Check("broken", broken)]), "/healthz")[0] == 500


@pytest.mark.parametrize("path", ["/healthz/nope", "/livez/shutdown", "/readyz/", "/healthzz"])
def test_unknown_checks_do_not_exist(path: str):
    """A path that is no check is nobody's."""
    assert health().answer(path, {}) is None


def test_two_checks_of_one_name_are_a_mistake():
    """Names are how operators exclude checks: they must be unique."""
    with pytest.raises(ValueError, match="ping"):
        health().add(Check("ping", lambda: None))


def test_results_are_counted():
    """Each run is counted by check, endpoint and outcome, for the metrics."""
    checks = health(log="x")
    answer(checks, "/healthz")
    assert checks.results == {("ping", "healthz", "success"): 1, ("log", "healthz", "error"): 1}
