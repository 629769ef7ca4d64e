"""How a set was made, as plain data that travels with it: enough to write its card again without the project."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from emoforge import __version__


def describe(
    conversions: pa.Table,
    *,
    converter: Mapping[str, Any],
    params: Mapping[str, Any],
    results: Mapping[str, Mapping[str, float]] | None,
    corpora: Mapping[str, Mapping[str, str]] | None = None,
) -> dict:
    """Return how a set was made.

    Args:
        conversions: every conversion that was scored, rejected ones included.
        converter: what the converter learnt from: ``corpora``, ``licences``, ``speakers`` (lists) and ``clips``.
        params: sections of params.yaml that shaped the set.
        results: each arm's scores on real speakers and ``gain``, as ``metrics/evaluate.json`` holds them; None if
            they were not measured.
        corpora: corpus → ``title`` and ``citation``, for corpora that are in no registry.

    Returns:
        ``emoforge`` (version), ``converter``, ``params``, ``results`` and ``yields``: outcome → emotion → number of
        conversions, where an outcome is ``kept`` or a reason; ``corpora`` where there are such.
    """
    return {
        "emoforge": __version__,
        "converter": dict(converter),
        "params": dict(params),
        "yields": _yields(conversions),
        "results": results,
        **({"corpora": corpora} if corpora else {}),
    }


def _yields(conversions: pa.Table) -> dict[str, dict[str, int]]:
    columns = (conversions.column(name).to_pylist() for name in ("keep", "reject_reason", "emotion"))
    counts: dict[str, Counter] = {"kept": Counter()}
    for keep, reason, emotion in zip(*columns, strict=True):
        counts.setdefault("kept" if keep else reason or "not kept", Counter())[emotion] += 1
    outcomes = sorted(counts, key=lambda outcome: (outcome != "kept", outcome))
    return {outcome: dict(sorted(counts[outcome].items())) for outcome in outcomes}
