"""Speech to compare: readings of two sentences by a few synthetic voices."""

from pathlib import Path

import numpy as np
import pytest

from emoforge.base.audio import decode


@pytest.fixture(scope="session")
def readings(tmp_path_factory) -> dict[str, np.ndarray]:
    """Signals at 16 kHz by their names, each another reading."""
    from emoforge.corpora.importers.demo import generate

    folder = tmp_path_factory.mktemp("readings")
    generate(folder, voices=4, sentences=2, seed=0, workers=1)
    return {path.stem: decode(path)[0] for path in sorted(Path(folder).rglob("*.wav"))}
