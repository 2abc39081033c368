"""Members that are parted hear nothing of each other, and those that are not do."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio

from tests import etcds

from .exchange import Lost
from .members import Member, join, leader_of, part, wait_healthy


async def leads_another(members: list[Member], old: Member) -> None:
    """Wait until somebody else leads."""
    while True:
        found = await leader_of([each for each in members if each is not old])
        if found is not None and found[0] is not old:
            return
        await trio.sleep(0.1)


@etcds.needs_etcd
async def test_a_leader_that_is_parted_leads_no_longer(tmp_path: Path) -> None:
    """The others elect another and take writes, it takes none; joined, it has what they wrote."""
    members = [Member(number, etcds.binary() or "etcd", tmp_path) for number in range(3)]
    try:
        async with trio.open_nursery() as nursery:
            for member in members:
                await nursery.start(member.peers.run)
                member.start(members)
            await wait_healthy(members, 30)
            for member in members:
                await member.learn_id()
                assert len(member.peers.connections.keys() - {""}) <= 2
            found = await leader_of(members)
            assert found is not None
            old = found[0]
            others = [each for each in members if each is not old]
            for other in others:
                part(old, other)
            with trio.fail_after(30):
                await leads_another(members, old)
            with pytest.raises(Lost):
                await old.ask("kv/put", {"key": "YQ==", "value": "b2xk"})
            answer = await others[0].ask("kv/put", {"key": "YQ==", "value": "bmV3"})
            for other in others:
                join(old, other)
            await wait_healthy(members, 30)
            read = await old.ask("kv/range", {"key": "YQ=="})
            assert read["kvs"][0]["value"] == "bmV3"
            assert read["kvs"][0]["mod_revision"] == answer["header"]["revision"]
            nursery.cancel_scope.cancel()
    finally:
        for member in members:
            member.close()
