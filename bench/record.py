"""Where benchmarks leave their figures: one entry per question in ``bench/results.json``, with what produced it."""

import json
import platform
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

RESULTS = Path(__file__).with_name("results.json")


def record(
    question: str,
    *,
    ours: float | str,
    peers: Mapping[str, float],
    ratio: float | str,
    unit: str,
    details: Mapping[str, object],
) -> None:
    """Put the answer to *question* into the results, in place of an earlier one.

    Args:
        question: key of the entry.
        ours: our figure, or "not measured".
        peers: what others reach, measured in the same run.
        ratio: ours over the peer that counts.
        unit: of *ours* and *peers*.
        details: everything else that was measured.
    """
    entry = {
        "ours": ours,
        "peers": dict(peers),
        "ratio": ratio,
        "unit": unit,
        "machine": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "command": shlex.join(["python", *sys.argv]),
        "commit": COMMIT,
        "details": dict(details),
    }
    results = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    results[question] = json.loads(json.dumps(entry), parse_float=lambda text: float(f"{float(text):.4g}"))
    RESULTS.write_text(json.dumps(dict(sorted(results.items())), indent=2) + "\n", "utf-8")


def _commit() -> str:
    """Return the commit that is checked out, marked where tracked code differs from it."""
    here = Path(__file__).parent
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True, check=True)
    changed = subprocess.run(["git", "diff", "--quiet", "HEAD", "--", "../src", "."], cwd=here, check=False).returncode
    return commit.stdout.strip() + ("+changes" if changed else "")


#: What was checked out when the measurement began.
COMMIT = _commit()
