"""The conversion loop: one clip that cannot be converted, silence by mistake, the same audio twice."""

import numpy as np
import pyarrow as pa
import pytest
from tests.convert.known_voices import sentence, utterance

from emoforge.base.audio import pcm_sha256
from emoforge.base.errors import EmoforgeError, ManifestError
from emoforge.convert.identity import Identity
from emoforge.convert.style import Style
from emoforge.convert.utterance import Utterance
from emoforge.dataset.clips import shard_path, write_shard
from emoforge.project.conversions import ConversionJob, convert_jobs, repeated
from emoforge.project.features import write_tracks
from emoforge.project.layout import Layout
from emoforge.project.utterances import UtteranceStore


class Faulty(Identity):
    """Converts nothing of one speaker, and gives samples that are not numbers, or none at all, for two others."""

    def __init__(self) -> None:
        super().__init__(["anger"])

    def synthesise(self, source: Utterance, style: Style) -> np.ndarray:
        if source.speaker == "refused":
            raise EmoforgeError(f"{source.clip_id}: cannot be converted")
        signal = super().synthesise(source, style)
        if source.speaker == "broken":
            signal[5] = np.nan
        return signal[:0] if source.speaker == "emptied" else signal


@pytest.fixture(scope="module")
def recorded() -> dict[str, Utterance]:
    speakers = ("whole", "refused", "broken", "emptied")
    return {
        f"{name}-clip": utterance(sentence(150.0 + 20 * number, seed=number), clip_id=f"{name}-clip", speaker=name)
        for number, name in enumerate(speakers)
    }


@pytest.fixture(scope="module")
def store(recorded, tmp_path_factory) -> UtteranceStore:
    layout = Layout(tmp_path_factory.mktemp("run"))
    clips = [(clip_id, utterance.signal) for clip_id, utterance in recorded.items()]
    write_shard(shard_path(layout.stage("ingest") / "clips", 0), clips, sampling_rate=16000)
    tracks = [(clip_id, utterance.tracks) for clip_id, utterance in recorded.items()]
    write_tracks(layout.stage("prosody") / "tracks" / "tracks-00000.parquet", tracks)
    columns = ("clip_id", "speaker", "gender", "sentence", "emotion", "corpus")
    rows = [{name: getattr(utterance, name) for name in columns} for utterance in recorded.values()]
    return UtteranceStore(layout, pa.Table.from_pylist(rows))


def test_a_clip_that_cannot_be_converted_does_not_take_the_others_along(store):
    jobs = [ConversionJob(clip_id, "anger", 1.0, 0) for clip_id in ("refused-clip", "whole-clip", "refused-clip")]
    results = convert_jobs(Faulty(), store, jobs)
    assert [result.reason for result in results] == ["refused-clip: cannot be converted", "", results[0].reason]
    whole = store["whole-clip"]
    np.testing.assert_array_equal(results[1].signal, whole.signal)
    assert results[1].sampling_rate == whole.sampling_rate
    assert results[1].duration_s == len(whole.signal) / whole.sampling_rate
    assert results[1].audio_sha256 == pcm_sha256(whole.signal, whole.sampling_rate)


@pytest.mark.parametrize("clip_id", ["broken-clip", "emptied-clip"])
def test_audio_that_nobody_could_hear_is_a_reason(store, clip_id):
    first, second = convert_jobs(
        Faulty(), store, [ConversionJob(clip_id, "anger", 1.0, 0), ConversionJob("whole-clip", "anger", 1.0, 0)]
    )
    assert "no finite samples" in first.reason
    assert not len(first.signal)
    assert not first.audio_sha256
    assert not second.reason


def test_an_emotion_that_the_converter_does_not_know_is_a_reason(store):
    (result,) = convert_jobs(Faulty(), store, [ConversionJob("whole-clip", "fear", 1.0, 0)])
    assert "unknown emotion 'fear'" in result.reason


def test_a_source_that_is_not_there_is_no_reason_but_an_error(store):
    with pytest.raises(ManifestError, match="nobody"):
        convert_jobs(Faulty(), store, [ConversionJob("nobody", "anger", 1.0, 0)])


def test_the_same_audio_counts_as_a_copy_for_one_source_and_emotion_only():
    sounds = [("a", "anger", "x"), ("a", "fear", "x"), ("b", "anger", "x"), ("a", "anger", "y"), ("a", "anger", "x")]
    assert repeated(sounds) == [False, False, False, False, True]
