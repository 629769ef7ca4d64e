"""What recognisers on one vector per clip see of it: distances from the speaker's neutral voice, with bent tails."""

import numpy as np

from emoforge.ser.calibration import SpeakerNormaliser
from emoforge.ser.recogniser import Examples

#: No distance goes beyond: one wild figure must not decide.
BOUND = 2.0


def distances(normaliser: SpeakerNormaliser, examples: Examples, enrolment: Examples) -> np.ndarray:
    """Return (n_clips, n_features) distances from each speaker's neutral voice, bent to at most :data:`BOUND`.

    Args:
        normaliser: fitted to the training clips.
        examples: clips with (n_clips, n_features) inputs.
        enrolment: neutral clips of their speakers.
    """
    found = normaliser.transform(examples.inputs, examples.speakers, enrolment.inputs, enrolment.speakers)
    return BOUND * np.tanh(found / BOUND)
