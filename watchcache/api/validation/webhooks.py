"""Webhooks: the configurations of admission, and what conversion has in common with them.

Source: k/k pkg/apis/admissionregistration/validation, apiserver pkg/util/webhook/validation.go.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

from watchcache.api import causes, names
from watchcache.api.quoting import quoted
from watchcache.api.status import Cause
from watchcache.api.validation.rules import Document, Rule, one_of, service_port
from watchcache.api.validation.selectors import selector_causes

_GROUP: Final = "admissionregistration.k8s.io"
Variables = tuple[tuple[str, str], ...]
"""What an expression may name, by name and JSON type, as `api.custom.programs` has them."""
BASE: Final[Variables] = (("object", ""), ("oldObject", ""), ("namespaceObject", ""), ("request", ""))
AUTHORIZER: Final[Variables] = (("authorizer", "authorizer"),)
VARIABLES: Final[Variables] = BASE + AUTHORIZER
"""What the match conditions of webhooks may name."""
_OPERATIONS: Final = ("*", "CONNECT", "CREATE", "DELETE", "UPDATE")
_SCOPES: Final = ("*", "Cluster", "Namespaced")
_SIDE_EFFECTS: Final = ("None", "NoneOnDryRun")
_REVIEWS: Final = frozenset({"v1", "v1beta1"})
_MOST_CONDITIONS: Final = 64
_FORM: Final = "; desired format: https://host[/path]"
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_BAD_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2}).{0,2}")


def _configuration(new: Document, _old: Document | None) -> Iterator[Cause]:
    seen = set()
    for index, webhook in enumerate(new.get("webhooks") or ()):
        path = f"webhooks[{index}]"
        yield from _webhook(webhook, path)
        yield from _review_versions(
            webhook.get("admissionReviewVersions") or [], f"{path}.admissionReviewVersions"
        )
        name = webhook.get("name") or ""
        if name in seen:
            yield causes.duplicate(f"{path}.name", name)
        seen.add(name)


def _webhook(webhook: Document, path: str) -> Iterator[Cause]:
    yield from _name(webhook.get("name") or "", f"{path}.name")
    for index, rule in enumerate(webhook.get("rules") or ()):
        yield from rule_causes(rule, f"{path}.rules[{index}]")
    yield from one_of(webhook.get("failurePolicy"), ("Fail", "Ignore"), f"{path}.failurePolicy")
    yield from one_of(webhook.get("matchPolicy"), ("Equivalent", "Exact"), f"{path}.matchPolicy")
    effects = webhook.get("sideEffects")
    if effects is None:
        yield causes.required(f"{path}.sideEffects", f"must specify one of {', '.join(_SIDE_EFFECTS)}")
    yield from one_of(effects, _SIDE_EFFECTS, f"{path}.sideEffects")
    timeout = webhook.get("timeoutSeconds")
    if timeout is not None and not 1 <= timeout <= 30:
        text = "the timeout value must be between 1 and 30 seconds"
        yield causes.invalid(f"{path}.timeoutSeconds", timeout, text)
    for member in ("namespaceSelector", "objectSelector"):
        yield from selector_causes(webhook.get(member) or {}, f"{path}.{member}")
    yield from one_of(webhook.get("reinvocationPolicy"), ("IfNeeded", "Never"), f"{path}.reinvocationPolicy")
    yield from client_causes(webhook.get("clientConfig") or {}, f"{path}.clientConfig")
    conditions = webhook.get("matchConditions") or []
    yield from condition_causes(conditions, f"{path}.matchConditions", VARIABLES)


def _name(name: str, field: str) -> Iterator[Cause]:
    if not name:
        yield causes.required(field)
    elif problems := names.subdomain(name):
        yield causes.invalid(field, name, ",".join(problems))
    elif name.count(".") < 2:
        yield causes.invalid(field, name, "should be a domain with at least three segments separated by dots")


def _review_versions(versions: list[str], field: str) -> Iterator[Cause]:
    if not versions:
        yield causes.required(field, "must specify one of v1, v1beta1")
        return
    seen = set()
    for index, version in enumerate(versions):
        if version in seen:
            yield causes.invalid(f"{field}[{index}]", version, "duplicate version")
            continue
        seen.add(version)
        yield from causes.each_invalid(f"{field}[{index}]", version, names.lettered_label(version))
    if not _REVIEWS & seen:
        yield causes.invalid(field, versions, "must include at least one of v1, v1beta1")


# -- rules


def rule_causes(rule: Document, path: str) -> Iterator[Cause]:
    """What is wrong with a rule over operations and resources."""
    operations = rule.get("operations") or []
    yield from _words(operations, f"{path}.operations", "operations")
    for index, operation in enumerate(operations):
        yield from one_of(operation, _OPERATIONS, f"{path}.operations[{index}]")
    yield from _words(rule.get("apiGroups") or [], f"{path}.apiGroups", "API groups")
    versions = rule.get("apiVersions") or []
    yield from _words(versions, f"{path}.apiVersions", "API versions")
    for index, version in enumerate(versions):
        if not version:
            yield causes.required(f"{path}.apiVersions[{index}]")
    yield from _resources(rule.get("resources") or [], f"{path}.resources")
    yield from one_of(rule.get("scope"), _SCOPES, f"{path}.scope")


def _words(words: list[str], field: str, what: str) -> Iterator[Cause]:
    if not words:
        yield causes.required(field)
    if len(words) > 1 and "*" in words:
        yield causes.invalid(field, words, f"if '*' is present, must not specify other {what}")


def _resources(resources: list[str], field: str) -> Iterator[Cause]:
    if not resources:
        yield causes.required(field)
    with_all_below, of_all = set(), set()
    plain = False
    for index, text in enumerate(resources):
        if not text:
            yield causes.required(f"{field}[{index}]")
            continue
        name, slash, below = text.partition("/")
        if not slash:
            plain = text != "*"
            continue
        if name in with_all_below:
            problem = f"if '{name}/*' is present, must not specify {text}"
            yield causes.invalid(f"{field}[{index}]", text, problem)
        if below in of_all:
            problem = f"if '*/{below}' is present, must not specify {text}"
            yield causes.invalid(f"{field}[{index}]", text, problem)
        if below == "*":
            with_all_below.add(name)
        if name == "*":
            of_all.add(below)
    if len(resources) > 1 and "*/*" in resources:
        yield causes.invalid(field, resources, "if '*/*' is present, must not specify other resources")
    if "*" in resources and plain:
        text = "if '*' is present, must not specify other resources without subresources"
        yield causes.invalid(field, resources, text)


# -- match conditions


def condition_causes(conditions: list[Document], path: str, variables: Variables) -> Iterator[Cause]:
    """What is wrong with match conditions that may name variables."""
    if len(conditions) > _MOST_CONDITIONS:
        text = f"Too many: {len(conditions)}: must have at most {_MOST_CONDITIONS} items"
        yield Cause("FieldValueTooMany", text, path)
    seen = set()
    for index, condition in enumerate(conditions):
        name, expression = condition.get("name") or "", (condition.get("expression") or "").strip()
        yield from _expression(expression, f"{path}[{index}].expression", variables)
        field = f"{path}[{index}].name"
        if not name:
            yield causes.required(field)
            continue
        for problem in names.label_key(name):
            yield causes.invalid(field, name, problem)
        if name in seen:
            yield causes.duplicate(field, name)
        seen.add(name)


def _expression(expression: str, field: str, variables: Variables) -> Iterator[Cause]:
    if not expression:
        yield causes.required(field)
        return
    # Only here: most configurations have no conditions, and CEL takes its time to be imported.
    from watchcache.api.custom.expressions import BadExpression, Unsupported  # noqa: PLC0415
    from watchcache.api.custom.programs import program  # noqa: PLC0415

    try:
        program(expression, variables, ("bool",))
    except BadExpression as problem:
        yield causes.invalid(field, expression, str(problem))
    except Unsupported:
        return


# -- where to call


def client_causes(client: Document, path: str) -> Iterator[Cause]:
    """What is wrong with a `clientConfig`: it must name a URL or a service."""
    url, service = client.get("url"), client.get("service")
    if (url is None) == (service is None):
        yield causes.required(path, "exactly one of url or service is required")
    elif url is not None:
        yield from _url(url, f"{path}.url")
    else:
        yield from _service(service or {}, f"{path}.service")


def _url(url: str, field: str) -> Iterator[Cause]:
    problem = _unparsable(url)
    if problem:
        text = f"url must be a valid URL: parse {quoted(url)}: {problem}{_FORM}"
        yield causes.required(field, text)
        return
    parts = urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    if parts.scheme != "https":
        yield causes.invalid(field, parts.scheme, f"'https' is the only allowed URL scheme{_FORM}")
    if not host:
        yield causes.invalid(field, host, f"host must be specified{_FORM}")
    if "@" in parts.netloc:
        yield causes.invalid(field, user, "user information is not permitted in the URL")
    if parts.fragment:
        yield causes.invalid(field, parts.fragment, "fragments are not permitted in the URL")
    if parts.query:
        yield causes.invalid(field, parts.query, "query parameters are not permitted in the URL")


def _unparsable(url: str) -> str:
    """Why Go does not take a text for a URL."""
    if _CONTROL.search(url):
        return "net/url: invalid control character in URL"
    if url.startswith(":"):
        return "missing protocol scheme"
    try:
        host = urlsplit(url).netloc.rpartition("@")[2]
    except ValueError:
        return "missing ']' in host"
    end = host.rfind("]") + 1
    colon = host.find(":", end)
    if colon >= 0 and not re.fullmatch("[0-9]*", host[colon + 1 :], re.ASCII):
        return f"invalid port {quoted(host[colon:])} after host"
    escape = _BAD_ESCAPE.search(url)
    return f"invalid URL escape {quoted(escape[0])}" if escape else ""


def _service(service: Document, path: str) -> Iterator[Cause]:
    for member in ("name", "namespace"):
        if not service.get(member):
            yield causes.required(f"{path}.{member}")
    yield from service_port(service, path)
    yield from _path(service.get("path") or "", f"{path}.path")


def _path(path: str, field: str) -> Iterator[Cause]:
    if path in {"", "/"}:
        return
    if path == "//":
        yield causes.invalid(field, path, "segment[0] may not be empty")
        return
    if not path.startswith("/"):
        yield causes.invalid(field, path, "must start with a '/'")
    for index, segment in enumerate(path[1:].removesuffix("/").split("/")):
        if not segment:
            yield causes.invalid(field, path, f"segment[{index}] may not be empty")
            continue
        for problem in names.subdomain(segment):
            yield causes.invalid(field, path, f"segment[{index}]: {problem}")


def remarks(configuration: Document) -> list[str]:
    """What a configuration asks for that this server does not do: one text for each."""
    found: list[str] = []
    for webhook in configuration.get("webhooks") or ():
        for condition in webhook.get("matchConditions") or ():
            found += _unsupported(webhook.get("name"), condition)
    return found


def _unsupported(webhook: Any, condition: Document) -> Iterator[str]:
    from watchcache.api.custom.expressions import BadExpression, Unsupported  # noqa: PLC0415 - as above
    from watchcache.api.custom.programs import program  # noqa: PLC0415

    try:
        program((condition.get("expression") or "").strip(), VARIABLES, ("bool",))
    except BadExpression:
        return
    except Unsupported as problem:
        name = condition.get("name") or ""
        yield f"{webhook}: the match condition {quoted(name)} counts as true: {problem} is not supported"


RULES: Final[dict[tuple[str, str], Rule]] = {
    (_GROUP, "mutatingwebhookconfigurations"): _configuration,
    (_GROUP, "validatingwebhookconfigurations"): _configuration,
}
