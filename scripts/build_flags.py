"""Makes `watchcache/cli/data/flags.json` from the facts about kube-apiserver's flags.

    python scripts/build_flags.py FACTS-FOLDER

The result holds name -> [section, type, default] of every flag, so that an argument list written for kube-apiserver
starts our server too; which of them are honoured is said in `watchcache/cli/flags.py`.
"""

import json
import sys
from pathlib import Path

TARGET = Path(__file__).parent.parent / "watchcache" / "cli" / "data" / "flags.json"
OURS_ALREADY = {"help", "version"}


def main() -> None:
    """Read the facts, write the table."""
    facts = json.loads((Path(sys.argv[1]) / "flags.json").read_text())
    rows = {
        flag["name"]: [flag["section"], flag["type"], flag["default"]]
        for flag in facts
        if flag["name"] not in OURS_ALREADY
    }
    TARGET.write_text(json.dumps(dict(sorted(rows.items())), separators=(",", ":")) + "\n")
    print(f"{len(rows)} flags in {TARGET}")


if __name__ == "__main__":
    main()
