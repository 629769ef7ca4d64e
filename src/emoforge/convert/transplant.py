"""Frame-level transplant: the whole course of one training clip against its speaker's neutral reading."""

import numpy as np
from scipy.ndimage import gaussian_filter1d

from emoforge.convert.alignment import align, alignment_features, speech_span
from emoforge.convert.exemplar_converter import ExemplarConverter
from emoforge.convert.exemplars import Exemplar, envelope_from_coefficients, smooth_contour_st
from emoforge.convert.statistics import activity, summary_style
from emoforge.convert.style import Style
from emoforge.convert.utterance import Utterance


class Transplant(ExemplarConverter):
    """Lays F0 contour, local tempo and envelope changes of a parallel pair on the source, frame by frame.

    The exemplar's neutral reading is aligned to the source; the pair's own alignment was made when fitting. Where
    the exemplar drawn says another sentence, its utterance-level summary is used instead.
    """

    name = "transplant"
    with_frames = True

    def style(self, source: Utterance, exemplar: Exemplar) -> Style:
        if exemplar.frames is None or source.sentence is None or exemplar.sentence != source.sentence:
            return summary_style(source, exemplar)
        tracks, frames = source.tracks, exemplar.frames
        n_frames, n_bands = tracks.envelope_db.shape
        span = speech_span(tracks.energy_db)
        position = align(alignment_features(tracks.envelope_db[span]), frames.features.astype(np.float32))
        frame = np.rint(position).astype(int)

        contour_st = smooth_contour_st(tracks.f0_hz)
        voiced = tracks.voiced
        contour_st = contour_st - (contour_st[voiced].mean() if voiced.any() else contour_st.mean())
        f0_st = np.interp(position, np.arange(len(frames.f0_st)), frames.f0_st.astype(np.float64))
        difference_st = gaussian_filter1d(f0_st - contour_st[span], 1.5, mode="nearest")
        f0_difference_st = np.empty(n_frames)
        f0_difference_st[span] = difference_st
        f0_difference_st[: span.start] = difference_st[0]
        f0_difference_st[span.stop :] = difference_st[-1]

        stretch_log2 = np.zeros(n_frames)
        stretch_log2[span] = frames.stretch_log2[frame]
        envelope = np.zeros((n_frames, n_bands), dtype=np.float32)
        envelope[span] = envelope_from_coefficients(frames.envelope[frame], n_bands)
        envelope = gaussian_filter1d(envelope, 1.0, axis=0) * activity(tracks)[:, None]
        return Style(np.clip(f0_difference_st, -16, 16), stretch_log2, envelope)
