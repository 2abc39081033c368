"""Records what a kube-apiserver answers to users with and without rights.

    python scripts/record_rbac.py https://127.0.0.1:6443

Writes `tests/rbac/exchanges.jsonl`: one request a line with the answer, in order, on a fresh server with `--authorization-mode=Node,RBAC` whose
`--token-auth-file` holds `tests.rbac.requests.TOKENS` (`python scripts/record_rbac.py --tokens` prints it). `tests/rbac/test_rbac.py` sends the same to
a server of ours and compares. The version of kube-apiserver is in the first line.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests import recordings
from tests.rbac.requests import REQUESTS, TOKENS
from tests.rbac.sending import Sender

TARGET = Path(__file__).parent.parent / "tests" / "rbac" / "exchanges.jsonl"
NOTICED = 0.4  # seconds in which kube-apiserver's authorizers have noticed what was written


def main() -> None:
    """Send, and write down."""
    if sys.argv[1] == "--tokens":
        print(TOKENS, end="")
        return
    context = recordings.unverified()
    sender = Sender(sys.argv[1], context)
    version = sender.send({"as": "admin", "method": "GET", "path": "/version"})["answer"]["gitVersion"]
    lines = []
    for request in REQUESTS:
        answered = sender.send(request)
        if request["method"] != "GET" and answered["status"] < 300:
            time.sleep(NOTICED)
        lines.append({**request, **answered})
    recordings.write(TARGET, version, lines)


if __name__ == "__main__":
    main()
