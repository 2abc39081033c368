"""A client that sends just what a test says, well-formed or not, and shows all of the answer."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Iterator, Sequence
from typing import Any

from tests.conformance.rows.dealing import Dealer, Place, Turns

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


class Answer:
    """Status, headers (lower-case names), warnings' texts, and the body, decoded when it is JSON."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.warnings = [
            text.removeprefix('299 - "').removesuffix('"').replace('\\"', '"')
            for text in response.headers.get_all("Warning") or ()
        ]
        self.body = response.read()
        try:
            self.document: Any = json.loads(self.body)
        except ValueError:
            self.document = None

    @property
    def message(self) -> str:
        """Of a Status; the whole text when the answer is none."""
        return str(self.document["message"]) if self.document else self.body.decode()

    @property
    def revision(self) -> str:
        """Of the object or list."""
        return str(self.document["metadata"]["resourceVersion"])

    def says(
        self, code: int, reason: str | None, message: str, details: dict[str, Any] | None = None
    ) -> None:
        """Assert that it is the Status document of a failure with just these parts."""
        expected: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": message,
        }
        expected |= {"reason": reason} if reason else {}
        expected |= {"details": details} if details is not None else {}
        expected["code"] = code
        assert self.document == expected
        assert self.status == code

    def causes(self) -> list[tuple[str, str]]:
        """(field, message) of each cause of a 422."""
        assert self.status == 422, self.body
        return [(cause.get("field", ""), cause["message"]) for cause in self.document["details"]["causes"]]


class _Connection(http.client.HTTPSConnection):
    """Sends any method and path as they are."""

    def _validate_path(self, url: str) -> None:
        """Hostile paths are what some tests are about."""

    def _validate_method(self, method: str) -> None:
        """So are methods."""

    def _encode_request(self, request: str) -> bytes:
        return request.encode("latin-1")


class Client:
    """An administrator; paths that begin with a word lie in the test's own namespace: `configmaps/x`, `apps/v1:deployments`.

    Requests take turns between the processes of the server.
    """

    def __init__(self, server: Place, processes: int) -> None:
        context = ssl.create_default_context(cafile=str(server.ca_file))
        host, _, port = server.url.removeprefix("https://").partition(":")

        def connect() -> _Connection:
            return _Connection(host, int(port), context=context, timeout=20)

        self._dealer = Dealer(connect, server.token, processes)
        self._turns = Turns(self._dealer)
        self.token = server.token
        self.namespace = "default"

    def path(self, path: str) -> str:
        """The whole path of a short one."""
        if path.startswith("/"):
            return path
        group, colon, rest = path.partition(":")
        root = f"/apis/{group}" if colon else "/api/v1"
        return f"{root}/namespaces/{self.namespace}/{rest if colon else path}"

    def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        content_type: str | None = "application/json",
        *,
        accept: str | None = "application/json",
        headers: Sequence[tuple[str, str]] = (),
        token: str | None = None,
    ) -> Answer:
        """Send a request. A body that is no bytes or text is sent as JSON."""
        data = body if isinstance(body, bytes | str | None) else json.dumps(body)
        raw = data.encode() if isinstance(data, str) else data
        connection = self._turns.next()
        self._dealer.catch_up(connection, path)
        connection.putrequest(method, self.path(path), skip_accept_encoding=True)
        lines = [("Authorization", f"Bearer {self.token if token is None else token}"), *headers]
        if token == "":
            lines = list(headers)
        if accept is not None:
            lines.append(("Accept", accept))
        if raw is not None:
            lines.append(("Content-Length", str(len(raw))))
            if content_type is not None:
                lines.append(("Content-Type", content_type))
        for name, value in lines:
            connection.putheader(name, value)
        try:
            connection.endheaders(raw)
            return Answer(connection.getresponse())
        except BaseException:
            connection.close()  # what still comes is no answer to the next request
            raise

    def create(self, path: str, document: dict[str, Any]) -> dict[str, Any]:
        """Create an object and return it."""
        answer = self("POST", path, document)
        assert answer.status == 201, answer.body
        made: dict[str, Any] = answer.document
        return made

    def get(self, path: str) -> dict[str, Any]:
        """The object as it is."""
        answer = self("GET", path)
        assert answer.status == 200, answer.body
        found: dict[str, Any] = answer.document
        return found

    def patch(self, path: str, body: Any, content_type: str = MERGE_PATCH) -> Answer:
        """PATCH, by default with a merge patch."""
        return self("PATCH", path, body, content_type)

    def newest(self) -> int:
        """The newest revision of all: moves when, and only when, something is written."""
        return int(self("GET", "/api/v1/namespaces").revision)

    def events(self, path: str, query: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Type and object of each event of a watch that the server ends after a second."""
        answer = self("GET", f"{path}?watch=1&timeoutSeconds=1&{query}")
        assert answer.status == 200, answer.body
        for line in answer.body.splitlines():
            event = json.loads(line)
            yield event["type"], event["object"]

    def close(self) -> None:
        """Leave."""
        self._turns.close()


def config_map(name: str, data: dict[str, str] | None = None, **metadata: Any) -> dict[str, Any]:
    """The smallest kind there is."""
    return {"metadata": {"name": name, **metadata}, "data": {"a": "1"} if data is None else data}


def pod(name: str, **spec: Any) -> dict[str, Any]:
    """A pod with one container."""
    return {"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "i"}], **spec}}


def deployment(name: str, **spec: Any) -> dict[str, Any]:
    """A deployment of such pods."""
    template = {
        "metadata": {"labels": {"app": "a"}},
        "spec": {"containers": [{"name": "c", "image": "i"}]},
    }
    return {
        "metadata": {"name": name},
        "spec": {"selector": {"matchLabels": {"app": "a"}}, "template": template, **spec},
    }
