"""Conversions to listen to, beside their sources."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from emoforge.base.audio import write_blocks
from emoforge.dataset import manifest
from emoforge.dataset.clips import ClipStore
from emoforge.dataset.labels import NEUTRAL
from emoforge.experiments.cache import Entry
from emoforge.experiments.conversion.design import Condition, Design


def write_samples(
    design: Design,
    conversions: Mapping[Condition, Entry],
    measured: Mapping[Condition, Sequence[dict]],
    *,
    n_clips: int,
    folder: Path,
) -> None:
    """Write *n_clips* drawn emotional conversions of each corpus by every system, and their sources, as 16-bit WAV.

    Args:
        design: of the evaluation.
        conversions: condition → entry with the clips.
        measured: condition → rows of the conversions.
        n_clips: per corpus, by converters that learnt from the first corpus of its `trained_on`.
        folder: gets one folder per corpus.
    """
    for corpus in design.rotations:
        first = design.trained_on(corpus)[0]
        own = [c for c in conversions if c.corpus == corpus and c.trained_on == first]
        own_rows = (row for condition in own if condition.system == own[0].system for row in measured[condition])
        rows = [row for row in own_rows if row["emotion"] != NEUTRAL]
        rows.sort(key=lambda row: manifest.seed_from(design.protocol.seed, "sample", row["clip_id"]))
        recorded = ClipStore(design.corpora[corpus].layout.stage("ingest") / "clips")
        stores = {condition: ClipStore(conversions[condition].folder) for condition in own}
        (folder / corpus).mkdir(parents=True, exist_ok=True)
        for number, row in enumerate(rows[:n_clips]):
            stem = f"{number:03d}-{row['speaker']}-{row['emotion']}"
            _write_wav(folder / corpus / f"{stem}-source.wav", *recorded.read(row["source_clip_id"]))
            for condition, store in stores.items():
                if row["clip_id"] in store:
                    _write_wav(folder / corpus / f"{stem}-{condition.system.name}.wav", *store.read(row["clip_id"]))


def _write_wav(path: Path, signal: np.ndarray, sampling_rate: int) -> None:
    write_blocks(path, [signal[:, None]], sampling_rate, n_channels=1, extension=".wav", encoding="PCM_16")
