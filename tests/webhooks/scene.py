"""A server of ours between a client and a webhook server."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.customs.sending import Answered, Sender
from tests.webhooks.hook import Hook
from watchcache.testing.server import TestServer


class Scene:
    """A server, a webhook server, and a client of both."""

    def __init__(self, server: TestServer, hook: Hook) -> None:
        self.server = server
        self.hook = hook
        self._ca = base64.b64encode(hook.ca.encode()).decode()

    def send(self, method: str, path: str, body: Any = None, **more: Any) -> Answered:
        """One request; `{hook}` and `{ca}` stand for the webhook server's."""
        context = ssl.create_default_context(cafile=str(self.server.ca_file))
        text = json.dumps(body).replace("{hook}", self.hook.url).replace("{ca}", self._ca)
        request = {"method": method, "path": path, **more, **({} if body is None else {"body": text})}
        return Sender(self.server.url, self.server.token, context).send(request)

    def metrics(self) -> list[str]:
        """The lines about webhooks."""
        context = ssl.create_default_context(cafile=str(self.server.ca_file))
        asked = urllib.request.Request(
            f"{self.server.url}/metrics", headers={"Authorization": f"Bearer {self.server.token}"}
        )
        with urllib.request.urlopen(asked, context=context, timeout=20) as response:
            lines = response.read().decode().splitlines()
        return [line for line in lines if line.startswith("apiserver_admission_webhook")]

    @contextmanager
    def watching(self, path: str) -> Iterator[Iterator[tuple[str, Any]]]:
        """The events of a watch: type and object."""
        host, _, port = self.server.url.removeprefix("https://").partition(":")
        context = ssl.create_default_context(cafile=str(self.server.ca_file))
        connection = http.client.HTTPSConnection(host, int(port), context=context, timeout=20)
        connection.request("GET", path, headers={"Authorization": f"Bearer {self.server.token}"})
        try:
            response = connection.getresponse()
            assert response.status == 200, response.read()
            yield _events(response)
        finally:
            connection.close()


def _events(response: http.client.HTTPResponse) -> Iterator[tuple[str, Any]]:
    while line := response.readline():
        event = json.loads(line)
        yield event["type"], event["object"]
