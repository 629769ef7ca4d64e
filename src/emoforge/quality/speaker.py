"""Whose voice a clip carries: speaker embeddings and their cosine.

The encoder is Resemblyzer's (:mod:`emoforge.quality.voice`), an LSTM trained for speaker verification with the loss of
Wan, Wang, Papir, Lopez Moreno, "Generalized end-to-end loss for speaker verification", ICASSP 2018.

What happens to a clip first: its level is set to −30 dBFS, then pauses are cut out with a voice activity detector, so
neither level nor silence counts as voice. The rest is cut into pieces of 1.6 s that overlap by about half, and the
embeddings of the pieces are averaged. Resemblyzer itself raises quiet clips and leaves loud ones as they are; but the
encoder hears level, and conversion changes it. Under random gains of −15 to 5 dB, the embedding of a nEMO clip has a
cosine of .96 with that of the unchanged clip (mean; .86 at worst) by Resemblyzer's rule, and of 1.00 by ours. Area
under the ROC curve for telling whether two clips share a speaker, first without and then with random gains: nEMO (5
speakers, all emotions) .954 and .937 by Resemblyzer's rule, .941 and .941 by ours; RAVDESS (12 speakers) .849 and .849
by Resemblyzer's rule, .846 and .846 by ours.

For clips at −30 dBFS, embeddings differ from those of Resemblyzer's own embed_utterance by less than 1e-6. Batching
pieces over clips takes 10 ms per clip of 3 s on one core instead of 23 ms, and the preprocessing 6 ms.
"""

from collections.abc import Sequence

import numpy as np

from emoforge.base.batch import one_thread
from emoforge.base.errors import EmoforgeError
from emoforge.quality.voice import N_DIMENSIONS, SAMPLING_RATE, load_network, pieces, trim_pauses

# Pieces of all clips pass the network in batches of exactly this size, filled up with zeros: with the size fixed, a
# piece's embedding is the same to the last bit whatever shares its batch. Half the time of a clip by itself.
_BATCH = 8
# The level that Resemblyzer raises quiet clips to, so most of what it was trained on lay there or above.
_LEVEL_DBFS = -30.0
# Below this there is nothing to tell a voice by (a tenth of one quantisation step of 16-bit audio).
_SILENT = 3e-6


class SpeakerEncoder:
    """Embeds clips with the network of Resemblyzer, on the CPU and one thread."""

    def __init__(self) -> None:
        self._network = load_network()

    def embed(self, signals: Sequence[np.ndarray], sampling_rate: int) -> np.ndarray:
        """Return the speaker embedding of every clip.

        Args:
            signals: clips, each (n_samples,) in [-1, 1].
            sampling_rate: 16000 Hz, the only rate that the encoder knows.

        Returns:
            (n, 256) float32, no element negative, each row of unit length. A clip that is empty, silent or not finite
            gets NaN. A clip in which the detector finds no voice is embedded whole. A clip's row does not depend on
            the other clips.

        Raises:
            EmoforgeError: another sampling rate.
        """
        if sampling_rate != SAMPLING_RATE:
            raise EmoforgeError(
                f"the speaker encoder takes clips at {SAMPLING_RATE} Hz, not {sampling_rate}; resample them first"
            )
        embeddings = np.full((len(signals), N_DIMENSIONS), np.nan, dtype=np.float32)
        usable = [row for row, signal in enumerate(signals) if _has_sound(signal)]
        if not usable:
            return embeddings
        pieces = [self._pieces(signals[row]) for row in usable]
        embedded = self._embed_pieces(np.concatenate(pieces))
        ends = np.cumsum([len(of_clip) for of_clip in pieces])
        for row, of_clip in zip(usable, np.split(embedded, ends[:-1]), strict=True):
            mean = of_clip.mean(axis=0)
            embeddings[row] = mean / np.linalg.norm(mean)
        return embeddings

    def _pieces(self, signal: np.ndarray) -> np.ndarray:
        """Mel spectrograms of a clip's pieces, (n_pieces, 160, 40) float32."""
        signal = np.asarray(signal, dtype=np.float32)
        level = 20 * np.log10(np.sqrt(np.mean(signal.astype(np.float64) ** 2)))
        signal = signal * np.float32(10 ** ((_LEVEL_DBFS - level) / 20))
        # The detector reads 16-bit samples, and a raised peak must not wrap around.
        signal = np.clip(signal, -1.0, 1.0)
        speech = trim_pauses(signal)
        return pieces(speech if len(speech) else signal)

    def _embed_pieces(self, pieces: np.ndarray) -> np.ndarray:
        """(n, 160, 40) -> (n, 256), each row of unit length."""
        import torch

        n_pieces = len(pieces)
        filled = np.zeros((-(-n_pieces // _BATCH) * _BATCH, *pieces.shape[1:]), dtype=np.float32)
        filled[:n_pieces] = pieces
        with torch.inference_mode(), one_thread():
            batches = [self._network(batch) for batch in torch.from_numpy(filled).split(_BATCH)]
        return torch.cat(batches).numpy()[:n_pieces]


def similarity(embeddings: np.ndarray, reference_embeddings: np.ndarray) -> np.ndarray:
    """Return the cosine between each embedding and the reference in the same row.

    Args:
        embeddings: (n, 256), of any length but zero.
        reference_embeddings: (n, 256), or (256,) for one reference for all; a mean of embeddings need not be of unit
            length.

    Returns:
        (n,) float32 in [-1, 1]; NaN where either is NaN.
    """
    embeddings = np.asarray(embeddings, dtype=np.float64)
    reference = np.asarray(reference_embeddings, dtype=np.float64)
    norms = np.linalg.norm(embeddings, axis=-1) * np.linalg.norm(reference, axis=-1)
    cosine = np.sum(embeddings * reference, axis=-1) / np.where(norms > 0, norms, np.nan)
    return np.clip(cosine, -1.0, 1.0).astype(np.float32)


def _has_sound(signal: np.ndarray) -> bool:
    return len(signal) > 0 and bool(np.isfinite(signal).all()) and float(np.max(np.abs(signal))) > _SILENT
