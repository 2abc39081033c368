"""Records what a kube-apiserver with NodeRestriction answers to nodes.

    python scripts/record_noderestriction.py open https://127.0.0.1:6443

Writes `tests/noderestriction/open.jsonl` (or `guarded.jsonl`): a request's number, user and path with the answer, in order, on a fresh server with
`--enable-admission-plugins=NodeRestriction --disable-admission-plugins=ServiceAccount`, keys for accounts, `--authorization-mode=AlwaysAllow` for `open` and
`Node,RBAC` for `guarded`, and a `--token-auth-file` of `tests.noderestriction.requests.TOKENS`. `tests/noderestriction/test_recorded.py` sends the
same to servers of ours.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests import recordings
from tests.noderestriction.requests import REQUESTS
from tests.noderestriction.sending import Sender

DIRECTORY = Path(__file__).parent.parent / "tests" / "noderestriction"
NOTICED = 0.3  # seconds in which kube-apiserver's caches have noticed what was written


def main() -> None:
    """Send, and write down."""
    context = recordings.unverified()
    sender = Sender(sys.argv[2], context)
    lines = []
    for request in REQUESTS[sys.argv[1]]:
        answered = sender.send(request)
        if answered["status"] < 300:
            time.sleep(NOTICED)
        lines.append({name: request[name] for name in ("as", "method", "path")} | answered)
    target = DIRECTORY / f"{sys.argv[1]}.jsonl"
    target.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines))
    print(f"{len(lines)} exchanges in {target}")


if __name__ == "__main__":
    main()
