"""Field and label selectors (1.3 of the specification), over HTTP: which fields each kind has, the refusals, the grammars."""

from __future__ import annotations

import pytest

from .remote import Remote, query

REFERENCE = ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
UNREADABLE = "unable to parse requirement: "
INTEGER = "for 'Gt', 'Lt' operators, the value must be an integer"
NOT_SUPPORTED = "field label not supported: {}"
NOT_KNOWN = '"{}" is not a known field selector: only "metadata.name", "metadata.namespace"'
SLICES = "field label not supported for resource.k8s.io/v1, Kind=ResourceSlice: {}"

# path below the namespace or the root -> (refusal, whether metadata.namespace is accepted, fields beyond metadata.name)
KINDS: dict[str, tuple[str, bool, tuple[str, ...]]] = {
    "api/v1 pods": (
        NOT_SUPPORTED,
        True,
        (
            "spec.nodeName", "spec.host", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName", "spec.hostNetwork",
            "status.phase", "status.podIP", "status.podIPs", "status.nominatedNodeName",
        ),
    ),
    "api/v1 secrets": (NOT_SUPPORTED, True, ("type",)),
    "api/v1 services": (NOT_SUPPORTED, True, ("spec.clusterIP", "spec.type")),
    "api/v1 replicationcontrollers": (NOT_SUPPORTED, True, ("status.replicas",)),
    "api/v1 events": (
        NOT_SUPPORTED,
        True,
        (*(f"involvedObject.{part}" for part in REFERENCE), "reason", "reportingComponent", "source", "type"),
    ),
    "apis/events.k8s.io/v1 events": (
        NOT_SUPPORTED,
        True,
        (*(f"regarding.{part}" for part in REFERENCE), "reason", "reportingController", "type"),
    ),
    "apis/batch/v1 jobs": ('field label "{}" not supported for Job', True, ("status.successful",)),
    "apis/apps/v1 statefulsets": (NOT_KNOWN, True, ()),
    "apis/apps/v1 deployments": (NOT_KNOWN, True, ()),
    "apis/apps/v1 replicasets": (NOT_KNOWN, True, ()),
    "apis/coordination.k8s.io/v1 leases": (NOT_KNOWN, True, ()),
    "apis/discovery.k8s.io/v1 endpointslices": (NOT_KNOWN, True, ()),
    "api/v1 configmaps": (NOT_KNOWN, True, ()),
    "api/v1 persistentvolumeclaims": (NOT_KNOWN, True, ()),
    "/api/v1/nodes": (NOT_SUPPORTED, False, ("spec.unschedulable",)),
    "/api/v1/namespaces": (NOT_SUPPORTED, False, ("status.phase",)),
    "/api/v1/persistentvolumes": (NOT_KNOWN, True, ()),
    "/apis/certificates.k8s.io/v1/certificatesigningrequests": (NOT_SUPPORTED, False, ("spec.signerName",)),
    "/apis/resource.k8s.io/v1/resourceslices": (SLICES, False, ("spec.nodeName", "spec.driver")),
    "/apis/rbac.authorization.k8s.io/v1/clusterroles": (NOT_KNOWN, True, ()),
}  # fmt: skip
EVERY_FIELD = sorted(
    {"bogus", "metadata.uid", "spec.replicas", *(field for row in KINDS.values() for field in row[2])}
)


@pytest.mark.parametrize("kind", KINDS)
def test_the_fields_of_a_kind(remote: Remote, namespace: str, kind: str):
    """Those of the table are accepted, every other is refused in the kind's words."""
    refusal, with_namespace, fields = KINDS[kind]
    base, _, plural = kind.partition(" ")
    path = f"/{base}/namespaces/{namespace}/{plural}" if plural else kind
    assert remote.get(f"{path}?fieldSelector=metadata.name%3Dx").names == []
    for field in EVERY_FIELD:
        answer = remote.get(f"{path}?fieldSelector={field}%3Dnothing")
        if field in fields:
            assert (answer.status, answer.names) == (200, []), field
        else:
            assert answer.said == (400, "BadRequest", refusal.format(field))
    assert remote.get(f"{path}?fieldSelector=metadata.namespace%3Dq").status == (
        200 if with_namespace else 400
    )


def test_fields_select(remote: Remote, namespace: str):
    """By value, old alias, inequality, booleans as words, and several at once."""
    pods = f"/api/v1/namespaces/{namespace}/pods"
    spec = {"containers": [{"name": "c", "image": "i"}]}
    remote.create(pods, "a", spec=spec | {"nodeName": "n1"})
    remote.create(pods, "b", spec=spec | {"nodeName": "n2", "hostNetwork": True})
    remote.create(pods, "c", spec=spec | {"restartPolicy": "Never"})
    for selector, names in {
        "spec.nodeName=n1": ["a"],
        "spec.host=n2": ["b"],
        "spec.nodeName=": ["c"],
        "spec.nodeName!=n1": ["b", "c"],
        "spec.hostNetwork=true": ["b"],
        "spec.hostNetwork=false": ["a", "c"],
        "spec.hostNetwork=yes": [],
        "status.phase=Pending,spec.restartPolicy=Always": ["a", "b"],
        "spec.nodeName=n1,spec.nodeName=n2": [],
        "spec.nodeName=n1,metadata.name=a": ["a"],
        "spec.nodeName=n1,metadata.name=b": [],
        f"metadata.namespace={namespace},metadata.name!=a": ["b", "c"],
    }.items():
        assert remote.get(pods + query(fieldSelector=selector)).names == names, selector
    everywhere = remote.get(
        "/api/v1/pods" + query(fieldSelector=f"spec.nodeName=n1,metadata.namespace={namespace}")
    )
    assert everywhere.names == ["a"]


def test_the_source_of_an_event(remote: Remote, namespace: str):
    """Its component, or who reported it: an event of events.k8s.io has only that."""
    core = f"/api/v1/namespaces/{namespace}/events"
    new = f"/apis/events.k8s.io/v1/namespaces/{namespace}/events"
    about = {"involvedObject": {"namespace": namespace}}
    remote.create(core, "old", source={"component": "kubelet"}, **about)
    reporter = {
        "reportingController": "e.com/c",
        "reportingInstance": "c-0",
        "eventTime": "2026-01-01T00:00:00.000000Z",
    }
    remote.create(
        new, "new", regarding={"namespace": namespace}, action="Do", reason="Test", type="Normal", **reporter
    )
    for path, selector, names in (
        (core, "source=kubelet", ["old"]),
        (core, "source=e.com/c", ["new"]),
        (core, "source!=kubelet", ["new"]),
        (core, "reportingComponent=e.com/c", ["new"]),
        (new, "reportingController=e.com/c", ["new"]),
    ):
        assert remote.get(path + query(fieldSelector=selector)).names == names, selector


@pytest.fixture
def labelled(remote: Remote, maps: str) -> str:
    """The path of four ConfigMaps with various labels."""
    remote.create(maps, "a", {"app": "x", "n": "5"})
    remote.create(maps, "b", {"app": "y", "n": "abc"})
    remote.create(maps, "c")
    remote.create(maps, "d", {"app": "", "in": "v", "n": "10", "e.io/f": "g"})
    return maps


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("", "abcd"), (",", "abcd"), ("==", "abcd"), ("metadata.name=a", "a"), ("metadata.name==a", "a"), ("metadata.name!=a", "bcd"),
        ("metadata.name=a,", "a"), ("metadata.name=a,metadata.name=a", "a"), ("metadata.name=a,metadata.name=b", ""),
        ("metadata.name= a", ""), (r"metadata.name=a\,b", ""), (r"metadata.name=a\=b", ""), (r"metadata.name=a\\", ""),
        ("metadata.name=", ""), ("metadata.namespace!=", "abcd"), ("metadata.name=é", ""),
    ],
)  # fmt: skip
def test_the_grammar_of_fields(remote: Remote, labelled: str, selector: str, names: str):
    """Terms with `=`, `==` and `!=`; empty terms say nothing, spaces belong to values, a backslash escapes."""
    assert remote.get(labelled + query(fieldSelector=selector)).names == list(names)


@pytest.mark.parametrize(
    ("selector", "message"),
    [
        ("metadata.name", "invalid selector: 'metadata.name'; can't understand 'metadata.name'"),
        ("metadata.name>a", "invalid selector: 'metadata.name>a'; can't understand 'metadata.name>a'"),
        (
            "metadata.name in (a)",
            "invalid selector: 'metadata.name in (a)'; can't understand 'metadata.name in (a)'",
        ),
        (r"metadata.name=a\x", r"invalid field selector: invalid escape sequence: \x"),
        ("metadata.name=a=b", "invalid field selector: unescaped character in value: 61"),
        (" metadata.name=a", NOT_KNOWN.format(" metadata.name")),
        ("=a", NOT_KNOWN.format("")),
        ("zz=1,aa=2", NOT_KNOWN.format("aa")),
        (r"x\==1", NOT_KNOWN.format(r"x\\")),
    ],
)
@pytest.mark.parametrize("watch", [{}, {"watch": "1"}])
def test_fields_that_cannot_be_read(
    remote: Remote, maps: str, selector: str, message: str, watch: dict[str, str]
):
    """400 on a list and on a watch."""
    assert remote.get(maps + query(fieldSelector=selector, **watch)).said == (400, "BadRequest", message)


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("", "abcd"), ("app", "abd"), ("!app", "c"), ("! app", "c"), ("app=x", "a"), ("app==x", "a"), ("app!=x", "bcd"), ("app=", "d"),
        ("app!=", "abc"), ("app in (x,y)", "ab"), ("app in (x,)", "ad"), ("app in ()", "d"), ("app notin (x)", "bcd"),
        ("app notin ()", "abc"), ("in", "d"), ("in in (v)", "d"), ("in=v", "d"), ("n>4", "ad"), ("n<6", "a"), ("n > 5", "d"),
        ("app=x, n=5", "a"), ("app=x,app=y", ""), ("app\t=\tx", "a"), ("e.io/f=g", "d"), ("e.io/f", "d"), ("app,!n", ""), ("app!=x,n", "bd"),
    ],
)  # fmt: skip
def test_the_grammar_of_labels(remote: Remote, labelled: str, selector: str, names: str):
    """Existence, equality, sets and whole numbers; `!=` and `notin` also match what lacks the key."""
    assert remote.get(labelled + query(labelSelector=selector)).names == list(names)


@pytest.mark.parametrize(
    ("selector", "message"),
    [
        ("app=x,", "found '', expected: identifier after ','"),
        (",app=x", "found ',', expected: !, identifier, or 'end of string'"),
        ("!app=x", "found '=', expected: ',' or 'end of string'"),
        ("app=x y", "found 'y', expected: ',' or 'end of string'"),
        ("app in x", f"{UNREADABLE}found 'x' expected: '('"),
        ("app in (x", f"{UNREADABLE}found '', expected: ',' or ')'"),
        ("n>=4", f"{UNREADABLE}found '=', expected: identifier"),
        ("n>abc", f'{UNREADABLE}values[0]: Invalid value: "abc": {INTEGER}'),
        (
            "n>-1",
            f'{UNREADABLE}values[0][n]: Invalid value: "-1": a valid label must be an empty string or ...',
        ),
        (
            "-a=b",
            f'{UNREADABLE}<nil>: Invalid value: "-a": name part must consist of alphanumeric characters, ...',
        ),
        (
            "E.io/f=g",
            f'{UNREADABLE}<nil>: Invalid value: "E.io/f": prefix part a lowercase RFC 1123 subdomain must ...',
        ),
        ("a/b/c=d", f'{UNREADABLE}<nil>: Invalid value: "a/b/c": a valid label key must consist of ...'),
    ],
)
@pytest.mark.parametrize("watch", [{}, {"watch": "1"}])
def test_labels_that_cannot_be_read(
    remote: Remote, maps: str, selector: str, message: str, watch: dict[str, str]
):
    """400 on a list and on a watch; how a valid key or value looks (`...` here) is explained in the text."""
    status, reason, said = remote.get(maps + query(labelSelector=selector, **watch)).said
    assert (status, reason) == (400, "BadRequest")
    wanted, shortened, _ = message.partition("...")
    assert said.startswith(wanted) if shortened else said == wanted
