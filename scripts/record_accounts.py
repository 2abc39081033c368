"""Records what a kube-apiserver answers about service accounts: token requests, reviews, OpenID documents, pods that get an account.

    python scripts/record_accounts.py https://127.0.0.1:6443 TOKEN SIGNING_KEY

Writes `tests/accounts/exchanges.jsonl`: one request a line with the answer, in order, on a server without the namespace `acc` and the node `n1`, whose
issuer is `https://kubernetes.default.svc`, and whose signing key (ES256) also signs the tokens that are forged. The requests are in
`tests/accounts/requests.py`; `tests/accounts/test_recorded.py` sends them to a server of ours and compares.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests import recordings
from tests.accounts.requests import REQUESTS
from tests.accounts.sending import Sender

TARGET = Path(__file__).parent.parent / "tests" / "accounts" / "exchanges.jsonl"


def main() -> None:
    """Send, and write down."""
    url, token, key = sys.argv[1:4]
    context = recordings.unverified()
    sender = Sender(url, token, context, Path(key))
    version = sender.send({"method": "GET", "path": "/version"})["answer"]["gitVersion"]
    recordings.write(TARGET, version, [{**each, **sender.send(each)} for each in REQUESTS])


if __name__ == "__main__":
    main()
