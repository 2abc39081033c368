"""One pass over the steps: what a client got, and what the webhook server was asked meanwhile, without what differs from run to run."""

from __future__ import annotations

import base64
import json
import re
import ssl
from collections.abc import Callable, Iterator
from typing import Any

from tests.customs.sending import Sender
from tests.golden.replay import normal
from tests.webhooks.hook import Asked, Hook

_HEADERS = ("accept", "content-type", "user-agent")
_UID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


class Conversation:
    """A client between an API server and a webhook server. `settle` is called after steps that change the configurations."""

    def __init__(
        self, url: str, token: str, context: ssl.SSLContext, hook: Hook, settle: Callable[[], None]
    ) -> None:
        self._sender = Sender(url, token, context)
        self._hook = hook
        self._settle = settle
        self._ca = base64.b64encode(hook.ca.encode()).decode()

    def run(self, steps: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Each step with what came of it."""
        for step in steps:
            self._hook.take()
            answered = self._sender.send(self._filled(step))
            if step.get("settles"):
                self._settle()
            yield {
                "status": answered.status,
                "answer": self._plain(normal(answered.answer)),
                "warnings": answered.warnings,
                "asked": _once([self._asked(each) for each in self._hook.take()]),
            }

    def _filled(self, step: dict[str, Any]) -> dict[str, Any]:
        text = json.dumps(step).replace("{hook}", self._hook.url).replace("{ca}", self._ca)
        filled: dict[str, Any] = json.loads(text)
        return filled

    def _plain(self, document: Any) -> Any:
        text = json.dumps(document).replace(self._hook.url, "{hook}").replace(self._ca, "{ca}")
        return json.loads(_UID.sub("*", text))

    def _asked(self, asked: Asked) -> dict[str, Any]:
        review = normal(asked.review)
        review["request"]["uid"] = "*" if _UID.fullmatch(asked.review["request"]["uid"]) else "no uid"
        return {
            "path": asked.path,
            "headers": {name: asked.headers.get(name) for name in _HEADERS},
            "review": self._plain(review),
        }


def _once(asked: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without what kube-apiserver asks again at once, because its cache was behind."""
    return [each for number, each in enumerate(asked) if not number or each != asked[number - 1]]
