"""Records what a kube-apiserver answers about definitions of custom resources and their instances.

    python scripts/record_customs.py https://127.0.0.1:6443 TOKEN

Writes `tests/customs/exchanges.jsonl`: one request a line with the answer, in order, on a server that has no definitions yet. The requests are in
`tests/customs/requests.py`; `tests/customs/test_customs.py` sends them to a server of ours and compares. What was recorded, and with which version of
kube-apiserver, is in the first line.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests import recordings
from tests.customs.requests import REQUESTS
from tests.customs.sending import Sender

TARGET = Path(__file__).parent.parent / "tests" / "customs" / "exchanges.jsonl"


def main() -> None:
    """Send, and write down."""
    url, token = sys.argv[1:3]
    context = recordings.unverified()
    sender = Sender(url, token, context)
    version = sender.send({"method": "GET", "path": "/version"}).answer
    lines = []
    for request in REQUESTS:
        answered = sender.send(request)
        lines.append({**request, **answered.recorded()})
    recordings.write(TARGET, version["gitVersion"], lines)


if __name__ == "__main__":
    main()
