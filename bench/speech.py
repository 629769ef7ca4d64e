"""Real clips that benchmarks measure on."""

import os
from pathlib import Path

import numpy as np

from emoforge.base.audio import decode
from emoforge.convert.utterance import Utterance
from emoforge.corpora import registry
from emoforge.corpora.recording import Recording
from emoforge.prosody.analysis import analyse

#: Where the corpora lie: a folder for each, by its registry name.
CORPORA = Path(os.environ.get("EMOFORGE_CORPORA", Path(__file__).resolve().parents[2] / "shared" / "corpora"))


def utterances(corpus: str, n_clips: int, *, emotion: str | None = None) -> list[Utterance]:
    """Return clips spread evenly over *corpus*, of one emotion if given, without their sentences."""
    chosen = []
    for item in _spread(corpus, n_clips, emotion):
        signal, sampling_rate = decode(item.path)
        tracks = analyse(signal, sampling_rate)
        chosen.append(Utterance(item.stem, item.speaker, None, item.emotion, signal, sampling_rate, tracks))
    return chosen


def signals(corpus: str, n_clips: int, sampling_rate: int) -> list[np.ndarray]:
    """Return the signals of clips spread evenly over *corpus*, which is kept at *sampling_rate*."""
    found = [decode(item.path) for item in _spread(corpus, n_clips, None)]
    return [signal for signal, of_clip in found if of_clip == sampling_rate]


def _spread(corpus: str, n_clips: int, emotion: str | None) -> list[Recording]:
    items = sorted(registry.read(corpus, CORPORA / corpus), key=lambda item: item.stem)
    items = [item for item in items if emotion is None or item.emotion == emotion]
    return items[:: max(len(items) // n_clips, 1)][:n_clips]
