"""How far a conversion lies from the real performance: the same speaker saying the same words with the emotion itself.

Both clips are cut to their speech first (by the caller) and aligned by dynamic time warping, on the cepstra whose
distance is then reported. Nothing is normalised: a converter that misses the speaker's own pitch or level of emotion
shall show it.
"""

from dataclasses import dataclass

import numpy as np
import scipy.fft

from emoforge.base.errors import EmoforgeError
from emoforge.quality.content import align

# Cepstrum 0 is the level, which microphone distance changes as much as emotion does.
_FIRST_CEPSTRUM, _LAST_CEPSTRUM = 1, 24
# Fewer common voiced frames (0.1 s at a hop of 10 ms) say nothing about a melody.
_MIN_VOICED = 10


@dataclass(frozen=True)
class ParallelErrors:
    """Distances of a clip to a real performance; NaN where they cannot be measured.

    Attributes:
        mcd: mel-cepstral distortion in dB, over all cells of the alignment.
        f0_rmse_st: root mean square difference of F0 in semitones, over the cells that are voiced in both clips; the
            difference of the means is part of it.
        f0_correlation: Pearson's correlation of F0 in semitones over the same cells, -1 to 1.
        duration_error: ``|log2|`` of the ratio of the durations: 1 is twice or half as long.
    """

    mcd: float
    f0_rmse_st: float
    f0_correlation: float
    duration_error: float


def mel_cepstra(envelope_db: np.ndarray) -> np.ndarray:
    """Return cepstra 1 to 24 of a mel envelope, scaled so that the distance of two rows is a distortion in dB.

    With a log amplitude spectrum ``ln A = c0 + sum of c_m cos(m w)``, mel-cepstral distortion is
    ``10 / ln 10 · sqrt(2 · sum of squared differences of c_m)`` (Kubichek 1993, "Mel-cepstral distance measure for
    objective speech quality assessment"). Of an envelope in dB over N bands, evenly spaced on the mel scale, that is
    the Euclidean distance of its orthonormal DCT-II over ``sqrt(N)``: the root mean square difference in dB of the
    envelopes that these cepstra draw.

    Args:
        envelope_db: (n_frames, n_bands) power in dB, more than 24 bands.

    Returns:
        (n_frames, 24) float64.

    Raises:
        EmoforgeError: the envelope has too few bands.
    """
    envelope_db = np.asarray(envelope_db, dtype=np.float64)
    n_bands = envelope_db.shape[1]
    if n_bands <= _LAST_CEPSTRUM:
        raise EmoforgeError(f"an envelope of {n_bands} bands has no cepstrum {_LAST_CEPSTRUM}: use more bands")
    cepstra = scipy.fft.dct(envelope_db, axis=1, norm="ortho")
    return cepstra[:, _FIRST_CEPSTRUM : _LAST_CEPSTRUM + 1] / np.sqrt(n_bands)


def parallel_errors(
    envelope_db: np.ndarray,
    f0_hz: np.ndarray,
    reference_envelope_db: np.ndarray,
    reference_f0_hz: np.ndarray,
) -> ParallelErrors:
    """Compare a clip with the real performance.

    Args:
        envelope_db: (n_frames, n_bands) spectral envelope of the clip's speech, power in dB in mel bands.
        f0_hz: (n_frames,) its F0, NaN where unvoiced.
        reference_envelope_db: (n_reference_frames, n_bands) of the real performance, at the same hop.
        reference_f0_hz: (n_reference_frames,) of the real performance.

    Raises:
        EmoforgeError: a clip has no frame, or its arrays differ in length.
    """
    for name, envelope, f0 in (
        ("clip", envelope_db, f0_hz),
        ("reference", reference_envelope_db, reference_f0_hz),
    ):
        if not len(envelope) or len(envelope) != len(f0):
            raise EmoforgeError(f"the {name} has {len(envelope)} frames of envelope and {len(f0)} of F0: pass the same")
    cepstra, reference = mel_cepstra(envelope_db), mel_cepstra(reference_envelope_db)
    squares = (cepstra**2).sum(1)[:, None] + (reference**2).sum(1)[None] - 2 * cepstra @ reference.T
    distance = np.sqrt(np.maximum(squares, 0.0))
    rows, columns = align(distance)
    rmse, correlation = _f0_errors(np.asarray(f0_hz)[rows], np.asarray(reference_f0_hz)[columns])
    return ParallelErrors(
        mcd=float(distance[rows, columns].mean()),
        f0_rmse_st=rmse,
        f0_correlation=correlation,
        duration_error=float(abs(np.log2(len(cepstra) / len(reference)))),
    )


def _f0_errors(f0_hz: np.ndarray, reference_f0_hz: np.ndarray) -> tuple[float, float]:
    """Root mean square difference in semitones and correlation of two aligned contours, (n_cells,) each."""
    voiced = np.isfinite(f0_hz) & np.isfinite(reference_f0_hz)
    if voiced.sum() < _MIN_VOICED:
        return float("nan"), float("nan")
    st, reference_st = (12 * np.log2(f0[voiced].astype(np.float64)) for f0 in (f0_hz, reference_f0_hz))
    rmse = float(np.sqrt(np.mean((st - reference_st) ** 2)))
    if min(st.std(), reference_st.std()) < 1e-6:
        return rmse, float("nan")
    return rmse, float(np.corrcoef(st, reference_st)[0, 1])
