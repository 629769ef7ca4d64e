import numpy as np
import pytest

from emoforge.base.errors import EmoforgeError
from emoforge.quality.scoring import COLUMNS, score_batch, shared_dnsmos


@pytest.fixture(scope="module")
def batch(nemo_clip, encoder):
    source, louder = nemo_clip("EB0_neutral_13"), nemo_clip("EB0_anger_13")
    other = nemo_clip("TP0_neutral_35")
    reference = encoder.embed([nemo_clip("EB0_neutral_35"), nemo_clip("EB0_neutral_58")], 16000).mean(axis=0)
    converted = [source, louder, other, np.zeros(0, np.float32)]
    return converted, [source] * 4, np.tile(reference, (4, 1))


def test_columns_tell_the_clips_apart(batch, dnsmos, encoder):
    scores = score_batch(*batch, 16000, dnsmos=dnsmos, encoder=encoder)
    assert tuple(scores) == COLUMNS
    assert all(column.shape == (4,) and column.dtype == np.float32 for column in scores.values())
    identity, other_emotion, other_voice_and_words = range(3)
    assert scores["content_error"][identity] == pytest.approx(0.0, abs=1e-6)
    assert scores["content_error"][other_voice_and_words] > scores["content_error"][other_emotion] + 0.2
    assert scores["speaker_similarity"][other_voice_and_words] < scores["speaker_similarity"][other_emotion] - 0.1
    assert scores["duration_ratio"][identity] == 1.0
    assert scores["f0_median_hz"][identity] > scores["f0_median_hz"][other_voice_and_words] + 30
    assert np.isfinite([scores[name][:3] for name in COLUMNS]).all()


def test_a_broken_clip_gets_nan_and_stops_nothing(batch, dnsmos, encoder):
    scores = score_batch(*batch, 16000, dnsmos=dnsmos, encoder=encoder)
    assert np.isnan([scores[name][3] for name in COLUMNS if name != "content_error"]).all()
    assert scores["content_error"][3] == 1.0


def test_scores_do_not_depend_on_the_chunk(batch, dnsmos, encoder):
    converted, sources, references = batch
    whole = score_batch(converted, sources, references, 16000, dnsmos=dnsmos, encoder=encoder)
    for row in range(2):
        part = slice(row, row + 1)
        alone = score_batch(converted[part], sources[part], references[part], 16000, dnsmos=dnsmos, encoder=encoder)
        for name in COLUMNS:
            assert alone[name].tobytes() == whole[name][part].tobytes(), name


def test_an_empty_chunk_is_empty_columns(dnsmos, encoder):
    scores = score_batch([], [], np.empty((0, 256)), 16000, dnsmos=dnsmos, encoder=encoder)
    assert {name: len(column) for name, column in scores.items()} == dict.fromkeys(COLUMNS, 0)


def test_models_are_loaded_once():
    assert shared_dnsmos() is shared_dnsmos()


def test_arguments_of_different_length_are_refused(batch):
    converted, sources, references = batch
    with pytest.raises(EmoforgeError, match="4 converted clips, 3 sources"):
        score_batch(converted, sources[:3], references, 16000)
