"""The ladder from a converter up to the truth: the speaker's own emotional take, through more and more of the way.

A converter has to guess what these are given, the speaker's own emotional clip of the same words. They are references
that say where the ceiling of a vocoder and of a representation is, and no converters: nobody has that clip.
"""

from dataclasses import replace

import numpy as np
import pyworld

from emoforge.base.audio import resample
from emoforge.base.errors import EmoforgeError, unknown_value
from emoforge.convert.exemplars import collect
from emoforge.convert.generative import parameters
from emoforge.convert.rendering.render import below_peak
from emoforge.convert.style import Style, render_style
from emoforge.convert.transplant import Transplant
from emoforge.convert.utterance import Utterance
from emoforge.convert.world import FRAME_PERIOD_MS, LOWEST_RATE_HZ

#: From the top: the take itself by analysis and synthesis of WORLD; the take through the parameters that `generative`
#: draws; the source in the style of the take as `transplant` lays it on; the same without what changes in the envelope
#: but its level.
RUNGS = ("resynthesis", "own take", "own style", "prosody only")
RESYNTHESIS, OWN_TAKE, OWN_STYLE, PROSODY_ONLY = RUNGS


def climb(rung: str, source: Utterance, take: Utterance) -> np.ndarray:
    """Return (n_samples,) float32: what *rung* makes of *take*, at the sampling rate of *source*.

    Args:
        rung: one of :data:`RUNGS`.
        source: a neutral clip.
        take: a clip of the same words by the same speaker.

    Raises:
        EmoforgeError: there is no such rung.
    """
    if rung not in RUNGS:
        raise EmoforgeError(unknown_value("rung of the ladder", rung, RUNGS))
    if rung == RESYNTHESIS:
        return resample(resynthesised(take.signal, take.sampling_rate), take.sampling_rate, source.sampling_rate)
    if rung == OWN_TAKE:
        spoken = below_peak(parameters.synthesise(parameters.analyse(take)))
        return resample(spoken, parameters.SAMPLING_RATE, source.sampling_rate)
    style = own_style(source, take)
    return render_style(source, style if rung == OWN_STYLE else prosody_of(style))


def resynthesised(signal: np.ndarray, sampling_rate: int) -> np.ndarray:
    """Return *signal* (n_samples,) after analysis and synthesis by WORLD with nothing changed in between.

    Harvest, CheapTrick and D4C with frames of 5 ms (Morise et al. 2016, "WORLD: a vocoder-based high-quality speech
    synthesis system for real-time applications"; Morise 2017, "Harvest").
    """
    if sampling_rate < LOWEST_RATE_HZ:
        raised = resample(signal, sampling_rate, 2 * LOWEST_RATE_HZ)
        return resample(resynthesised(raised, 2 * LOWEST_RATE_HZ), 2 * LOWEST_RATE_HZ, sampling_rate)
    heard = np.ascontiguousarray(signal, dtype=np.float64)
    f0, instants = pyworld.harvest(heard, sampling_rate, f0_floor=60.0, f0_ceil=600.0, frame_period=FRAME_PERIOD_MS)
    spectrum = pyworld.cheaptrick(heard, f0, instants, sampling_rate)
    aperiodicity = pyworld.d4c(heard, f0, instants, sampling_rate)
    return below_peak(pyworld.synthesize(f0, spectrum, aperiodicity, sampling_rate, FRAME_PERIOD_MS)[: len(heard)])


def own_style(source: Utterance, take: Utterance) -> Style:
    """Return how *take* differs from *source*, as a converter of kind ``transplant`` would lay it on *source*."""
    # An exemplar is an emotional clip; a neutral take stands for one here.
    (exemplar,) = collect([source, replace(take, emotion=OWN_STYLE)], with_frames=True)
    return Transplant([]).style(source, exemplar)


def prosody_of(style: Style) -> Style:
    """Return F0, durations and level of *style*: the envelope of a frame changes by the same in all bands."""
    level_db = style.envelope_difference_db.mean(axis=1, keepdims=True)
    return replace(style, envelope_difference_db=np.broadcast_to(level_db, style.envelope_difference_db.shape).copy())
