"""What an operator chooses about service accounts: plugins on and off, how long tokens are valid, in whose name."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.accounts.sending import claimed
from watchcache.cli.arguments import settings_of, split
from watchcache.settings import SettingsProblem
from watchcache.testing.server import TestServer

CORE = "/api/v1/namespaces/default"
POD = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}


def ask(server: TestServer, method: str, path: str, body: Any = None) -> tuple[int, Any, str]:
    """The status, the document and the warning of an answer."""
    context = ssl.create_default_context(cafile=str(server.ca_file))
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {server.token}", "Content-Type": "application/json"}
    asked = urllib.request.Request(server.url + path, data, headers, method=method)
    try:
        with urllib.request.urlopen(asked, context=context, timeout=20) as response:
            return response.status, json.loads(response.read()), response.headers.get("Warning", "")
    except urllib.error.HTTPError as error:
        with error:
            text = error.read()
            return error.code, json.loads(text) if text.startswith(b"{") else text.decode(), ""


def test_pods_need_no_account_on_a_bare_server(tmp_path: Path):
    """`kubectl run` is the first thing that people try; nothing is put into their pods."""
    with TestServer(tmp_path) as server:
        status, pod, _ = ask(server, "POST", f"{CORE}/pods", POD)
        assert status == 201
        assert "serviceAccountName" not in pod["spec"]
        assert "volumes" not in pod["spec"]


@pytest.mark.parametrize(("disabled", "wanted"), [((), 403), (("ServiceAccount",), 201)])
def test_a_signing_key_by_flag_turns_the_plugin_on(tmp_path: Path, disabled: tuple[str, ...], wanted: int):
    """Unless it is turned off by name."""
    key = tmp_path / "given.key"
    with TestServer(tmp_path) as server:
        assert ask(server, "GET", "/version")[0] == 200
    key.write_bytes((tmp_path / "pki" / "sa.key").read_bytes())
    chosen = {"service_account_signing_key_file": str(key), "disable_admission_plugins": disabled}
    with TestServer(tmp_path, **chosen) as server:
        assert ask(server, "POST", f"{CORE}/pods", POD)[0] == wanted


def test_other_plugins_can_be_done_without(tmp_path: Path):
    """Then a pod has no priority and no tolerations, and a namespace need not be there."""
    names = ("Priority", "DefaultTolerationSeconds", "NamespaceLifecycle")
    with TestServer(tmp_path, disable_admission_plugins=names) as server:
        status, pod, _ = ask(server, "POST", "/api/v1/namespaces/none/pods", POD)
        assert status == 201
        assert "tolerations" not in pod["spec"]
        assert "priority" not in pod["spec"]


def test_an_operator_bounds_and_names_tokens(tmp_path: Path):
    """A longer wish is cut short, with a warning; no pod's token gets a year; an issuer that is no URL is not discovered."""
    with TestServer(
        tmp_path,
        service_account_issuers=("one", "two"),
        api_audiences=("api", "more"),
        service_account_max_token_expiration=7200.0,
        service_account_extend_token_expiration=False,
    ) as server:
        assert ask(server, "POST", f"{CORE}/serviceaccounts", {"metadata": {"name": "robot"}})[0] == 201
        path = f"{CORE}/serviceaccounts/robot/token"
        status, answer, warning = ask(server, "POST", path, {"spec": {"expirationSeconds": 7201}})
        assert status == 201
        assert warning == '299 - "requested expiration of 7201 seconds shortened to 7200 seconds"'
        claims = claimed(answer["status"]["token"])["claims"]
        assert (claims["iss"], claims["aud"], claims["exp"]) == ("one", ["api", "more"], 7200)
        pod = {**POD, "spec": {**POD["spec"], "serviceAccountName": "robot"}}  # type: ignore[dict-item]
        assert ask(server, "POST", f"{CORE}/pods", pod)[0] == 201
        bound = {
            "boundObjectRef": {"kind": "Pod", "apiVersion": "v1", "name": "p"},
            "expirationSeconds": 3607,
        }
        token = ask(server, "POST", path, {"spec": bound})[1]["status"]["token"]
        assert claimed(token)["claims"]["exp"] == 3607
        assert "warnafter" not in claimed(token)["claims"]["kubernetes.io"]
        assert ask(server, "GET", "/openid/v1/jwks")[0] == 404


def test_discovery_names_another_place_of_the_keys(tmp_path: Path):
    """As where they are published for others."""
    with TestServer(tmp_path, service_account_jwks_uri="https://example.com/keys") as server:
        document = ask(server, "GET", "/.well-known/openid-configuration")[1]
        assert document["jwks_uri"] == "https://example.com/keys"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--enable-admission-plugins=Other", 'unknown admission plugin "Other"'),
        ("--enable-admission-plugins=Priority --disable-admission-plugins=Priority", "Priority: in --enable"),
    ],
)
def test_plugins_that_make_no_sense_are_refused(line: str, message: str):
    """Names that no kube-apiserver has, and contradictions."""
    with pytest.raises(SettingsProblem, match=message):
        settings_of(split(line.split()))


def test_plugins_that_are_not_here_are_named():
    """Nothing is silently ignored; to be without one that is not there is no wish to speak of."""
    line = (
        "--enable-admission-plugins=AlwaysPullImages,ServiceAccount --disable-admission-plugins=PodSecurity"
    )
    settings, warnings = settings_of(split(line.split()))
    assert settings.enable_admission_plugins == ("AlwaysPullImages", "ServiceAccount")
    assert warnings == ["accepted, but without effect here: --enable-admission-plugins=AlwaysPullImages"]
