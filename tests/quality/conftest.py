"""Real clips that the tests of this room share; each is read once a session."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from emoforge.quality.naturalness import Dnsmos
from emoforge.quality.speaker import SpeakerEncoder

SAMPLING_RATE = 16000


@pytest.fixture(scope="session")
def nemo_clip(nemo_root: Path) -> Callable[[str], np.ndarray]:
    """Read a nEMO clip by its stem, such as ``EB0_neutral_13``."""
    return lambda stem: sf.read(nemo_root / "samples" / f"{stem}.flac", dtype="float32")[0]


@pytest.fixture(scope="session")
def ravdess_clip(ravdess_root: Path) -> Callable[..., np.ndarray]:
    """Read a RAVDESS clip by actor, emotion (1 is neutral), statement and repetition."""

    def read(actor: int, emotion: int, statement: int = 1, repetition: int = 1) -> np.ndarray:
        name = f"03-01-{emotion:02d}-01-{statement:02d}-{repetition:02d}-{actor:02d}.flac"
        return sf.read(ravdess_root / f"Actor_{actor:02d}" / name, dtype="float32")[0]

    return read


@pytest.fixture(scope="session")
def dnsmos() -> Dnsmos:
    return Dnsmos()


@pytest.fixture(scope="session")
def encoder() -> SpeakerEncoder:
    return SpeakerEncoder()
