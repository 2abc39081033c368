"""`/healthz`, `/livez`, `/readyz`: named checks, and the texts that kubelets and load balancers read.

A check returns None when all is well, else the reason, which goes to the log and not to the client. A failing endpoint always
lists its checks and answers 500; a passing one says `ok`, or lists them with `?verbose` (whatever its value). A single check is a
path below the endpoint. Names that exist in kube-apiserver keep their meaning; ours are `watchcache-sync` and `log-writer`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

import msgspec

from watchcache.http.encoding import reply_text
from watchcache.http.messages import Reply
from watchcache.http.query import Query

ENDPOINTS = ("healthz", "livez", "readyz")

logger = logging.getLogger(__name__)

Probe = Callable[[], str | None]


class Check(msgspec.Struct, frozen=True):
    """A named check and the endpoints that it counts for."""

    name: str
    probe: Probe
    endpoints: tuple[str, ...] = ENDPOINTS


def always_well() -> None:
    """Succeed: `ping` and `log` only show that the server answers."""


PING = Check("ping", always_well)


def reason_of(check: Check) -> str | None:
    """Run a check; why it fails, or None."""
    try:
        return check.probe()
    except Exception as error:  # a check that breaks is a failing check
        return repr(error)


class Health:
    """All checks of a server, in the order in which they are listed."""

    def __init__(self, checks: Iterable[Check] = ()) -> None:
        self._checks = [PING, *checks]
        self.results: dict[tuple[str, str, str], int] = {}  # (name, endpoint, "success" | "error") -> runs

    def add(self, check: Check) -> None:
        """Append a check; its name must be new."""
        if any(check.name == known.name for known in self._checks):
            raise ValueError(f"two health checks are named {check.name}")
        self._checks.append(check)

    def checks(self, endpoint: str) -> list[Check]:
        """The checks that count for an endpoint."""
        return [check for check in self._checks if endpoint in check.endpoints]

    def answer(self, path: str, query: Query) -> Reply | None:
        """The answer for a path below one of the endpoints; None when there is no such check (404)."""
        endpoint, _, name = path.strip("/").partition("/")
        if endpoint not in ENDPOINTS or (path.endswith("/") and path != "/"):
            return None
        if name:
            return self._single(endpoint, name)
        return self._all(endpoint, query)

    def is_well(self, check: Check) -> bool:
        """Run a check without counting it."""
        return not reason_of(check)

    def _run(self, check: Check, endpoint: str) -> str | None:
        reason = reason_of(check)
        key = (check.name, endpoint, "error" if reason else "success")
        self.results[key] = self.results.get(key, 0) + 1
        if reason:
            logger.warning("%s check %s failed: %s", endpoint, check.name, reason)
        return reason

    def _single(self, endpoint: str, name: str) -> Reply | None:
        check = next((check for check in self.checks(endpoint) if check.name == name), None)
        if check is None:
            return None
        reason = self._run(check, endpoint)
        if reason:
            return reply_text(500, f"internal server error: {reason}\n")
        reply = reply_text(200, "ok")
        reply.headers.pop()  # kube-apiserver's single checks have no nosniff
        return reply

    def _all(self, endpoint: str, query: Query) -> Reply:
        excluded = set(query.get("exclude", ()))
        lines, failed = [], False
        for check in self.checks(endpoint):
            if check.name in excluded:
                excluded.discard(check.name)
                lines.append(f"[+]{check.name} excluded: ok\n")
            elif self._run(check, endpoint):
                failed = True
                lines.append(f"[-]{check.name} failed: reason withheld\n")
            else:
                lines.append(f"[+]{check.name} ok\n")
        if excluded:
            names = ",".join(f'"{name}"' for name in sorted(excluded))
            lines.append(f"warn: some health checks cannot be excluded: no matches for {names}\n")
        if failed:
            return reply_text(500, "".join(lines) + f"{endpoint} check failed\n")
        if "verbose" not in query:
            return reply_text(200, "ok")
        return reply_text(200, "".join(lines) + f"{endpoint} check passed\n")
