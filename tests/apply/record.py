"""Asks a real kube-apiserver for the answers that `test_recorded.py` compares with, and writes them beside this file.

    python -m tests.apply.record https://127.0.0.1:6443 TOKEN

It takes some minutes: times in managedFields are whole seconds, and entries stand in their order, so that a second passes between
two steps of a sequence. Sequences run beside one another. It makes the namespace `apply` there.
"""

from __future__ import annotations

import json
import ssl
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.apply.driving import Normal, encoded
from tests.apply.sequences import NAMESPACE, SEQUENCES, Step

ANSWERS = Path(__file__).with_name("answers.jsonl")


class Server:
    """A kube-apiserver, spoken to without a client library."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._token = token
        self._context = ssl._create_unverified_context()

    def ask(self, step: Step) -> tuple[int, bytes, list[str]]:
        """Status, body and warnings."""
        headers = {
            "Authorization": f"Bearer {self._token}",
            "Content-Type": step.type,
            "User-Agent": step.agent,
        }
        data = None if step.method == "GET" else encoded(step.body)
        request = urllib.request.Request(self._url + step.path, data, headers, method=step.method)
        try:
            with urllib.request.urlopen(request, context=self._context, timeout=20) as answer:
                return answer.status, answer.read(), answer.headers.get_all("Warning") or []
        except urllib.error.HTTPError as error:
            return error.code, error.read(), error.headers.get_all("Warning") or []

    def run(self, steps: list[Step]) -> list[Any]:
        """The answers to a sequence."""
        normal = Normal()
        answers = []
        for step in steps:
            answers.append(normal.of(*self.ask(step)))
            time.sleep(1.1)
        return answers


def main(url: str, token: str) -> None:
    """Asks everything."""
    server = Server(url, token)
    server.ask(Step("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}}))
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(server.run, SEQUENCES.values()))
    with ANSWERS.open("w") as file:
        for name, given in zip(SEQUENCES, answers, strict=True):
            line = json.dumps({"sequence": name, "answers": given}, ensure_ascii=False, separators=(",", ":"))
            file.write(f"{line}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
