"""A corpus whose emotions the tests know, and a network small enough to learn it in seconds."""

import numpy as np
import pytest
from tests.convert.known_voices import sentence, utterance

from emoforge.convert.neural.converter import Neural
from emoforge.convert.neural.model import Size
from emoforge.convert.neural.pairs import examples
from emoforge.convert.neural.training import TrainingOptions
from emoforge.convert.utterance import Utterance

TINY = TrainingOptions(
    steps=150,
    batch_size=12,
    learning_rate=4e-3,
    ema_decay=0.97,
    validate_every=50,
    max_frames=80,
    size=Size(channels=32, hidden=32, blocks=3),
)
#: F0 in semitones, level in dB, rate.
ANGER, SADNESS = (6.0, 8.0, 1.3), (-3.0, -6.0, 0.8)


def corpus(*, parallel: bool, f0_only: bool = False) -> list[Utterance]:
    """Six speakers, two sentences: neutral, angry (higher, louder, faster) and sad, each a little different."""
    rng = np.random.default_rng(0)
    clips = []
    for speaker, f0_hz in zip("abcdef", (110.0, 125.0, 140.0, 180.0, 200.0, 220.0), strict=True):
        for said, rise_st in (("s1", 0.0), ("s2", 3.0)):
            for emotion, (shift_st, gain_db, rate) in (
                ("neutral", (0.0, 0.0, 1.0)),
                ("anger", ANGER),
                ("sadness", SADNESS),
            ):
                if f0_only:
                    gain_db, rate = 0.0, 1.0
                played_st = shift_st + rng.uniform(-1, 1)
                signal = sentence(
                    f0_hz * 2 ** (played_st / 12),
                    rate=rate * rng.uniform(0.95, 1.05),
                    rise_st=rise_st,
                    level=0.1 * 10 ** (gain_db / 20),
                    seed=len(clips),
                )
                words = said if parallel else f"{emotion}-{said}"
                clips.append(
                    utterance(
                        signal, clip_id=f"{speaker}-{emotion}-{said}", speaker=speaker, emotion=emotion, sentence=words
                    )
                )
    return clips


@pytest.fixture(scope="session")
def parallel() -> list[Utterance]:
    return corpus(parallel=True)


@pytest.fixture(scope="session")
def learnt(parallel) -> Neural:
    return Neural.fit(parallel, options=TINY)


@pytest.fixture(scope="session")
def pairs(parallel):
    return examples(parallel)


@pytest.fixture(scope="session")
def neutral() -> Utterance:
    return utterance(sentence(160.0, level=0.1, seed=99), clip_id="g", speaker="g")
