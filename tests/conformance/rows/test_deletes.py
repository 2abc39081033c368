"""DELETE: rows M12 to M15, M19 and M20 of the specification of writes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.rows.asking import Client, config_map, pod

ORPHAN_WARNING = (
    "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them "
    "or set propagationPolicy=Orphan to suppress this warning"
)


def bound(ask: Client, name: str, **spec: Any) -> None:
    """Create a pod on a node."""
    ask.create("pods", pod(name, **spec))
    ask("POST", f"pods/{name}/binding", {"metadata": {"name": name}, "target": {"kind": "Node", "name": "n"}})


def grace(answer: Any) -> int:
    """The seconds that a pod still has."""
    return int(answer.document["metadata"]["deletionGracePeriodSeconds"])


def test_what_is_deleted_is_named(ask: Client):
    """M14: a Status of success with the plural and the uid, and nothing else in it."""
    uid = ask.create("configmaps", config_map("x"))["metadata"]["uid"]
    answer = ask("DELETE", "configmaps/x")
    assert answer.status == 200
    assert answer.document == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {"name": "x", "kind": "configmaps", "uid": uid},
    }
    ask("DELETE", "configmaps/x").says(
        404, "NotFound", 'configmaps "x" not found', {"name": "x", "kind": "configmaps"}
    )


@pytest.mark.parametrize(
    ("path", "document"),
    [
        ("services", {"spec": {"ports": [{"port": 80}]}}),
        ("serviceaccounts", {}),
        ("podtemplates", {"template": {"spec": {"containers": [{"name": "c", "image": "i"}]}}}),
        ("resourcequotas", {}),
    ],
)
def test_some_kinds_answer_with_the_object(ask: Client, path: str, document: dict[str, Any]):
    """M14: at the revision of its deletion."""
    made = ask.create(path, {"metadata": {"name": "x"}, **document})
    answer = ask("DELETE", f"{path}/x")
    assert answer.document["metadata"]["uid"] == made["metadata"]["uid"]
    assert int(answer.revision) > int(made["metadata"]["resourceVersion"])


def test_preconditions_name_both_values(ask: Client):
    """M12: the uid is checked first; the message and the details use the kind."""
    metadata = ask.create("configmaps", config_map("x"))["metadata"]
    details = {"name": "x", "kind": "ConfigMap"}
    wrong_uid = {"preconditions": {"uid": "A", "resourceVersion": "1"}}
    ask("DELETE", "configmaps/x", wrong_uid).says(
        409,
        "Conflict",
        f'Operation cannot be fulfilled on ConfigMap "x": the UID in the precondition (A) does not match the UID in record '
        f"({metadata['uid']}). The object might have been deleted and then recreated",
        details,
    )
    text = (
        'Operation cannot be fulfilled on ConfigMap "x": the ResourceVersion in the precondition (1) does not match the '
        f"ResourceVersion in record ({metadata['resourceVersion']}). The object might have been modified"
    )
    ask("DELETE", "configmaps/x", {"preconditions": {"resourceVersion": "1"}}).says(
        409, "Conflict", text, details
    )
    ask("DELETE", "configmaps/x?resourceVersion=1").says(409, "Conflict", text, details)
    assert ask("DELETE", "configmaps/missing", wrong_uid).status == 404
    assert ask("DELETE", f"configmaps/x?resourceVersion={metadata['resourceVersion']}").status == 200


def test_finalizers_hold_an_object(ask: Client):
    """M13: it is marked, stays, may change but get no new finalizers, and goes when the last one goes."""
    made = ask.create("configmaps", config_map("x", finalizers=["a/b"]))
    first = ask("DELETE", "configmaps/x")
    assert first.document["metadata"]["deletionTimestamp"]
    assert grace(first) == 0
    assert ask("DELETE", "configmaps/x").revision == first.revision
    assert ask.patch("configmaps/x", {"data": {"b": "2"}}).status == 200
    causes = ask.patch("configmaps/x", {"metadata": {"finalizers": ["a/b", "c/d"]}}).causes()
    [(field, message)] = set(causes)
    assert field == "metadata.finalizers"
    assert message.startswith(
        "Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers"
    )
    old = ask.get("configmaps/x")["metadata"]["resourceVersion"]
    last = ask.patch("configmaps/x", {"metadata": {"finalizers": None}})
    assert (last.status, last.revision) == (200, old)
    assert ask("GET", "configmaps/x").status == 404
    seen = list(ask.events("configmaps", f"resourceVersion={made['metadata']['resourceVersion']}"))
    assert [kind for kind, _ in seen] == ["MODIFIED", "MODIFIED", "DELETED"]
    assert int(seen[-1][1]["metadata"]["resourceVersion"]) > int(old)


def test_no_finalizers_alone_delete_nothing(ask: Client):
    """M13: an object that nobody deleted outlives its finalizers."""
    ask.create("configmaps", config_map("x", finalizers=["a/b"]))
    ask.patch("configmaps/x", {"metadata": {"finalizers": None}})
    assert ask("GET", "configmaps/x").status == 200


def test_finalizers_have_a_domain(ask: Client):
    """M13: others are refused."""
    causes = ask("POST", "configmaps", config_map("x", finalizers=["bad"])).causes()
    text = 'Invalid value: "bad": name is neither a standard finalizer name nor is it fully qualified'
    assert causes == [("metadata.finalizers[0]", text)]


@pytest.mark.parametrize(
    ("options", "finalizer"),
    [
        ({"propagationPolicy": "Foreground"}, "foregroundDeletion"),
        ({"propagationPolicy": "Orphan"}, "orphan"),
        ({"orphanDependents": True}, "orphan"),
    ],
)
def test_propagation_is_a_finalizer(ask: Client, options: dict[str, Any], finalizer: str):
    """M13: the garbage collector takes it off."""
    ask.create("configmaps", config_map("x"))
    answer = ask("DELETE", "configmaps/x", options)
    assert (answer.status, answer.document["metadata"]["finalizers"]) == (200, [finalizer])


def test_jobs_orphan_their_pods_by_default(ask: Client):
    """M14: with a warning, and the job stays until that is done."""
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}}
    ask.create("batch/v1:jobs", {"metadata": {"name": "j"}, "spec": {"template": template}})
    answer = ask("DELETE", "batch/v1:jobs/j")
    assert answer.document["metadata"]["finalizers"] == ["orphan"]
    assert answer.warnings == [ORPHAN_WARNING]


def test_a_pod_on_a_node_has_its_grace(ask: Client):
    """M15: it stays until it is deleted without any; what is left can only become less."""
    bound(ask, "p")
    first = ask("DELETE", "pods/p")
    assert (first.status, grace(first)) == (200, 30)
    assert ask("DELETE", "pods/p?gracePeriodSeconds=60").revision == first.revision
    assert grace(ask("DELETE", "pods/p?gracePeriodSeconds=5")) == 5
    assert ask("DELETE", "pods/p").status == 200
    assert grace(ask("DELETE", "pods/p", {"gracePeriodSeconds": 0})) == 0
    assert ask("GET", "pods/p").status == 404


@pytest.mark.parametrize(
    ("query", "body", "seconds"),
    [("gracePeriodSeconds=-7", None, 1), ("gracePeriodSeconds=100", {"gracePeriodSeconds": 3}, 3)],
)
def test_odd_graces(ask: Client, query: str, body: Any, seconds: int):
    """M15: less than none is a second, and a body wins over the query."""
    bound(ask, "p")
    assert grace(ask("DELETE", f"pods/p?{query}", body)) == seconds


@pytest.mark.parametrize("how", ["unscheduled", "done", "graceless"])
def test_pods_that_need_no_grace_go_at_once(ask: Client, how: str):
    """M15: in two revisions, the first of which says that they go."""
    if how == "unscheduled":
        ask.create("pods", pod("p"))
    else:
        bound(ask, "p", terminationGracePeriodSeconds=0 if how == "graceless" else 30)
    if how == "done":
        ask.patch("pods/p/status", {"status": {"phase": "Succeeded"}})
    revision = ask.get("pods/p")["metadata"]["resourceVersion"]
    answer = ask("DELETE", "pods/p")
    assert grace(answer) == 0
    assert answer.document["metadata"]["deletionTimestamp"]
    seen = list(ask.events("pods", f"resourceVersion={revision}"))
    assert [kind for kind, _ in seen] == ["MODIFIED", "DELETED"]


def test_a_finalizer_holds_a_pod_without_grace(ask: Client):
    """M15: after its grace as well."""
    ask.create("pods", {**pod("p"), "metadata": {"name": "p", "finalizers": ["a/b"]}})
    ask("DELETE", "pods/p?gracePeriodSeconds=0")
    assert ask("GET", "pods/p").status == 200
    ask.patch("pods/p", {"metadata": {"finalizers": None}})
    assert ask("GET", "pods/p").status == 404


def test_only_pods_have_grace(ask: Client):
    """M15: on other kinds the option is ignored."""
    ask.create("configmaps", config_map("x"))
    assert ask("DELETE", "configmaps/x?gracePeriodSeconds=60").status == 200
    assert ask("GET", "configmaps/x").status == 404


def test_a_dry_run_of_a_deletion(ask: Client):
    """M19: answers as the real one, also of a collection."""
    before = ask.create("configmaps", config_map("x"))
    for path in ("configmaps/x?dryRun=All", "configmaps?dryRun=All"):
        assert ask("DELETE", path).status == 200
    assert ask("DELETE", "configmaps/x", {"dryRun": ["All"]}).document["status"] == "Success"
    assert ask.get("configmaps/x") == before


@pytest.mark.parametrize(
    ("body", "causes"),
    [
        ({"dryRun": ["Some"]}, [("dryRun", 'Unsupported value: ["Some"]: supported values: "All"')]),
        (
            {"propagationPolicy": "Bogus"},
            [
                (
                    "propagationPolicy",
                    'Unsupported value: "Bogus": supported values: "Foreground", "Background", "Orphan", "nil"',
                )
            ],
        ),
        (
            {"orphanDependents": True, "propagationPolicy": "Orphan"},
            [
                (
                    "propagationPolicy",
                    'Invalid value: "Orphan": orphanDependents and deletionPropagation cannot be both set',
                )
            ],
        ),
    ],
)
def test_bad_options(ask: Client, body: dict[str, Any], causes: list[tuple[str, str]]):
    """Options of other words are refused, and nothing is deleted."""
    ask.create("configmaps", config_map("x"))
    assert ask("DELETE", "configmaps/x", body).causes() == causes
    assert ask("GET", "configmaps/x").status == 200


def test_unknown_options_are_accepted(ask: Client):
    """A field that no version of the options has does not matter."""
    ask.create("configmaps", config_map("x"))
    assert ask("DELETE", "configmaps/x", {"bogus": 1}).status == 200


def test_a_collection_is_answered_as_it_was_read(ask: Client):
    """M20: the objects have their old revisions; what the selector leaves out stays."""
    made = [ask.create("configmaps", config_map(f"x{n}", labels={"odd": str(n % 2)})) for n in range(4)]
    answer = ask("DELETE", "configmaps?labelSelector=odd%3D1")
    assert answer.document["kind"] == "ConfigMapList"
    assert [item["metadata"] for item in answer.document["items"]] == [
        made[1]["metadata"],
        made[3]["metadata"],
    ]
    left = ask("GET", "configmaps").document["items"]
    assert [item["metadata"]["name"] for item in left] == ["x0", "x2"]


def test_a_page_of_a_collection(ask: Client):
    """M20: `limit` deletes that page and gives a token for the rest."""
    for n in range(3):
        ask.create("configmaps", config_map(f"x{n}"))
    answer = ask("DELETE", "configmaps?limit=1")
    assert [item["metadata"]["name"] for item in answer.document["items"]] == ["x0"]
    assert answer.document["metadata"]["continue"]
    left = ask("GET", "configmaps").document["items"]
    assert [item["metadata"]["name"] for item in left] == ["x1", "x2"]


def test_the_preconditions_of_a_collection_are_each_ones(ask: Client):
    """M20: the first that does not meet them is the answer."""
    ask.create("configmaps", config_map("x"))
    answer = ask("DELETE", "configmaps", {"preconditions": {"uid": "z"}})
    assert (answer.status, answer.document["reason"]) == (409, "Conflict")


@pytest.mark.parametrize("path", ["/api/v1/configmaps", "/api/v1/namespaces"])
def test_collections_that_cannot_be_deleted(ask: Client, path: str):
    """M20: those of all namespaces, and the namespaces themselves."""
    assert ask("DELETE", path).status == 405


def test_an_empty_collection(ask: Client):
    """M20: of an absent namespace, too."""
    for path in ("configmaps", "/api/v1/namespaces/absent/configmaps"):
        answer = ask("DELETE", path)
        assert (answer.status, answer.document["items"]) == (200, [])


def test_some_namespaces_are_needed(ask: Client):
    """A cluster cannot do without its own."""
    ask("DELETE", "/api/v1/namespaces/kube-system").says(
        403,
        "Forbidden",
        'namespaces "kube-system" is forbidden: this namespace may not be deleted',
        {"name": "kube-system", "kind": "namespaces"},
    )
