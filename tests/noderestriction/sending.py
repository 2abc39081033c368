"""Sends what `tests.noderestriction.requests` has, and keeps of the answers what does not differ from run to run."""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tests.noderestriction.requests import USERS

_DIFF = "status.conditions: "


class Sender:
    """A client of many users that remembers the uids of what it made."""

    def __init__(self, url: str, context: ssl.SSLContext) -> None:
        self._url, self._context = url, context
        self._uids: list[str] = []

    def send(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The status, and the answer of what is refused: its message without uids, and without the differences in a claim."""
        body = json.dumps(request["body"]) if "body" in request else ""
        for number, uid in enumerate(self._uids):
            body = body.replace(_place(number), uid)
        headers = {
            "Authorization": f"Bearer {USERS[request['as']]}",
            "Content-Type": request.get("type", "application/json"),
        }
        asked = Request(self._url + request["path"], body.encode() or None, headers, method=request["method"])
        try:
            with urlopen(asked, context=self._context, timeout=30) as response:
                code, answer = response.status, json.load(response)
        except HTTPError as error:
            code, answer = error.code, json.load(error)
        if request.get("ground"):
            self._uids.append(answer["metadata"].get("uid", ""))
        if code < 400:
            return {"status": code}
        text = json.dumps(answer)
        for number, uid in enumerate(self._uids):
            text = text.replace(uid, _place(number)) if uid else text
        answer = json.loads(text)
        if request.get("cut"):
            answer["message"] = answer["message"].partition(_DIFF)[0]
        return {"status": code, "answer": answer}


def _place(number: int) -> str:
    return f"{{{{{number}}}}}"
