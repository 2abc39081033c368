"""Custom resources with the unmodified kubectl: a definition is applied, and what it defines is used as any other kind."""

from __future__ import annotations

import json

from tests.kubectl.conftest import Kubectl, ServerProcess

DEFINITION = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: shirts.stable.example.com}
spec:
  group: stable.example.com
  scope: Namespaced
  names: {plural: shirts, kind: Shirt, shortNames: [sh], categories: [all]}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        description: A shirt.
        properties:
          spec:
            type: object
            description: What it is like.
            required: [color]
            properties:
              color: {type: string, description: What one sees.}
              size: {type: string, enum: [S, M, L], default: M}
              replicas: {type: integer, default: 1}
            x-kubernetes-validations: [{rule: self.replicas <= 5, message: at most five}]
          status:
            type: object
            properties:
              replicas: {type: integer}
              conditions: {type: array, items: {type: object, properties: {type: {type: string}, status: {type: string}}}}
    selectableFields: [{jsonPath: .spec.color}]
    additionalPrinterColumns:
    - {name: Color, type: string, jsonPath: .spec.color}
    - {name: Size, type: string, jsonPath: .spec.size, priority: 1}
    - {name: Ready, type: string, jsonPath: '.status.conditions[?(@.type=="Ready")].status'}
    - {name: Age, type: date, jsonPath: .metadata.creationTimestamp}
    subresources: {status: {}, scale: {specReplicasPath: .spec.replicas, statusReplicasPath: .status.replicas}}
"""


def shirt(name: str, **spec: object) -> str:
    """A shirt as kubectl reads it."""
    document = {
        "apiVersion": "stable.example.com/v1",
        "kind": "Shirt",
        "metadata": {"name": name},
        "spec": {"color": "blue", **spec},
    }
    return json.dumps(document)


def establish(kubectl: Kubectl) -> None:
    """Apply the definition and wait for it."""
    kubectl("apply", "-f", "-", stdin=DEFINITION)
    kubectl("wait", "--for=condition=Established", "crd/shirts.stable.example.com", "--timeout=30s")


def columns(table: str) -> list[list[str]]:
    """What kubectl prints, by lines and words."""
    return [line.split() for line in table.splitlines()]


def test_a_definition_from_its_file_to_its_end(kubectl: Kubectl, server: ServerProcess):
    """Create, print, explain, select, scale, patch, wait, apply, restart, delete."""
    establish(kubectl)
    assert "shirts" in kubectl("api-resources", "--api-group=stable.example.com")
    kubectl("create", "-f", "-", stdin=shirt("one"))
    kubectl("apply", "-f", "-", stdin=shirt("two", color="red", size="L"))
    assert columns(kubectl("get", "sh", "-o", "wide"))[:2] == [
        ["NAME", "COLOR", "SIZE", "READY", "AGE"],
        ["one", "blue", "M", *columns(kubectl("get", "shirt", "one", "--no-headers"))[0][2:]],
    ]
    assert (
        kubectl("get", "shirts", "--field-selector", "spec.color=red", "-o", "name")
        == "shirt.stable.example.com/two\n"
    )
    assert "shirt.stable.example.com/one" in kubectl("get", "all")
    explained = kubectl("explain", "shirt.spec")
    assert "What one sees." in explained
    assert "-required-" in explained
    kubectl("scale", "shirt/one", "--replicas=3")
    kubectl("patch", "shirt", "one", "--type=merge", "-p", '{"spec":{"size":"S"}}')
    ready = '{"status":{"replicas":3,"conditions":[{"type":"Ready","status":"True"}]}}'
    kubectl("patch", "shirt", "one", "--subresource=status", "--type=merge", "-p", ready)
    kubectl("wait", "--for=condition=Ready", "shirt/one", "--timeout=30s")
    assert columns(kubectl("get", "shirt", "one", "--no-headers"))[0][1:3] == ["blue", "True"]
    kubectl("apply", "-f", "-", stdin=shirt("two", color="green"))
    stored = kubectl.json("get", "shirt", "two")
    assert stored["spec"] == {"color": "green", "replicas": 1, "size": "M"}
    assert stored["metadata"]["generation"] == 2
    server.kill()
    server.start()
    assert kubectl.json("get", "shirt", "one")["spec"] == {"color": "blue", "replicas": 3, "size": "S"}
    kubectl("delete", "crd", "shirts.stable.example.com", "--timeout=30s")
    gone = kubectl.run("get", "shirts")
    assert gone.returncode == 1
    assert "NotFound" in gone.stderr or "doesn't have a resource type" in gone.stderr


def test_refusals_name_the_field(kubectl: Kubectl):
    """Unknown fields, values that do not fit, and rules, as kubectl shows them."""
    establish(kubectl)
    for text, said in (
        (shirt("x", bogus=1), 'unknown field "spec.bogus"'),
        (shirt("x", size="XL"), 'spec.size: Unsupported value: "XL": supported values: "S", "M", "L"'),
        (shirt("x", replicas=6), "at most five"),
        (shirt("x", color=None), "spec.color: Required value"),
    ):
        refused = kubectl.run("create", "-f", "-", stdin=text)
        assert refused.returncode == 1
        assert said in refused.stderr
    assert "No resources found" in kubectl.run("get", "shirts").stderr
