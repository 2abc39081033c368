"""Records what a kube-apiserver asks of webhooks, and what its clients get.

    python scripts/record_webhooks.py https://127.0.0.1:6443 TOKEN

Writes `tests/webhooks/exchanges.jsonl` and `conversions.jsonl`: one step a line with the answer and with what the webhook server was asked, in order, on a fresh
server. The steps are in `tests/webhooks/steps.py` and `converting.py`; `tests/webhooks/test_recorded.py` sends them to a server of ours and compares both, of
conversions the answers only. Which version of kube-apiserver it was is in the first line.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests import recordings
from tests.customs.sending import Sender
from tests.webhooks import converting, steps
from tests.webhooks.behaviours import BEHAVIOURS
from tests.webhooks.conversation import Conversation
from tests.webhooks.hook import Hook

TESTS = Path(__file__).parent.parent / "tests" / "webhooks"
SETTLING = 2.0  # seconds in which kube-apiserver hears of a configuration


def main() -> None:
    """Send, and write down."""
    url, token = sys.argv[1:3]
    context = recordings.unverified()
    version = Sender(url, token, context).send({"method": "GET", "path": "/version"}).answer
    behaviours = BEHAVIOURS | converting.BEHAVIOURS
    with tempfile.TemporaryDirectory() as directory, Hook(Path(directory), behaviours) as hook:
        conversation = Conversation(url, token, context, hook, lambda: time.sleep(SETTLING))
        for name, asked in (("exchanges", steps.STEPS), ("conversions", converting.STEPS)):
            lines = [{**step, **came} for step, came in zip(asked, conversation.run(asked), strict=True)]
            recordings.write(TESTS / f"{name}.jsonl", version["gitVersion"], lines)


if __name__ == "__main__":
    main()
