"""How fast does an encoder embed clips, many on two cores and one of 3 s on one core?

Clips of real corpora are embedded as the pipeline does it: every clip as long as it is, by itself, on one thread, in as
many processes as there are cores. Beside it, in the same processes and in turn, the same encoder with every clip padded
to 30 s, as Whisper itself reads them, and torchaudio's wav2vec 2.0 of the base size with weights drawn at random. Run
``python bench/encoder.py``; it prints a table and writes the entry ``encoder`` of ``bench/results.json``.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from record import record
from speech import signals

from emoforge.base.batch import available_workers, chunked, map_chunks, one_thread
from emoforge.project.encoders import load_encoder
from emoforge.project.encoders.catalogue import DEFAULT
from emoforge.project.encoders.kept import ENCODER_FILES, VERSION
from emoforge.ser.encoders.encoder import LONGEST, SAMPLING_RATE

UNIT = "seconds of speech a second of computing"
PADDED = "the same, padded to 30 s"
WAV2VEC2 = "wav2vec 2.0 base (torchaudio, random weights)"
#: Clips that the slower ones are measured on, a part of all.
SLOWER = {PADDED: 12, WAV2VEC2: 6}


def write_wav2vec2(folder: Path) -> None:
    """Write wav2vec 2.0 of the base size, its weights drawn at random, as a folder that emoforge loads."""
    from torchaudio.models import wav2vec2_model
    from torchaudio.pipelines import WAV2VEC2_BASE

    arguments = WAV2VEC2_BASE._params
    arrays = {name: value.numpy() for name, value in wav2vec2_model(**arguments).state_dict().items()}
    description = {"arguments": arguments, "standardise": False}
    ENCODER_FILES.write(folder, kind="wav2vec2", version=VERSION, description=description, arrays=arrays)


def embed(work: tuple[str, Sequence[np.ndarray]]) -> float:
    """Embed clips and return the processor time that it took."""
    source, clips = work
    encoder = load_encoder(source)
    started = time.process_time()
    encoder.embed(clips, SAMPLING_RATE)
    return time.process_time() - started


def padded(clips: Sequence[np.ndarray]) -> list[np.ndarray]:
    return [np.pad(clip, (0, max(0, LONGEST - len(clip)))) for clip in clips]


def audio_s(clips: Sequence[np.ndarray]) -> float:
    return sum(map(len, clips)) / SAMPLING_RATE


def best(task: Callable[[], object], passes: int) -> float:
    """Seconds of the fastest of *passes*, after a first one that loads weights."""
    seconds = []
    for _ in range(passes + 1):
        started = time.perf_counter()
        task()
        seconds.append(time.perf_counter() - started)
    return min(seconds[1:])


def measure(clips: list[np.ndarray], wav2vec2: str, *, workers: int, passes: int) -> dict[str, dict[str, float]]:
    """Times real time of every way, by the clock with *workers* processes and by one processor's time."""
    ways = {"ours": clips, **{name: clips[:: len(clips) // n][:n] for name, n in SLOWER.items()}}
    found = {}
    for name, own in ways.items():
        given = padded(own) if name == PADDED else own
        source = wav2vec2 if name == WAV2VEC2 else DEFAULT
        works = [(source, chunk) for chunk in chunked(given, 1 if name in SLOWER else 8)]
        processor: list[float] = []
        seconds = best(
            lambda works=works, to=processor: to.append(sum(map_chunks(embed, works, workers=workers))), passes
        )
        found[name] = {"clock": audio_s(own) / seconds, "one core": audio_s(own) / min(processor[1:])}
    return found


def one_clip(clip: np.ndarray, passes: int) -> dict[str, float]:
    """Milliseconds of one clip on one core, log-mel and pooling included."""
    encoder = load_encoder(DEFAULT)
    with one_thread():
        clock = best(lambda: encoder.embed([clip], SAMPLING_RATE), 10 * passes)
        started = time.process_time()
        for _ in range(10):
            encoder.embed([clip], SAMPLING_RATE)
        return {"clock": 1000 * clock, "processor": 100 * (time.process_time() - started)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=60, help="clips of each corpus")
    parser.add_argument("--corpora", nargs="+", default=["ravdess", "nemo"])
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--passes", type=int, default=3, help="times that each is measured; the best counts")
    arguments = parser.parse_args()

    clips = [clip for corpus in arguments.corpora for clip in signals(corpus, arguments.clips, SAMPLING_RATE)]
    workers = available_workers(arguments.workers)
    with tempfile.TemporaryDirectory() as folder:
        write_wav2vec2(Path(folder))
        speed = measure(clips, folder, workers=workers, passes=arguments.passes)
    for name, value in speed.items():
        print(f"{workers} processes: {name:45} {value['clock']:7.1f} x real time; {value['one core']:6.1f} on one core")
    alone = one_clip(np.resize(np.concatenate(clips), 3 * SAMPLING_RATE), arguments.passes)
    print("one clip of 3 s on one core, ms:", {name: round(value, 1) for name, value in alone.items()})
    record(
        "encoder",
        ours=speed["ours"]["clock"],
        peers={name: speed[name]["clock"] for name in SLOWER},
        ratio=speed["ours"]["clock"] / speed[PADDED]["clock"],
        unit=UNIT,
        details={
            "encoder": DEFAULT,
            "n_clips": len(clips),
            "audio_s": audio_s(clips),
            "processes": workers,
            "by_processor_time_on_one_core": {name: value["one core"] for name, value in speed.items()},
            "one_clip_of_3_s_ms": alone,
        },
    )


if __name__ == "__main__":
    main()
