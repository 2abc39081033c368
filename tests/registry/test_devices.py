"""What the server does to slices of devices and to the status of claims of them."""

from __future__ import annotations

from tests.registry.scene import Client, Document

DEVICE = {"driver": "d.io", "pool": "p", "device": "one"}
OTHER = {**DEVICE, "device": "two"}
SPEC = {"devices": {"requests": [{"name": "r", "exactly": {"deviceClassName": "c"}}]}}


def allocated(*devices: Document) -> Document:
    """An allocation of the devices."""
    return {"devices": {"results": [{"request": "r", **device} for device in devices]}}


async def test_taints_get_a_time(client: Client):
    """A taint that says since when it is there keeps it; others are of now."""
    taints = [
        {"key": "old", "effect": "NoExecute", "timeAdded": "2020-01-01T00:00:00Z"},
        {"key": "new", "effect": "NoSchedule"},
    ]
    spec = {"driver": "d.io", "allNodes": True, "pool": {"name": "p", "resourceSliceCount": 1}}
    slice = {"metadata": {"name": "s"}, "spec": {**spec, "devices": [{"name": "d", "taints": taints}]}}
    made = await client.create("resource.k8s.io/v1/resourceslices", slice, "")
    old, new = made["spec"]["devices"][0]["taints"]
    assert old["timeAdded"] == "2020-01-01T00:00:00Z"
    assert new["timeAdded"] == made["metadata"]["creationTimestamp"]


async def test_what_is_told_of_a_device_goes_with_its_allocation(client: Client):
    """While a device is allocated drivers tell of it."""
    claims = "resource.k8s.io/v1/resourceclaims"
    await client.create(claims, {"metadata": {"name": "c"}, "spec": SPEC})

    async def report(status: Document) -> Document:
        live = client.get(claims, "c")
        told = await client.put(claims, {**live, "status": status}, "c", subresource="status")
        found: Document = told.get("status") or {}
        return found

    told = await report({"allocation": allocated(DEVICE, OTHER), "devices": [DEVICE]})
    assert [device["device"] for device in told["devices"]] == ["one"]
    assert "devices" not in await report({"devices": [DEVICE]})
