"""Exemplars: how one training clip differs from its speaker's neutral speech."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
import scipy.fft
from scipy.ndimage import gaussian_filter1d

from emoforge.convert.alignment import align, alignment_features, speech_span
from emoforge.convert.rendering.marks import filled_f0
from emoforge.convert.utterance import Utterance, neutral_and_emotional
from emoforge.prosody.tracks import Tracks

#: Cepstra that an envelope difference is coded to: coarse enough to leave single harmonics out.
N_ENVELOPE_COEFFICIENTS = 24

_MAX_STRETCH_LOG2 = 1.0


@dataclass(frozen=True)
class Summary:
    """A few numbers that summarise the speech of one utterance, or the means of several.

    Attributes:
        f0_st: mean F0 in semitones re 1 Hz, NaN without voiced frames.
        f0_range_st: standard deviation of F0 in semitones.
        f0_slope_st: change of F0 over the utterance by linear regression, in semitones.
        duration_s: length of the speech in seconds.
        envelope_db: (n_bands,) mean envelope in dB.
    """

    f0_st: float
    f0_range_st: float
    f0_slope_st: float
    duration_s: float
    envelope_db: np.ndarray


@dataclass(frozen=True)
class Frames:
    """The neutral frames of a parallel pair, each with what the emotional clip does there.

    Attributes:
        features: (n_frames, n_features) float16, alignment features of the neutral clip.
        f0_st: (n_frames,) float16, F0 of the emotional clip in semitones re the neutral clip's mean.
        stretch_log2: (n_frames,) float16, local duration ratio, emotional to neutral.
        envelope: (n_frames, N_ENVELOPE_COEFFICIENTS) float16, cepstra of the envelope difference in dB.
    """

    features: np.ndarray
    f0_st: np.ndarray
    stretch_log2: np.ndarray
    envelope: np.ndarray


@dataclass(frozen=True)
class Exemplar:
    """One emotional training clip against its speaker's neutral speech.

    Attributes:
        clip_id, speaker, gender, sentence, emotion: of the emotional clip.
        f0_shift_st: change of mean F0 in semitones.
        f0_range_ratio: ratio of the standard deviations of F0.
        f0_slope_st: change of the slope of F0 over the utterance, in semitones.
        stretch_log2: binary logarithm of the ratio of durations, 0 where the sentences differ.
        envelope_difference_db: (n_bands,) float32, change of the mean envelope in dB.
        frames: frame by frame, where a neutral clip of the same sentence exists and frames were asked for.
    """

    clip_id: str
    speaker: str
    gender: str
    sentence: str | None
    emotion: str
    f0_shift_st: float
    f0_range_ratio: float
    f0_slope_st: float
    stretch_log2: float
    envelope_difference_db: np.ndarray
    frames: Frames | None = None


def collect(utterances: Sequence[Utterance], *, with_frames: bool) -> list[Exemplar]:
    """Return one exemplar for every emotional utterance, sorted by clip_id.

    Its reference is a neutral clip of the same speaker and sentence; where there is none, the mean of the speaker's
    neutral clips; where the speaker has none, the mean of all neutral clips of the same gender, then of everybody.

    Raises:
        ModelError: there is no neutral or no emotional utterance.
    """
    neutral, emotional = neutral_and_emotional(utterances)
    by_sentence: defaultdict[tuple[str, str | None], list[Utterance]] = defaultdict(list)
    by_speaker, by_gender = defaultdict(list), defaultdict(list)
    summaries = {utterance.clip_id: summarise(utterance.tracks) for utterance in (*neutral, *emotional)}
    for utterance in neutral:
        if utterance.sentence is not None:
            by_sentence[utterance.speaker, utterance.sentence].append(utterance)
        by_speaker[utterance.speaker].append(summaries[utterance.clip_id])
        by_gender[utterance.gender].append(summaries[utterance.clip_id])
    everybody = [summaries[utterance.clip_id] for utterance in neutral]
    taken: dict[tuple, int] = defaultdict(int)
    exemplars = []
    for utterance in emotional:
        key = utterance.speaker, utterance.sentence
        parallel = by_sentence.get(key)
        summary = summaries[utterance.clip_id]
        if parallel:
            # Several neutral readings of a sentence are used in turn.
            reference = parallel[taken[*key, utterance.emotion] % len(parallel)]
            taken[*key, utterance.emotion] += 1
            base = summaries[reference.clip_id]
            stretch = np.log2(summary.duration_s / base.duration_s)
            frames = _frames(reference.tracks, utterance.tracks) if with_frames else None
        else:
            base = _mean(by_speaker.get(utterance.speaker) or by_gender.get(utterance.gender) or everybody)
            stretch, frames = 0.0, None
        exemplars.append(_exemplar(utterance, summary, base, float(stretch), frames))
    return exemplars


class Spoken(Protocol):
    """A clip of which it is known who says what, and how."""

    @property
    def speaker(self) -> str: ...
    @property
    def gender(self) -> str: ...
    @property
    def sentence(self) -> str | None: ...
    @property
    def emotion(self) -> str: ...


AnyClip = TypeVar("AnyClip", bound=Spoken)


def choose(exemplars: Iterable[AnyClip], source: Spoken, emotion: str, *, seed: int) -> AnyClip:
    """Return the exemplar of *emotion* that *seed* draws for *source*: a speaker first, then one of their clips.

    Candidates are narrowed down to other speakers than the source's, then to the same sentence, then to the same
    gender, each only where something remains: a speaker's own emotional clips are used if nothing else exists.
    """
    candidates = [exemplar for exemplar in exemplars if exemplar.emotion == emotion]
    for suits in (
        lambda exemplar: exemplar.speaker != source.speaker,
        lambda exemplar: source.sentence is not None and exemplar.sentence == source.sentence,
        lambda exemplar: exemplar.gender == source.gender,
    ):
        candidates = [exemplar for exemplar in candidates if suits(exemplar)] or candidates
    rng = np.random.default_rng(seed)
    speakers = sorted({exemplar.speaker for exemplar in candidates})
    speaker = speakers[rng.integers(len(speakers))]
    clips = [exemplar for exemplar in candidates if exemplar.speaker == speaker]
    return clips[rng.integers(len(clips))]


def semitones(f0_hz: np.ndarray) -> np.ndarray:
    """F0 in semitones re 1 Hz."""
    return 12.0 * np.log2(f0_hz)


def summarise(tracks: Tracks) -> Summary:
    """Return the summary of one utterance over its speech span."""
    span = speech_span(tracks.energy_db)
    f0_hz = tracks.f0_hz[span]
    voiced = np.flatnonzero(np.isfinite(f0_hz))
    duration_s = (span.stop - span.start) * tracks.hop_s
    loud = tracks.energy_db[span] >= np.percentile(tracks.energy_db, 95) - 30.0
    envelope_db = tracks.envelope_db[span][loud].mean(axis=0)
    if len(voiced) < 5:
        return Summary(np.nan, np.nan, np.nan, duration_s, envelope_db)
    st = semitones(f0_hz[voiced].astype(np.float64))
    # Octave errors of the tracker would otherwise widen the range.
    likely = np.abs(st - np.median(st)) < 9.0
    st, voiced = st[likely], voiced[likely]
    position = voiced / max(len(f0_hz) - 1, 1)
    slope = np.polyfit(position, st, 1)[0] if np.ptp(position) > 0.2 else 0.0
    return Summary(float(st.mean()), float(st.std()), float(slope), duration_s, envelope_db)


def envelope_from_coefficients(coefficients: np.ndarray, n_bands: int) -> np.ndarray:
    """Return (n_frames, n_bands) envelope differences in dB from their cepstra."""
    return scipy.fft.idct(coefficients.astype(np.float32), n=n_bands, axis=1, norm="ortho")


def _frames(neutral: Tracks, emotional: Tracks) -> Frames:
    span, other = speech_span(neutral.energy_db), speech_span(emotional.energy_db)
    features = alignment_features(neutral.envelope_db[span])
    position = align(features, alignment_features(emotional.envelope_db[other]))
    frame = np.rint(position).astype(int)
    rate = np.gradient(position) if len(position) > 1 else np.ones(1)
    rate = gaussian_filter1d(rate, 5.0, mode="nearest")
    difference = emotional.envelope_db[other][frame] - neutral.envelope_db[span]
    coefficients = scipy.fft.dct(difference, axis=1, norm="ortho")[:, :N_ENVELOPE_COEFFICIENTS]
    reference_st = _mean_st(neutral.f0_hz[span])
    return Frames(
        features=features.astype(np.float16),
        f0_st=(smooth_contour_st(emotional.f0_hz[other])[frame] - reference_st).astype(np.float16),
        stretch_log2=np.clip(np.log2(np.maximum(rate, 1e-3)), -_MAX_STRETCH_LOG2, _MAX_STRETCH_LOG2).astype(np.float16),
        envelope=gaussian_filter1d(coefficients, 2.0, axis=0, mode="nearest").astype(np.float16),
    )


def smooth_contour_st(f0_hz: np.ndarray) -> np.ndarray:
    """Return (n_frames,) F0 in semitones re 1 Hz, bridged over unvoiced frames and smoothed by 20 ms."""
    st = semitones(filled_f0(f0_hz))
    return gaussian_filter1d(st, 2.0, mode="nearest")


def _mean_st(f0_hz: np.ndarray) -> float:
    voiced = f0_hz[np.isfinite(f0_hz)]
    return float(semitones(voiced).mean()) if voiced.size else float(semitones(filled_f0(f0_hz)).mean())


def _mean(summaries: Sequence[Summary]) -> Summary:
    def mean(name: str) -> float:
        values = np.array([getattr(summary, name) for summary in summaries], dtype=np.float64)
        return float(np.nanmean(values)) if np.isfinite(values).any() else np.nan

    envelope_db = np.mean([summary.envelope_db for summary in summaries], axis=0)
    return Summary(mean("f0_st"), mean("f0_range_st"), mean("f0_slope_st"), mean("duration_s"), envelope_db)


def _exemplar(utterance: Utterance, summary: Summary, base: Summary, stretch: float, frames: Frames | None) -> Exemplar:
    def finite(value: float, default: float) -> float:
        return float(value) if np.isfinite(value) else default

    ratio = summary.f0_range_st / base.f0_range_st if base.f0_range_st > 0 else np.nan
    return Exemplar(
        clip_id=utterance.clip_id,
        speaker=utterance.speaker,
        gender=utterance.gender,
        sentence=utterance.sentence,
        emotion=utterance.emotion,
        f0_shift_st=float(np.clip(finite(summary.f0_st - base.f0_st, 0.0), -14, 14)),
        f0_range_ratio=float(np.clip(finite(ratio, 1.0), 0.4, 2.5)),
        f0_slope_st=float(np.clip(finite(summary.f0_slope_st - base.f0_slope_st, 0.0), -8, 8)),
        stretch_log2=float(np.clip(stretch, -_MAX_STRETCH_LOG2, _MAX_STRETCH_LOG2)),
        envelope_difference_db=(summary.envelope_db - base.envelope_db).astype(np.float32),
        frames=frames,
    )
