"""How fast is conversion from end to end: on a CPU as the pipeline runs it, and in batches on an accelerator?

Neutral clips of real corpora are converted by the neural converter (network and rendering, first with given tracks,
then with the analysis included). The same processes also analyse and synthesise the clips with WORLD, which is the
least that a converter with a vocoder needs. The speed does not depend on the weights, so without ``--converter`` an
untrained network of the usual size is measured. Run ``python bench/conversion.py``; it prints a table and writes the
entries ``conversion_cpu`` and ``conversion_gpu`` of ``bench/results.json``.
"""

import argparse
import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pyworld
import torch
from record import RESULTS, record
from speech import utterances

from emoforge.base.batch import available_workers, chunked, map_chunks, one_thread
from emoforge.convert import registry as converters
from emoforge.convert.base import Job
from emoforge.convert.neural.batches import Scale
from emoforge.convert.neural.converter import Neural
from emoforge.convert.neural.model import PerformanceField
from emoforge.convert.neural.pairs import N_FEATURES, N_STATISTICS, N_TARGETS, read
from emoforge.convert.style import render_style
from emoforge.convert.utterance import Utterance
from emoforge.dataset.labels import NEUTRAL
from emoforge.prosody.analysis import analyse

UNIT = "seconds of source a second of computing"
WORLD = "WORLD, analysis and synthesis"
NOT_MEASURED = "not measured"


def untrained() -> Neural:
    """A converter of the usual size that has learned nothing."""
    torch.manual_seed(0)
    scales = [np.stack([np.zeros(n), np.ones(n)]).astype(np.float32) for n in (N_FEATURES, N_STATISTICS, N_TARGETS)]
    emotions = ("anger", "disgust", "fear", "happiness", "sadness", "surprise")
    return Neural(PerformanceField(len(emotions)).eval(), Scale(*scales), emotions, voices=scales[1])


def convert(work: tuple[Neural, Sequence[Job]]) -> None:
    converter, jobs = work
    converter.convert_batch(jobs)


def analyse_and_convert(work: tuple[Neural, Sequence[Job]]) -> None:
    converter, jobs = work
    for source, emotion, intensity, seed in jobs:
        tracks = analyse(source.signal, source.sampling_rate)
        fresh = Utterance(source.clip_id, source.speaker, None, NEUTRAL, source.signal, source.sampling_rate, tracks)
        converter.convert(fresh, emotion, intensity=intensity, seed=seed)


def world_analysis(clip: Utterance) -> tuple[np.ndarray, ...]:
    return pyworld.wav2world(clip.signal.astype(np.float64), clip.sampling_rate)


def world(work: tuple[Neural, Sequence[Job]]) -> None:
    _, jobs = work
    for source, *_ in jobs:
        pyworld.synthesize(*world_analysis(source), source.sampling_rate)


def seconds_of(task: Callable[[], object]) -> float:
    started = time.perf_counter()
    task()
    return time.perf_counter() - started


def best(tasks: dict[str, Callable[[], object]], passes: int) -> dict[str, float]:
    """Seconds of each task, the best of *passes* in turn, after a first pass that loads models and kernels."""
    for task in tasks.values():
        task()
    seconds: dict[str, list[float]] = {name: [] for name in tasks}
    for _ in range(passes):
        for name, task in tasks.items():
            seconds[name].append(seconds_of(task))
    return {name: min(times) for name, times in seconds.items()}


def parts(converter: Neural, clips: Sequence[Utterance], passes: int) -> dict[str, float]:
    """Where the time goes in one process, in milliseconds per second of source."""
    emotion = converter.emotions[0]
    styles = [converter.perform(clip, emotion, seed=1).style for clip in clips]
    spoken = [world_analysis(clip) for clip in clips]
    with one_thread():
        seconds = best(
            {
                "analysis": lambda: [analyse(clip.signal, clip.sampling_rate) for clip in clips],
                "reading": lambda: [read(clip.tracks) for clip in clips],
                "network and style": lambda: [converter.perform(clip, emotion, seed=1) for clip in clips],
                "WORLD analysis": lambda: [world_analysis(clip) for clip in clips],
                "WORLD synthesis": lambda: [
                    pyworld.synthesize(*tracks, clip.sampling_rate) for tracks, clip in zip(spoken, clips, strict=True)
                ],
                "rendering": lambda: [render_style(clip, style) for clip, style in zip(clips, styles, strict=True)],
            },
            passes,
        )
    return {name: 1000 * value / audio_s(clips) for name, value in seconds.items()}


def audio_s(clips: Sequence[Utterance]) -> float:
    return sum(len(clip.signal) / clip.sampling_rate for clip in clips)


def jobs_of(converter: Neural, clips: Sequence[Utterance]) -> list[Job]:
    emotions = converter.emotions
    return [(clip, emotions[seed % len(emotions)], 1.0, seed) for seed, clip in enumerate(clips)]


def measure_cpu(converter: Neural, clips: list[Utterance], *, workers: int, passes: int) -> dict[str, float]:
    """Times real time of *workers* processes of one thread each."""
    works = [(converter, chunk) for chunk in chunked(jobs_of(converter, clips), 2)]

    def run(function: Callable) -> Callable[[], object]:
        return lambda: list(map_chunks(function, works, workers=workers))

    seconds = best(
        {"tracks given": run(convert), "analysis included": run(analyse_and_convert), WORLD: run(world)}, passes
    )
    return {name: audio_s(clips) / value for name, value in seconds.items()}


def measure_gpu(converter: Neural, clips: list[Utterance], *, batch: int, passes: int) -> dict[str, float]:
    """Times real time of one process beside an accelerator."""
    there = converter.on("cuda")
    many = (clips * -(-batch // len(clips)))[:batch]
    jobs = jobs_of(converter, many)
    seconds = best(
        {
            "tracks given": lambda: there.convert_batch(jobs),
            "analysis included": lambda: (
                list(map_chunks(analyse_all, chunked(many, 16), workers=0)),
                there.convert_batch(jobs),
            ),
        },
        passes,
    )
    return {name: audio_s(many) / value for name, value in seconds.items()}


def analyse_all(clips: Sequence[Utterance]) -> list:
    return [analyse(clip.signal, clip.sampling_rate) for clip in clips]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=12, help="neutral clips of each corpus")
    parser.add_argument("--corpora", nargs="+", default=["ravdess", "nemo"])
    parser.add_argument("--converter", type=Path, help="folder of a trained neural converter")
    parser.add_argument("--workers", type=int, default=2, help="processes on the CPU")
    parser.add_argument("--batch", type=int, default=1024, help="clips per batch on an accelerator")
    parser.add_argument("--passes", type=int, default=3, help="times that each is measured; the best counts")
    arguments = parser.parse_args()

    converter = converters.load(arguments.converter) if arguments.converter else untrained()
    clips = [clip for corpus in arguments.corpora for clip in utterances(corpus, arguments.clips, emotion=NEUTRAL)]
    workers = available_workers(arguments.workers)
    speed = measure_cpu(converter, clips, workers=workers, passes=arguments.passes)
    for name, value in speed.items():
        print(f"CPU, {workers} processes: {name:30} {value:8.1f} x real time")
    where = parts(converter, clips[:: max(len(clips) // 12, 1)], arguments.passes)
    print("one process, ms per second of source:", {name: round(value, 2) for name, value in where.items()})
    record(
        "conversion_cpu",
        ours=speed["analysis included"],
        peers={WORLD: speed[WORLD]},
        ratio=speed["analysis included"] / speed[WORLD],
        unit=UNIT,
        details={
            "n_clips": len(clips),
            "audio_s": audio_s(clips),
            "processes": workers,
            "tracks_given": speed["tracks given"],
            "one_process_ms_per_s": where,
        },
    )

    peers = {"CPU, tracks given": speed["tracks given"], WORLD: speed[WORLD]}
    if torch.cuda.is_available():
        there = measure_gpu(converter, clips, batch=arguments.batch, passes=arguments.passes)
        device = torch.cuda.get_device_name()
        for name, value in there.items():
            print(f"{device}: {name:30} {value:8.1f} x real time")
        record(
            "conversion_gpu",
            ours=there["tracks given"],
            peers=peers,
            ratio=there["tracks given"] / speed["tracks given"],
            unit=UNIT,
            details={"batch": arguments.batch, "device": device, "analysis_included": there["analysis included"]},
        )
    elif json.loads(RESULTS.read_text("utf-8")).get("conversion_gpu", {}).get("ours", NOT_MEASURED) == NOT_MEASURED:
        # Figures from an earlier run on a machine with an accelerator are kept.
        why = {"why": "no CUDA device on this machine"}
        record("conversion_gpu", ours=NOT_MEASURED, peers=peers, ratio=NOT_MEASURED, unit=UNIT, details=why)


if __name__ == "__main__":
    main()
