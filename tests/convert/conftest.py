"""What several tests of conversion share."""

import pytest
from tests.convert.known_voices import sentence, training_set, utterance

from emoforge.convert import registry


@pytest.fixture(scope="session")
def training():
    return training_set()


@pytest.fixture(scope="session", params=registry.names())
def converter(request, training):
    if request.param == "generative":
        from emoforge.convert.generative.converter import Generative
        from emoforge.convert.generative.network import Size as GenerativeSize
        from emoforge.convert.generative.training import TrainingOptions as GenerativeOptions

        few = GenerativeOptions(steps=10, batch_size=4, size=GenerativeSize(channels=16, blocks=3))
        return Generative.fit(training, options=few)
    if request.param != "neural":
        return registry.fit(request.param, training)
    from emoforge.convert.neural.converter import Neural
    from emoforge.convert.neural.model import Size
    from emoforge.convert.neural.training import TrainingOptions

    # What every converter keeps to is not learnt: a few steps of a small network do.
    options = TrainingOptions(steps=10, batch_size=4, size=Size(channels=16, hidden=16, blocks=2))
    return Neural.fit(training, options=options)


@pytest.fixture(scope="session")
def source():
    return utterance(sentence(200.0, seed=3), clip_id="d-neutral", speaker="d", gender="female")
