"""Does every export format give back what went in? Measured on real recordings.

Run ``python bench/formats.py``; it makes a published set of RAVDESS clips, writes it in every format, loads each with
the library it belongs to, compares clip by clip, and writes the entry ``format_round_trip_clips`` of
``bench/results.json``. The audio is real. Recordings have no scores, so scores are drawn at random, some of them
missing, to test fields of all kinds.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
import pyarrow as pa
from read_back import READERS, differences, expected
from record import record
from speech import CORPORA

from emoforge.base.audio import decode, encode_flac, pcm_sha256, resample
from emoforge.corpora import registry
from emoforge.dataset import manifest
from emoforge.sharing.export import export
from emoforge.sharing.formats.registry import FORMATS
from emoforge.sharing.provenance import describe
from emoforge.sharing.writer import write_set

CORPUS = "ravdess"
SAMPLING_RATE = 16000
SPLITS = ("train", "train", "train", "val", "test")


def published_clips(n_clips: int) -> tuple[pa.Table, dict[str, bytes]]:
    """Return the manifest and the FLAC bytes of clips spread evenly over the corpus."""
    items = sorted(registry.read(CORPUS, CORPORA / CORPUS), key=lambda item: item.stem)
    chosen = [items[index] for index in np.linspace(0, len(items) - 1, n_clips).round().astype(int)]
    emotions = sorted({item.emotion for item in chosen})
    split_of = {speaker: SPLITS[k % 5] for k, speaker in enumerate(sorted({item.speaker for item in chosen}))}
    licence = registry.info(CORPUS).licence
    rows, audio = [], {}
    for item in chosen:
        signal, rate = decode(item.path)
        signal = resample(signal, rate, SAMPLING_RATE)
        clip_id = manifest.make_clip_id(CORPUS, item.stem)
        audio[clip_id] = encode_flac(signal, SAMPLING_RATE)
        stored, _ = decode(audio[clip_id])
        row = {
            "clip_id": clip_id,
            "source_clip_id": manifest.make_clip_id("source", item.stem),
            "corpus": CORPUS,
            "speaker": f"{CORPUS}-{item.speaker}",
            "split": split_of[item.speaker],
            "origin": "converted",
            "enrolment": False,
            "duration_s": len(stored) / SAMPLING_RATE,
            "sampling_rate": SAMPLING_RATE,
            "audio_sha256": pcm_sha256(stored, SAMPLING_RATE),
            "licence": licence,
            "converter": "none",
            "seed": manifest.seed_from(item.stem),
            "keep": True,
            "reject_reason": "",
        }
        row |= {
            name: getattr(item, name) for name in ("gender", "language", "text", "emotion", "sentence", "intensity")
        }
        rows.append(row | scores(np.random.default_rng(row["seed"]), emotions, row["emotion"]))
    return manifest.from_rows(rows), audio


def scores(random: np.random.Generator, emotions: list[str], emotion: str) -> dict:
    """Return scores of all kinds, one in four missing."""
    distribution = dict(zip(emotions, random.dirichlet(np.ones(len(emotions))).tolist(), strict=True))
    drawn = {field.name: float(random.random()) for field in manifest.SCHEMA if field.type == pa.float32()}
    drawn |= {"emotion_confidence": distribution[emotion], "emotion_probabilities": list(distribution.items())}
    del drawn["intensity"]
    return {name: value for name, value in drawn.items() if random.random() > 0.25}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=500)
    arguments = parser.parse_args()
    table, audio = published_clips(arguments.clips)
    provenance = describe(table, converter={"corpora": [CORPUS], "licences": []}, params={}, results=None)
    wanted = expected(table, audio.__getitem__)
    details: dict[str, dict] = {}
    with tempfile.TemporaryDirectory() as scratch:
        dataset = Path(scratch) / "published"
        dataset.mkdir()
        write_set(table, audio.__getitem__, dataset, provenance=provenance)
        for name in FORMATS:
            out = Path(scratch) / name
            started = time.perf_counter()
            export(dataset, out, to=name, shard_size="5MB")
            written_s = time.perf_counter() - started
            size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
            details[name] = differences(wanted, READERS[name](out, manifest.SCHEMA))
            details[name] |= {"export_s": written_s, "megabytes": size / 1e6}
            print(name, details[name], flush=True)
    whole = {
        name: found["clips"] - found["missing_clips"] - found["differing_clips"] for name, found in details.items()
    }
    record(
        "format_round_trip_clips",
        ours=len(wanted),
        peers=whole,
        ratio=min(whole.values()) / len(wanted),
        unit="clips that come back with every sample and every field",
        details=details | {"fields": len(table.schema), "samples": sum(len(clip.samples) for clip in wanted.values())},
    )


if __name__ == "__main__":
    main()
