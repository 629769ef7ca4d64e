"""How fast is rendering, clip by clip in numpy and batch by batch in torch, on a CPU and on an accelerator?

The same conversions of real clips (F0, timing and timbre all change) are rendered by both, in the same process, on one
thread each and in turn, without the analysis. Run ``python bench/rendering.py``; it prints a table and writes the entry
``rendering`` of ``bench/results.json``. Rows for an accelerator are measured where torch finds one.
"""

import argparse
import os
import time
from collections.abc import Callable

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from record import record
from speech import utterances

from emoforge.convert.rendering.batched.render import render_styles
from emoforge.convert.style import Style, render_style
from emoforge.convert.utterance import Utterance

#: An accelerator is given this many clips at once, the measured ones repeated.
ACCELERATOR_BATCH = 256


def style(source: Utterance, seed: int) -> Style:
    """A change as large as those between emotions, different in every frame and band."""
    random = np.random.default_rng(seed)
    n_frames, n_bands = source.tracks.envelope_db.shape

    def wandering(mean: float, spread: float, every: int = 20) -> np.ndarray:
        knots = random.normal(mean, spread, n_frames // every + 2)
        return np.interp(np.arange(n_frames) / every, np.arange(len(knots)), knots)

    return Style(
        f0_difference_st=wandering(2.0, 2.5),
        stretch_log2=wandering(0.0, 0.3),
        envelope_difference_db=np.stack([wandering(2.0, 4.0) for _ in range(n_bands)], axis=1).astype(np.float32),
    )


def snr_db(expected: np.ndarray, result: np.ndarray) -> float:
    noise = np.sum((expected.astype(np.float64) - result) ** 2)
    return float(10 * np.log10(np.sum(expected.astype(np.float64) ** 2) / max(noise, 1e-20)))


def seconds_of(task: Callable[[], object]) -> float:
    started = time.perf_counter()
    task()
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=32, help="clips of each corpus")
    parser.add_argument("--corpora", nargs="+", default=["ravdess", "nemo"])
    parser.add_argument("--passes", type=int, default=5, help="times that each is measured; the best counts")
    arguments = parser.parse_args()
    torch.set_num_threads(1)

    clips = [source for corpus in arguments.corpora for source in utterances(corpus, arguments.clips)]
    styles = [style(source, seed) for seed, source in enumerate(clips)]
    expected = [render_style(source, change) for source, change in zip(clips, styles, strict=True)]
    agreement = [snr_db(one, other) for one, other in zip(expected, render_styles(clips, styles), strict=True)]

    tasks: dict[str, Callable[[], object]] = {
        "numpy": lambda: [render_style(source, change) for source, change in zip(clips, styles, strict=True)],
        "torch, CPU": lambda: render_styles(clips, styles),
    }
    audio_s = {
        name: sum(len(result) / source.sampling_rate for result, source in zip(expected, clips, strict=True))
        for name in tasks
    }
    if torch.cuda.is_available():
        repeats = -(-ACCELERATOR_BATCH // len(clips))
        many, many_styles = (clips * repeats)[:ACCELERATOR_BATCH], (styles * repeats)[:ACCELERATOR_BATCH]
        tasks["torch, CUDA"] = lambda: render_styles(many, many_styles, device="cuda", max_batch_s=2000.0)
        audio_s["torch, CUDA"] = sum(
            len((expected * repeats)[i]) / source.sampling_rate for i, source in enumerate(many)
        )
        tasks["torch, CUDA"]()  # the first call loads kernels
    seconds: dict[str, list[float]] = {name: [] for name in tasks}
    for _ in range(arguments.passes):
        for name, task in tasks.items():
            seconds[name].append(seconds_of(task))
    speed: dict[str, float | str] = {name: audio_s[name] / min(times) for name, times in seconds.items()}
    speed.setdefault("torch, CUDA", "not measured")

    for name, value in speed.items():
        print(f"{name:12} {value if isinstance(value, str) else f'{value:8.1f} x real time'}")
    print(f"torch against numpy: {min(agreement):.1f} dB at worst, {np.median(agreement):.1f} dB in the middle")
    fastest = max(value for name, value in speed.items() if name != "numpy" and not isinstance(value, str))
    record(
        "rendering",
        ours=fastest,
        peers={"numpy": float(speed["numpy"])},
        ratio=fastest / float(speed["numpy"]),
        unit="seconds of result a second of computing, one thread",
        details={
            "x_realtime": speed,
            "n_clips": len(clips),
            "audio_s": audio_s["numpy"],
            "agreement_db": {"min": min(agreement), "median": float(np.median(agreement))},
        },
    )


if __name__ == "__main__":
    main()
