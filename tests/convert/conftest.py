"""What several tests of conversion share."""

import pytest
from tests.convert.known_voices import sentence, training_set, utterance

from emoforge.convert import registry


@pytest.fixture(scope="session")
def training():
    return training_set()


@pytest.fixture(scope="session", params=registry.names())
def converter(request, training):
    return registry.fit(request.param, training)


@pytest.fixture(scope="session")
def source():
    return utterance(sentence(200.0, seed=3), clip_id="d-neutral", speaker="d", gender="female")
