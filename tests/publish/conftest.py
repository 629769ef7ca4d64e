"""A small manifest of conversions with its audio."""

import numpy as np
import pyarrow as pa
import pytest

from emoforge import manifest
from emoforge.audio import encode_flac

EMOTIONS = ("anger", "happiness", "sadness")
SPEAKERS = {"demo-F01": ("female", "train"), "demo-M01": ("male", "train"), "demo-F02": ("female", "val")}


@pytest.fixture(scope="session")
def clips() -> dict[str, bytes]:
    rng = np.random.default_rng(0)
    n_clips = 3 * len(SPEAKERS) * len(EMOTIONS)
    signals = [rng.uniform(-0.1, 0.1, int(rng.integers(800, 2400))).astype(np.float32) for _ in range(n_clips)]
    return {manifest.make_clip_id("clip", index): encode_flac(signal, 16000) for index, signal in enumerate(signals)}


@pytest.fixture(scope="session")
def table(clips: dict[str, bytes]) -> pa.Table:
    """27 conversions: of each speaker and emotion, one is rejected by its confidence and two are kept."""
    rows = []
    for index, clip_id in enumerate(clips):
        speaker = list(SPEAKERS)[index // 9]
        emotion = EMOTIONS[index % 3]
        keep = index // 3 % 3 != 0
        rows.append(
            {
                "clip_id": clip_id,
                "source_clip_id": manifest.make_clip_id("source", index // 3),
                "corpus": "demo",
                "speaker": speaker,
                "gender": SPEAKERS[speaker][0],
                "language": "en",
                "text": "Fünf | sechs.",
                "emotion": emotion,
                "source_emotion": "neutral",
                "intensity": 1.0,
                "origin": "converted",
                "split": SPEAKERS[speaker][1],
                "enrolment": False,
                "duration_s": 0.1 * (index + 1),
                "sampling_rate": 16000,
                "audio_sha256": "0" * 64,
                "licence": "CC0-1.0",
                "converter": "exemplar",
                "converter_sha256": "ab" * 32,
                "seed": manifest.seed_from("seed", index),
                "naturalness": 3.1,
                "emotion_confidence": 0.6,
                "emotion_probabilities": [("anger", 0.6), ("sadness", 0.3), ("happiness", 0.1)],
                "keep": keep,
                "reject_reason": "" if keep else "min_confidence",
            }
        )
    return manifest.from_rows(rows)
