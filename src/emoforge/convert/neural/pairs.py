"""The network's inputs and targets: utterances and pairs of utterances as arrays of frames.

The network works on frames of 20 ms, two of the tracks' frames each. Its input is made of the source's tracks alone;
its target is a :class:`~emoforge.convert.style.Style` in fewer numbers.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.fft
from scipy.ndimage import gaussian_filter1d

from emoforge.base.errors import ModelError
from emoforge.convert.alignment import align, alignment_features, speech_span
from emoforge.convert.exemplars import semitones, smooth_contour_st
from emoforge.convert.statistics import activity
from emoforge.convert.style import Style
from emoforge.convert.utterance import Utterance, neutral_and_emotional
from emoforge.prosody.tracks import Tracks

#: Frames of the tracks that one frame of the network stands for.
POOL = 2
#: Number of cepstra of the envelope in the input, and of the envelope difference in the target.
N_CEPSTRA = 32
#: Columns of the target: F0 in semitones re the source's mean, log2 stretch, cepstra of the envelope difference.
F0, STRETCH, ENVELOPE = 0, 1, slice(2, 2 + N_CEPSTRA)
N_TARGETS = 2 + N_CEPSTRA
N_FEATURES = N_CEPSTRA + 7
N_STATISTICS = N_CEPSTRA + 4

#: Largest changes that a performance may ask for: of F0 in semitones, of duration as a binary logarithm.
F0_LIMIT_ST = 24.0
MAX_STRETCH_LOG2 = 1.0

#: Column of the features that says whether a frame is voiced.
VOICED = N_CEPSTRA + 1
#: Columns of the statistics that tell voices apart and change little with emotion: the finer cepstra.
VOICE = slice(6, N_CEPSTRA)
# Columns of the statistics.
_PITCH, _SPREAD = N_CEPSTRA, N_CEPSTRA + 1
_REFERENCE_ST = 12.0 * np.log2(100.0)
# Faster changes of the envelope difference are what alignment gets wrong, and are heard as roughness.
_ENVELOPE_SMOOTHING = 2.0


@dataclass(frozen=True)
class Source:
    """One utterance as the network reads it.

    Attributes:
        features: (n_frames, N_FEATURES) float32: cepstra of the envelope without their mean over the utterance, level
            re the loud frames, voicing, F0 contour re its mean in semitones, aperiodicity, place in the utterance,
            seconds since its beginning and to its end.
        statistics: (N_STATISTICS,) float32: mean cepstra, mean F0 and its spread in semitones, duration, level.
    """

    features: np.ndarray
    statistics: np.ndarray


@dataclass(frozen=True)
class Example:
    """One training example: a source, an emotion, and the performance to learn.

    Attributes:
        speaker: of the utterances.
        emotion: target emotion.
        source: the network's input.
        targets: (n_frames, N_TARGETS) float32.
        weights: (n_frames, N_TARGETS) float32 from 0 (unknown or inaudible) to 1.
        typicality: how typical of its emotion, 0 to 1; see :mod:`emoforge.convert.neural.typicality`.
    """

    speaker: str
    emotion: str
    source: Source
    targets: np.ndarray
    weights: np.ndarray
    typicality: float = 0.5


def examples(utterances: Sequence[Utterance], *, readings: int = 2) -> list[Example]:
    """Return the examples that *utterances* of training speakers give, in the order of clip_id.

    An emotional utterance is paired with neutral readings of the same sentence by the same speaker. Where there is
    none, a reading of other words takes its place, and what is learnt is the change as a whole: mean and range of F0,
    level and mean envelope, against the speaker's neutral mean.

    Args:
        utterances: neutral and emotional.
        readings: neutral readings that an utterance is paired with, at most.

    Raises:
        ModelError: there is no neutral or no emotional utterance.
    """
    neutral, emotional = neutral_and_emotional(utterances)
    sources = {utterance.clip_id: read(utterance.tracks) for utterance in neutral}
    by_sentence: defaultdict[tuple[str, str | None], list[Utterance]] = defaultdict(list)
    by_speaker: defaultdict[str, list[Utterance]] = defaultdict(list)
    for utterance in neutral:
        if utterance.sentence is not None:
            by_sentence[utterance.speaker, utterance.sentence].append(utterance)
        by_speaker[utterance.speaker].append(utterance)
    found: list[Example] = []
    taken: defaultdict[object, int] = defaultdict(int)
    for utterance in emotional:
        key = utterance.speaker, utterance.sentence
        parallel = by_sentence.get(key, [])
        for _ in range(min(readings, len(parallel))):
            # Readings are used in turn, so that each is used although not every pair is made.
            reading = parallel[taken[*key, utterance.emotion] % len(parallel)]
            taken[*key, utterance.emotion] += 1
            found.append(_paired(utterance, reading, sources[reading.clip_id]))
        own = by_speaker.get(utterance.speaker, [])
        if not parallel and own:
            neutral_reading = own[taken[utterance.speaker] % len(own)]
            taken[utterance.speaker] += 1
            of_speaker = [sources[other.clip_id] for other in own]
            found.append(_unpaired(utterance, neutral_reading, of_speaker, sources[neutral_reading.clip_id]))
    if not found:
        raise ModelError("no speaker has both neutral and emotional utterances; choose a corpus where speakers have")
    return found


def read(tracks: Tracks) -> Source:
    """Return what the network reads of an utterance with *tracks*."""
    cepstra = _cepstra(tracks.envelope_db)
    level_db = tracks.energy_db - np.percentile(tracks.energy_db, 95)
    speech = activity(tracks)
    mean = (speech @ cepstra) / max(speech.sum(), 1e-3)
    contour_st, mean_st = contour(tracks)
    seconds = np.arange(tracks.n_frames) * tracks.hop_s
    span = speech_span(tracks.energy_db)
    start_s, stop_s = span.start * tracks.hop_s, span.stop * tracks.hop_s
    columns = [
        cepstra - mean,
        np.clip(level_db, -60, 6) / 10,
        tracks.voiced,
        np.clip(contour_st - mean_st, -12, 12) / 4,
        tracks.aperiodicity_db.mean(axis=1) / 20,
        np.clip((seconds - start_s) / max(stop_s - start_s, 0.1), -0.2, 1.2),
        np.clip(seconds - start_s, -1, 2),
        np.clip(stop_s - seconds, -1, 2),
    ]
    spread_st = contour_st[tracks.voiced].std() if tracks.voiced.any() else 0.0
    statistics = [mean, (mean_st - _REFERENCE_ST) / 6, spread_st / 3, np.log2(max(stop_s - start_s, 0.1)), mean[0] / 50]
    return Source(
        _pooled(np.column_stack(columns)).astype(np.float32),
        np.hstack(statistics).astype(np.float32),
    )


def style_of(targets: np.ndarray, tracks: Tracks) -> Style:
    """Return what *targets* (n_frames, N_TARGETS) ask of an utterance with *tracks*, on its frames."""
    n_frames, n_bands = tracks.envelope_db.shape
    at = (np.arange(n_frames) - (POOL - 1) / 2) / POOL
    frames = np.arange(len(targets))
    said = np.stack([np.interp(at, frames, column) for column in targets.T], axis=1)
    contour_st, mean_st = contour(tracks)
    coefficients = np.zeros((n_frames, n_bands))
    coefficients[:, :N_CEPSTRA] = said[:, ENVELOPE]
    return Style(
        f0_difference_st=np.clip(said[:, F0] - (contour_st - mean_st), -F0_LIMIT_ST, F0_LIMIT_ST),
        stretch_log2=np.clip(said[:, STRETCH], -MAX_STRETCH_LOG2, MAX_STRETCH_LOG2),
        envelope_difference_db=scipy.fft.idct(coefficients, axis=1, norm="ortho") * activity(tracks)[:, None],
    )


def _paired(emotional: Utterance, neutral: Utterance, source: Source) -> Example:
    tracks, other = neutral.tracks, emotional.tracks
    span, other_span = speech_span(tracks.energy_db), speech_span(other.energy_db)
    position = align(alignment_features(tracks.envelope_db[span]), alignment_features(other.envelope_db[other_span]))
    frame = np.rint(position).astype(int)
    rate = gaussian_filter1d(np.gradient(position), 4.0, mode="nearest") if len(position) > 1 else np.ones(1)
    difference = _cepstra(other.envelope_db[other_span][frame] - tracks.envelope_db[span])
    contour_st = smooth_contour_st(other.f0_hz[other_span])[frame] - contour(tracks)[1]
    voiced = np.maximum(tracks.voiced[span], other.voiced[other_span][frame])
    audible = np.maximum(activity(tracks)[span], activity(other)[other_span][frame])

    targets = np.zeros((tracks.n_frames, N_TARGETS))
    weights = np.zeros((tracks.n_frames, N_TARGETS))
    targets[span, F0] = contour_st
    targets[span, STRETCH] = np.clip(np.log2(np.maximum(rate, 1e-3)), -MAX_STRETCH_LOG2, MAX_STRETCH_LOG2)
    targets[span, ENVELOPE] = gaussian_filter1d(difference, _ENVELOPE_SMOOTHING, axis=0, mode="nearest")
    weights[span, F0] = 0.1 + 0.9 * voiced
    weights[span, STRETCH] = 1.0
    weights[span, ENVELOPE] = audible[:, None]
    return _example(emotional, source, targets, weights)


def _unpaired(emotional: Utterance, neutral: Utterance, sources: Sequence[Source], reading: Source) -> Example:
    """A neutral reading of other words, changed as a whole by what tells the utterance from the speaker's neutral mean.

    Without a reading of the same words, changes within the utterance cannot be learnt; and the emotional utterance
    cannot be its own source, which would give its emotion away.
    """
    tracks, own = neutral.tracks, read(emotional.tracks)
    mean = np.mean([source.statistics for source in sources], axis=0)
    contour_st, mean_st = contour(tracks)
    spread_st = max(float(reading.statistics[_SPREAD]), 1e-3)
    ratio = np.clip(own.statistics[_SPREAD] / spread_st, 0.4, 2.5)
    targets = np.zeros((tracks.n_frames, N_TARGETS))
    weights = np.zeros((tracks.n_frames, N_TARGETS))
    targets[:] = manner_between(mean, own.statistics)
    targets[:, F0] += ratio * (contour_st - mean_st)
    weights[:, F0] = 0.1 + 0.9 * tracks.voiced
    weights[:, ENVELOPE] = activity(tracks)[:, None]
    return _example(emotional, reading, targets, weights)


def manner_between(neutral: np.ndarray, emotional: np.ndarray) -> np.ndarray:
    """Return (N_TARGETS,) what changes between the statistics of neutral and of emotional speech; stretch is 0."""
    manner = np.zeros(N_TARGETS)
    manner[F0] = (emotional[_PITCH] - neutral[_PITCH]) * 6
    manner[ENVELOPE] = emotional[:N_CEPSTRA] - neutral[:N_CEPSTRA]
    return manner


def _example(utterance: Utterance, source: Source, targets: np.ndarray, weights: np.ndarray) -> Example:
    pooled, mass = _pooled(targets * weights), _pooled(weights)
    return Example(
        utterance.speaker,
        utterance.emotion,
        source,
        (pooled / np.maximum(mass, 1e-6)).astype(np.float32),
        mass.astype(np.float32),
    )


def contour(tracks: Tracks) -> tuple[np.ndarray, float]:
    """Return F0 without gaps in semitones re 1 Hz, (n_frames,), and its mean where voiced."""
    contour_st = smooth_contour_st(tracks.f0_hz)
    voiced_st = semitones(tracks.f0_hz[tracks.voiced]) if tracks.voiced.any() else contour_st
    return contour_st, float(voiced_st.mean())


def _cepstra(envelope_db: np.ndarray) -> np.ndarray:
    return scipy.fft.dct(envelope_db, axis=1, norm="ortho")[:, :N_CEPSTRA].astype(np.float64)


def _pooled(frames: np.ndarray) -> np.ndarray:
    """Means of POOL frames: (n, ...) → (ceil(n / POOL), ...)."""
    rest = -len(frames) % POOL
    frames = np.concatenate([frames, np.repeat(frames[-1:], rest, axis=0)])
    return frames.reshape(-1, POOL, *frames.shape[1:]).mean(axis=1)
