"""Makes `tests/golden/exchanges.jsonl`, the tests' copy of recorded answers of a real kube-apiserver 1.36.3.

python scripts/import_golden.py RECORDED.jsonl
"""

import json
import sys
from pathlib import Path

TARGET = Path(__file__).parent.parent / "tests" / "golden" / "exchanges.jsonl"


def main() -> None:
    """Copy the exchanges, one a line, without spaces."""
    lines = Path(sys.argv[1]).read_text().splitlines()
    TARGET.write_text(
        "".join(json.dumps(json.loads(line), separators=(",", ":"), sort_keys=True) + "\n" for line in lines)
    )
    print(f"{len(lines)} exchanges in {TARGET}")


if __name__ == "__main__":
    main()
