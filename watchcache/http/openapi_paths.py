"""The paths of an OpenAPI v3 document: what can be done with each resource, with which parameters and bodies.

Each verb of a resource is a row of `ACTIONS`. kubectl reads from here which kind a path serves (`x-kubernetes-group-version-kind`) and
whether PATCH takes `fieldValidation` and `dryRun`; generators of clients read the rest. Names of operations and tags are those of kube-apiserver,
because generated clients are named after them. Left out are the deprecated `/watch/` paths and the descriptions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, NamedTuple

from watchcache.api.catalog import Resource, Subresource

Node = dict[str, Any]
SchemaName = Callable[[str, str, str], str]
"""(group, version, kind) to the name of the kind's schema."""

META: Final = "io.k8s.apimachinery.pkg.apis.meta.v1."
OBJECT_MEDIA: Final = ("application/json", "application/yaml")
STREAM_MEDIA: Final = (*OBJECT_MEDIA, "application/json;stream=watch")
PATCH_MEDIA: Final = (
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
)
TEXTS: Final = {"200": "OK", "201": "Created", "202": "Accepted", "401": "Unauthorized"}

_TYPES = {
    "allowWatchBookmarks": "boolean",
    "continue": "string",
    "dryRun": "string",
    "fieldManager": "string",
    "fieldSelector": "string",
    "fieldValidation": "string",
    "force": "boolean",
    "gracePeriodSeconds": "integer",
    "labelSelector": "string",
    "limit": "integer",
    "orphanDependents": "boolean",
    "pretty": "string",
    "propagationPolicy": "string",
    "resourceVersion": "string",
    "resourceVersionMatch": "string",
    "sendInitialEvents": "boolean",
    "timeoutSeconds": "integer",
    "watch": "boolean",
}

_SELECT = ("continue", "fieldSelector", "labelSelector", "limit", "resourceVersion", "resourceVersionMatch")
_DELETE = ("dryRun", "gracePeriodSeconds", "orphanDependents", "propagationPolicy")
_WRITE = ("dryRun", "fieldManager", "fieldValidation")


class Action(NamedTuple):
    """What a verb is in OpenAPI. `body` and `answer` say whose schema: object, list, deletion, patch, status, "" for none."""

    method: str
    name: str  # x-kubernetes-action
    word: str  # how the operation's id begins
    parameters: tuple[str, ...]
    body: str
    answer: str
    codes: tuple[str, ...]


ACTIONS: Final = {
    "list": Action(
        "get",
        "list",
        "list",
        tuple(sorted((*_SELECT, "allowWatchBookmarks", "sendInitialEvents", "timeoutSeconds", "watch"))),
        "",
        "list",
        ("200",),
    ),
    "create": Action("post", "post", "create", _WRITE, "object", "object", ("200", "201", "202")),
    "deletecollection": Action(
        "delete",
        "deletecollection",
        "delete",
        tuple(sorted((*_SELECT, *_DELETE, "sendInitialEvents", "timeoutSeconds"))),
        "deletion",
        "status",
        ("200",),
    ),
    "get": Action("get", "get", "read", (), "", "object", ("200",)),
    "update": Action("put", "put", "replace", _WRITE, "object", "object", ("200", "201")),
    "patch": Action("patch", "patch", "patch", (*_WRITE, "force"), "patch", "object", ("200", "201")),
    "delete": Action("delete", "delete", "delete", _DELETE, "deletion", "status", ("200", "202")),
}

_CONNECT = {"get": "get", "create": "post", "update": "put", "patch": "patch", "delete": "delete"}
_DENIED: Final[Node] = {"401": {"description": TEXTS["401"]}}
_OF_COLLECTION = ("list", "create", "deletecollection")


def root_path(group: str, version: str) -> str:
    """Where a version of a group is served: `/api/v1`, `/apis/apps/v1`."""
    return f"/apis/{group}/{version}" if group else f"/api/{version}"


def version_paths(group: str, version: str, resources: Iterable[Resource], schema_name: SchemaName) -> Node:
    """The paths of one version of a group, sorted."""
    words = _Words(group, version)
    root = root_path(group, version)
    paths: Node = {
        f"{root}/": {
            "get": document_operation(words.tag, f"get{words.id}APIResources", META + "APIResourceList")
        }
    }
    for resource in resources:
        for path, item in _resource_paths(resource, words, schema_name):
            paths[root + path] = item
    return dict(sorted(paths.items()))


def document_operation(tag: str, name: str, schema: str) -> Node:
    """The operation that reads a document of discovery; `schema` is the name of its schema."""
    return {"tags": [tag], "operationId": name, "responses": _responses(("200",), schema, OBJECT_MEDIA)}


def reference(name: str) -> Node:
    """A reference to a schema of the document."""
    return {"$ref": f"#/components/schemas/{name}"}


class _Words(NamedTuple):
    """A version of a group in the words of operations."""

    group: str
    version: str

    @property
    def stem(self) -> str:
        """`apps`, `core`, `rbacAuthorization`, `discExampleCom`."""
        first, *rest = (self.group or "core").removesuffix(".k8s.io").split(".")
        return first + "".join(_capital(word) for word in rest)

    @property
    def tag(self) -> str:
        return f"{self.stem}_{self.version}"

    @property
    def id(self) -> str:
        return _capital(self.stem) + _capital(self.version)


def _capital(word: str) -> str:
    return word[:1].upper() + word[1:]


def _resource_paths(resource: Resource, words: _Words, schema_name: SchemaName) -> Iterator[tuple[str, Node]]:
    scope = "/namespaces/{namespace}" if resource.namespaced else ""
    names = ("namespace",) if resource.namespaced else ()
    collection = f"{scope}/{resource.plural}"
    operations = _Operations(resource, words, schema_name)
    if item := operations.of([verb for verb in _OF_COLLECTION if verb in resource.verbs]):
        yield collection, item | _path_parameters(names)
    if resource.namespaced and "list" in resource.verbs:
        everywhere = operations.operation("list", suffix="ForAllNamespaces", namespaced=False)
        yield f"/{resource.plural}", {"get": everywhere} | _path_parameters(())
    item_verbs = [verb for verb in ACTIONS if verb in resource.verbs and verb not in _OF_COLLECTION]
    if item := operations.of(item_verbs):
        yield f"{collection}/{{name}}", item | _path_parameters(("name", *names))
    for subresource in resource.subresources.values():
        item = operations.below(subresource)
        yield f"{collection}/{{name}}/{subresource.name}", item | _path_parameters(("name", *names))


def _path_parameters(names: tuple[str, ...]) -> Node:
    named = [{"name": name, "in": "path", "required": True, "schema": _schema("string")} for name in names]
    return {"parameters": [*named, _query("pretty")]}


def _query(name: str) -> Node:
    return {"name": name, "in": "query", "schema": _schema(_TYPES[name])}


def _schema(kind: str) -> Node:
    return {"type": kind, "uniqueItems": True}


class _Operations:
    """The operations of one resource."""

    def __init__(self, resource: Resource, words: _Words, schema_name: SchemaName) -> None:
        self._resource = resource
        self._words = words
        self._schema_name = schema_name
        self._kind = (resource.group, resource.version, resource.kind)

    def of(self, verbs: list[str]) -> Node:
        """By method; empty when there are no verbs."""
        return {ACTIONS[verb].method: self.operation(verb) for verb in verbs}

    def below(self, subresource: Subresource) -> Node:
        """The operations of a subresource."""
        if subresource.kind.endswith("Options"):
            return {
                _CONNECT[verb]: self._connect(subresource, _CONNECT[verb])
                for verb in sorted(subresource.verbs)
            }
        resource = self._resource
        own = (subresource.group, subresource.version) if subresource.version else resource.group_version
        kind = (*own, subresource.kind)
        suffix = _capital(subresource.name)
        return {
            ACTIONS[verb].method: self.operation(verb, kind, suffix)
            for verb in ACTIONS
            if verb in subresource.verbs
        }

    def operation(
        self,
        verb: str,
        kind: tuple[str, str, str] | None = None,
        suffix: str = "",
        *,
        namespaced: bool | None = None,
    ) -> Node:
        """What a verb does, on the resource or on a subresource with a kind of its own."""
        action = ACTIONS[verb]
        kind = kind or self._kind
        node: Node = {
            "tags": [self._words.tag],
            "operationId": self._operation_id(action, suffix, namespaced),
        }
        if action.parameters:  # Go reads an empty list as one, and would not write it again
            node["parameters"] = [_query(name) for name in action.parameters]
        if action.body:
            taken = _patch_media(self._resource) if action.body == "patch" else ("*/*",)
            node["requestBody"] = {"content": _content(self._schema_of(action.body, kind), taken)}
            node["requestBody"] |= {"required": True} if action.body != "deletion" else {}
        answer = "object" if verb == "delete" and self._resource.returns_object_on_delete else action.answer
        media = STREAM_MEDIA if verb == "list" else OBJECT_MEDIA
        node["responses"] = _responses(action.codes, self._schema_of(answer, kind), media)
        return node | _identity(action.name, kind)

    def _connect(self, subresource: Subresource, method: str) -> Node:
        scope = "Namespaced" if self._resource.namespaced else ""
        name = f"connect{self._words.id}{_capital(method)}{scope}{self._resource.kind}{_capital(subresource.name)}"
        text = {"content": {"*/*": {"schema": {"type": "string"}}}, "description": TEXTS["200"]}
        node = {"tags": [self._words.tag], "operationId": name, "responses": {"200": text, **_DENIED}}
        group, version = self._resource.group_version
        return node | _identity("connect", (group, version, subresource.kind))

    def _operation_id(self, action: Action, suffix: str, namespaced: bool | None) -> str:
        scope = "Namespaced" if namespaced is None and self._resource.namespaced else ""
        collection = "Collection" if action.name == "deletecollection" else ""
        return f"{action.word}{self._words.id}{collection}{scope}{self._resource.kind}{suffix}"

    def _schema_of(self, what: str, kind: tuple[str, str, str]) -> str:
        group, version, name = kind
        if what == "object":
            return self._schema_name(group, version, name)
        if what == "list":
            return self._schema_name(group, version, f"{name}List")
        return META + {"deletion": "DeleteOptions", "patch": "Patch", "status": "Status"}[what]


def _patch_media(resource: Resource) -> tuple[str, ...]:
    """The types of patches; strategic ones need a type in Go. `kubectl apply` reads from here which it may send."""
    return PATCH_MEDIA if resource.builtin else PATCH_MEDIA[:2]


def _identity(action: str, kind: tuple[str, str, str]) -> Node:
    named = dict(zip(("group", "version", "kind"), kind, strict=True))
    return {"x-kubernetes-action": action, "x-kubernetes-group-version-kind": named}


def _content(schema: str, media: Iterable[str]) -> Node:
    return {medium: {"schema": reference(schema)} for medium in media}


def _responses(codes: Iterable[str], schema: str, media: Iterable[str]) -> Node:
    answers: Node = {code: {"description": TEXTS[code], "content": _content(schema, media)} for code in codes}
    return answers | _DENIED
