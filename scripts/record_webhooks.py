"""Records what a kube-apiserver asks of admission webhooks, and what its clients get.

    python scripts/record_webhooks.py https://127.0.0.1:6443 TOKEN

Writes `tests/webhooks/exchanges.jsonl`: one step a line with the answer and with what the webhook server was asked, in order, on a fresh server. The steps
are in `tests/webhooks/steps.py`; `tests/webhooks/test_recorded.py` sends them to a server of ours and compares both. Which version of
kube-apiserver it was is in the first line.
"""

from __future__ import annotations

import json
import ssl
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests.customs.sending import Sender
from tests.webhooks.behaviours import BEHAVIOURS
from tests.webhooks.conversation import Conversation
from tests.webhooks.hook import Hook
from tests.webhooks.steps import STEPS

TARGET = Path(__file__).parent.parent / "tests" / "webhooks" / "exchanges.jsonl"
SETTLING = 2.0  # seconds in which kube-apiserver hears of a configuration


def main() -> None:
    """Send, and write down."""
    url, token = sys.argv[1:3]
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    version = Sender(url, token, context).send({"method": "GET", "path": "/version"}).answer
    lines = [{"recorded": f"kube-apiserver {version['gitVersion']}"}]
    with tempfile.TemporaryDirectory() as directory, Hook(Path(directory), BEHAVIOURS) as hook:
        conversation = Conversation(url, token, context, hook, lambda: time.sleep(SETTLING))
        for step, came in zip(STEPS, conversation.run(STEPS), strict=True):
            lines.append({**step, **came})
    text = "\n".join(json.dumps(line, sort_keys=True, separators=(",", ":")) for line in lines)
    TARGET.write_text(text + "\n")
    print(f"{len(STEPS)} exchanges in {TARGET}")


if __name__ == "__main__":
    main()
