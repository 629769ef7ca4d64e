"""Utterance-level transplant: mean, range and slope of F0, tempo and mean timbre of one training clip."""

import numpy as np

from emoforge.convert.alignment import speech_span
from emoforge.convert.exemplar_converter import ExemplarConverter
from emoforge.convert.exemplars import Exemplar, smooth_contour_st
from emoforge.convert.style import Style
from emoforge.convert.utterance import Utterance
from emoforge.prosody.tracks import Tracks


class Statistics(ExemplarConverter):
    """Changes an utterance as a whole as the exemplar's clip differs from its speaker's neutral speech."""

    name = "statistics"

    def style(self, source: Utterance, exemplar: Exemplar) -> Style:
        return summary_style(source, exemplar)


def summary_style(source: Utterance, exemplar: Exemplar) -> Style:
    """Return the changes that the summary of *exemplar* asks of *source*."""
    tracks = source.tracks
    span = speech_span(tracks.energy_db)
    speech = activity(tracks)
    contour_st = smooth_contour_st(tracks.f0_hz)
    voiced = tracks.voiced
    mean_st = contour_st[voiced].mean() if voiced.any() else contour_st.mean()
    position = np.clip((np.arange(tracks.n_frames) - span.start) / max(span.stop - 1 - span.start, 1), 0, 1)
    f0_difference_st = (
        exemplar.f0_shift_st
        + (exemplar.f0_range_ratio - 1) * (contour_st - mean_st)
        + exemplar.f0_slope_st * (position - 0.5)
    )
    inside = np.zeros(tracks.n_frames)
    inside[span] = 1.0
    return Style(
        f0_difference_st=np.clip(f0_difference_st, -16, 16),
        stretch_log2=exemplar.stretch_log2 * inside,
        envelope_difference_db=speech[:, None] * exemplar.envelope_difference_db,
    )


def activity(tracks: Tracks) -> np.ndarray:
    """Return (n_frames,) weights from 0 (45 dB below the loudest twentieth) to 1 (30 dB below).

    Differences of speech must not be applied to room noise, whose level would rise and fall with them.
    """
    level_db = tracks.energy_db - np.percentile(tracks.energy_db, 95)
    rise = np.clip((level_db + 45.0) / 15.0, 0, 1)
    return rise * rise * (3 - 2 * rise)
