"""What one process does for the classical augmentation of a study: augment some recorded clips."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emoforge.base.audio import pcm_sha256
from emoforge.dataset import manifest
from emoforge.dataset.clips import open_clips
from emoforge.experiments.cache import Part
from emoforge.prosody.analysis import describe
from emoforge.ser.augment import augment


@dataclass(frozen=True)
class AugmentationJob:
    """A part of the augmented clips.

    Attributes:
        part: where they are kept.
        store: folder with the audio of the recorded clips.
        clip_ids: of the recorded clips.
        variants: augmented copies of each.
        kinds: of augmentation, to draw from.
        seed: of the draws.
        analysis: keywords of :func:`emoforge.prosody.analysis.describe`.
        audio: whether the audio is kept.
    """

    part: Part
    store: Path
    clip_ids: tuple[str, ...]
    variants: int
    kinds: tuple[str, ...]
    seed: int
    analysis: Mapping[str, float]
    audio: bool


def augment_and_keep(job: AugmentationJob) -> None:
    """Augment some clips and keep one row per copy, with its functionals."""
    recorded = open_clips(job.store)
    rows, clips = [], []
    for source in job.clip_ids:
        signal, sampling_rate = recorded.read(source)
        for variant in range(job.variants):
            draw = manifest.seed_from(job.seed, "augmented", source, variant)
            augmented, kind = augment(signal, sampling_rate, kinds=job.kinds, seed=draw)
            clip_id = manifest.make_clip_id("augmented", source, variant, draw)
            features = describe(augmented, sampling_rate, **job.analysis)[1]
            rows.append(
                {
                    "clip_id": clip_id,
                    "source_clip_id": source,
                    "kind": kind,
                    "reason": "",
                    "audio_sha256": pcm_sha256(augmented, sampling_rate),
                    "functionals": np.asarray(features, dtype=np.float32).tolist(),
                }
            )
            clips.append((clip_id, augmented))
    job.part.write(rows, clips=clips if job.audio else None, sampling_rate=sampling_rate)
