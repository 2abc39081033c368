"""Shows where the recorded answers differ from a fresh server of ours, and which of them are not in gaps.json.

python scripts/golden_gaps.py [N ...]     with numbers: the first difference of those exchanges
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests.golden.replay import Replay, normal
from watchcache.testing.server import TestServer

GAPS = Path(__file__).parent.parent / "tests" / "golden" / "gaps.json"


def main() -> None:
    """Replay and print."""
    wanted = set(map(int, sys.argv[1:]))
    listed = json.loads(GAPS.read_text()) if GAPS.exists() else {}
    with tempfile.TemporaryDirectory() as folder, TestServer(Path(folder)) as server:
        results = list(Replay(server.url, server.token).run())
    for each in results:
        exchange = each.exchange
        if each.equal or (wanted and exchange["n"] not in wanted):
            continue
        known = listed.get(str(exchange["n"]), "NOT LISTED")
        print(
            f"{exchange['n']} {exchange['method']} {exchange['path']} ({exchange['note']}): {exchange['status']} / {each.status}: {known}"
        )
        theirs, ours = (
            json.dumps(normal(doc), sort_keys=True) for doc in (exchange["response"], each.answer)
        )
        at = next(
            (i for i, (a, b) in enumerate(zip(theirs, ours, strict=False)) if a != b),
            min(len(theirs), len(ours)),
        )
        print(
            f"    theirs ...{theirs[max(0, at - 60) : at + 100]}\n    ours   ...{ours[max(0, at - 60) : at + 100]}"
        )
    print(
        f"{sum(e.equal for e in results)} of {len(results)} equal, {sum(e.status_equal for e in results)} statuses"
    )


if __name__ == "__main__":
    main()
