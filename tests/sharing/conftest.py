"""A small manifest of conversions with its audio, and how a set of them was made."""

import io

import numpy as np
import pyarrow as pa
import pytest
import soundfile

from emoforge.base.audio import encode_flac, pcm_sha256
from emoforge.dataset import manifest
from emoforge.sharing.provenance import describe

EMOTIONS = ("anger", "happiness", "sadness")
SPEAKERS = {
    "demo-F01": ("female", "train"),
    "demo-M01": ("male", "train"),
    "demo-F02": ("female", "val"),
    "demo-M02": ("male", "test"),
}

CONVERTER = {"corpora": ["demo"], "speakers": ["demo-F01", "demo-M01"], "licences": ["CC0-1.0"], "clips": 144}
PARAMS = {"seed": 3, "select": {"min_confidence": 0.25, "balance": "equal"}}
RESULTS = {
    "real": {"uar": 0.5, "uar_ci_low": 0.4, "uar_ci_high": 0.6, "wa": 0.51, "n_clips": 90, "n_speakers": 5},
    "synthetic": {"uar": 0.53, "uar_ci_low": 0.42, "uar_ci_high": 0.64, "wa": 0.52, "n_clips": 90, "n_speakers": 5},
    "gain": {"uar": 0.03, "ci_low": 0.01, "ci_high": 0.05, "p": 0.02},
}


def make_clips() -> dict[str, bytes]:
    """Return the FLAC bytes of 36 clips of noise, by clip_id."""
    rng = np.random.default_rng(0)
    n_clips = 3 * len(SPEAKERS) * len(EMOTIONS)
    signals = [rng.uniform(-0.1, 0.1, int(rng.integers(800, 2400))).astype(np.float32) for _ in range(n_clips)]
    return {manifest.make_clip_id("clip", index): encode_flac(signal, 16000) for index, signal in enumerate(signals)}


def make_table(clips: dict[str, bytes]) -> pa.Table:
    """Return 36 conversions: of each speaker and emotion, one is rejected by its confidence and two are kept."""
    rows = []
    for index, (clip_id, flac) in enumerate(clips.items()):
        speaker = list(SPEAKERS)[index // 9]
        emotion = EMOTIONS[index % 3]
        keep = index // 3 % 3 != 0
        signal, _ = soundfile.read(io.BytesIO(flac), dtype="float32")
        judged = [("anger", 0.6 + index / 999), ("sadness", 0.3), ("happiness", 0.1)][: 1 + index % 3]
        rows.append(
            {
                "clip_id": clip_id,
                "source_clip_id": manifest.make_clip_id("source", index // 3),
                "style_clip_id": manifest.make_clip_id("style", index) if index % 2 else None,
                "corpus": "demo",
                "speaker": speaker,
                "gender": SPEAKERS[speaker][0],
                "language": "en",
                "text": [None, "", 'Fünf | "sechs",\n  sieben.', "007"][index % 4],
                "emotion": emotion,
                "source_emotion": "neutral",
                "intensity": 1.0,
                "origin": "converted",
                "split": SPEAKERS[speaker][1],
                "enrolment": False,
                "sentence": "01" if index % 2 else None,
                "duration_s": len(signal) / 16000,
                "sampling_rate": 16000,
                "audio_sha256": pcm_sha256(signal, 16000),
                "licence": "CC0-1.0",
                "converter": "exemplar",
                "converter_sha256": "ab" * 32,
                "seed": manifest.seed_from("seed", index),
                "naturalness": 3.1 + index / 7,
                "f0_median_hz": float("nan") if index % 5 == 0 else 100 / 3,
                "emotion_confidence": 0.6 if index % 7 else None,
                "emotion_probabilities": judged if index % 7 else None,
                "keep": keep,
                "reject_reason": "" if keep else "min_confidence",
            }
        )
    return manifest.from_rows(rows)


@pytest.fixture(scope="session")
def clips() -> dict[str, bytes]:
    return make_clips()


@pytest.fixture(scope="session")
def table(clips: dict[str, bytes]) -> pa.Table:
    return make_table(clips)


@pytest.fixture(scope="session")
def provenance(table: pa.Table) -> dict:
    return describe(table, converter=CONVERTER, params=PARAMS, results=RESULTS)


def set_column(table: pa.Table, name: str, value: object) -> pa.Table:
    """Return *table* with the same *value* in every row of a column."""
    field = table.schema.field(name)
    return table.set_column(table.column_names.index(name), field, pa.array([value] * len(table), field.type))
