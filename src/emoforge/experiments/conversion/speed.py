"""How fast each system converts."""

import time
from collections.abc import Mapping
from pathlib import Path

from emoforge.convert import registry
from emoforge.dataset.labels import NEUTRAL
from emoforge.experiments.conversion.design import Condition, Design
from emoforge.experiments.conversion.sources import plan_conversions
from emoforge.project.utterances import open_utterances

_NOT_MEASURED = "not measured"


def time_systems(design: Design, converters: Mapping[Condition, Path]) -> dict:
    """Time the conversions of some sources of the first condition of every kind of system, on one thread.

    Args:
        design: of the evaluation; its `speed_clips` sources are converted into every emotion.
        converters: model folder of each condition.

    Returns:
        cpu_x_realtime_by_system: kind → seconds of audio made per second; cpu_x_realtime: that of the last kind, named
        by system, None where all are references; gpu_x_realtime: not measured here.
    """
    first: dict[str, Condition] = {}
    for condition in converters:
        first.setdefault(condition.system.kind, condition)
    kinds = dict.fromkeys(system.kind for system in design.systems if not system.reference)
    by_system = {kind: _times_realtime(design, first[kind], converters[first[kind]]) for kind in kinds}
    last = list(by_system)[-1] if by_system else None
    return {
        "cpu_x_realtime": by_system[last] if last else None,
        "gpu_x_realtime": _NOT_MEASURED,
        "system": last,
        "cpu_x_realtime_by_system": by_system,
    }


def _times_realtime(design: Design, condition: Condition, model: Path) -> float:
    corpus = design.corpora[condition.corpus]
    converter = registry.load(model)
    utterances = open_utterances(corpus.layout, corpus.key)
    planned = plan_conversions(
        design.sources[condition.corpus, condition.rotation][: design.protocol.speed_clips],
        [name for name in converter.emotions if name != NEUTRAL],
        variants=1,
        seed=design.protocol.seed,
    )
    jobs = [(utterances[row["source_clip_id"]], row["emotion"], 1.0, row["seed"]) for row in planned]
    # What is loaded or compiled at the first use is no part of the speed.
    converter.convert_batch(jobs[:1])
    started = time.perf_counter()
    conversions = converter.convert_batch(jobs)
    wall_s = time.perf_counter() - started
    pairs = zip(conversions, jobs, strict=True)
    audio_s = sum(len(conversion.signal) / source.sampling_rate for conversion, (source, *_) in pairs)
    return round(audio_s / wall_s, 1)
