"""What changed between two versions of a set."""

from pathlib import Path

from emoforge.dataset import manifest
from emoforge.project.layout import Layout
from emoforge.project.versions import table_at
from emoforge.sharing.compare import MOVED, compare


def diff(before: str, after: str | None = None, *, root: Path = Path()) -> dict:
    """Return what changed in the project's set, as :func:`emoforge.sharing.compare.compare` tells it.

    Args:
        before: a git revision, or the name of an experiment.
        after: another; the working tree without it.
        root: the project.

    Raises:
        EmoforgeError: no such revision, or its manifest is nowhere to be had.
    """
    path = Layout(root).manifest("select")
    first = table_at(root, path, before)
    second = table_at(root, path, after) if after else manifest.read_table(path)
    return {"revisions": [before, after or "workspace"]} | compare(first, second)


def tables(changed: dict) -> dict[str, list[dict]]:
    """Return what :func:`diff` returned as tables for people: title → rows, none of them empty."""
    before, after = changed["revisions"]
    counts = [{"clips": name} | changed[name] for name in ("recorded", "converted", "kept")]
    why = [
        {"kept clips": direction, "why": reason, "clips": count}
        for direction, reasons in (("in", changed["why_in"]), ("out", changed["why_out"]))
        for reason, count in reasons.items()
    ]
    scores = [
        {"score": name, "clips": score["clips"], "mean change": f"{score['mean_change']:+.4f}", "moved": score["moved"]}
        for name, score in changed["scores"].items()
    ]
    made = f", {changed['made_anew']} made anew by another converter" if changed["made_anew"] else ""
    found = {
        f"{before} to {after}{made}": counts,
        "kept conversions by emotion": [{"emotion": name} | row for name, row in changed["emotions"].items()],
        "why they came and went": why,
        "conversions not kept": [{"reason": name} | row for name, row in changed["reasons"].items()],
        f"scores of conversions in both (moved: by more than {MOVED})": scores,
    }
    return {title: rows for title, rows in found.items() if rows}
