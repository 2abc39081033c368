"""What an operator chooses about new objects, over HTTP."""

from __future__ import annotations

import ipaddress

from watchcache.testing.server import TestServer

from .test_on_etcd import Client

SERVICES = "/api/v1/namespaces/default/services"
PODS = "/api/v1/namespaces/default/pods"


def test_services_get_what_the_ranges_have(tmp_path):
    """--service-cluster-ip-range of two families, --service-node-port-range of two ports."""
    ranges = "10.9.0.0/24,fd00:9::/108"
    with TestServer(
        tmp_path, service_cluster_ip_range=ranges, service_node_port_range="31000-31001"
    ) as server:
        client = Client(server)
        spec = {"type": "NodePort", "ports": [{"port": 80}], "ipFamilyPolicy": "RequireDualStack"}
        held = []
        for name in ("a", "b"):
            status, made = client.call("POST", SERVICES, {"metadata": {"name": name}, "spec": spec})
            assert status == 201, made
            first, second = map(ipaddress.ip_address, made["spec"]["clusterIPs"])
            assert first in ipaddress.ip_network("10.9.0.0/24")
            assert second in ipaddress.ip_network("fd00:9::/108")
            held.append(made["spec"]["ports"][0]["nodePort"])
        assert sorted(held) == [31000, 31001]
        status, refused = client.call("POST", SERVICES, {"metadata": {"name": "c"}, "spec": spec})
        assert status == 500
        assert refused["message"] == "Internal error occurred: failed to allocate a nodePort: range is full"


def test_pods_stay_as_long_as_the_operator_says(tmp_path):
    """--default-not-ready-toleration-seconds and --default-unreachable-toleration-seconds."""
    with TestServer(tmp_path, not_ready_toleration=7, unreachable_toleration=0) as server:
        pod = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
        made = Client(server).call("POST", PODS, pod)[1]
        assert {each["key"]: each["tolerationSeconds"] for each in made["spec"]["tolerations"]} == {
            "node.kubernetes.io/not-ready": 7,
            "node.kubernetes.io/unreachable": 0,
        }
