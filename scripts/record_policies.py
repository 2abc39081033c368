"""Records what a kube-apiserver answers about admission policies and the requests that they judge.

    python scripts/record_policies.py https://127.0.0.1:6443 TOKEN

Writes `tests/policies/exchanges.jsonl`: one request a line with the answer, in order, on a fresh server. A policy takes a moment there to have an
effect, so that this waits before the first request behind a change of them. The requests are in `tests/policies/requests.py`;
`tests/policies/test_recorded.py` sends them to a server of ours and compares. The version of kube-apiserver is in the first line.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests import recordings
from tests.customs.sending import Request, Sender
from tests.policies.requests import GROUP, REQUESTS

TARGET = Path(__file__).parent.parent / "tests" / "policies" / "exchanges.jsonl"
SETTLED = 2.3
"""Seconds after which a kube-apiserver follows what was written: it looks once a second."""


DISCOVERED = 20.0
"""Seconds after which its policies know a kind that has been defined."""


def changes(request: Request) -> bool:
    """Whether the policies are others after it."""
    return (
        request["path"].startswith(GROUP) and "dryRun" not in request["path"] and request["method"] != "GET"
    )


def main() -> None:
    """Send, and write down."""
    url, token = sys.argv[1:3]
    context = recordings.unverified()
    sender = Sender(url, token, context)
    version = sender.send({"method": "GET", "path": "/version"}).answer
    lines = []
    changed = False
    for request in REQUESTS:
        if changed and not changes(request):
            time.sleep(SETTLED)
            changed = False
        answered = sender.send(request)
        changed = changed or changes(request)
        if request.get("until"):
            time.sleep(DISCOVERED)
        lines.append({**request, **answered.recorded()})
    recordings.write(TARGET, version["gitVersion"], lines)


if __name__ == "__main__":
    main()
