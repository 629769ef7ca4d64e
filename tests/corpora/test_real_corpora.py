"""The importers on the published corpora, against what the publishers count."""

from collections import Counter

from emoforge import corpora
from emoforge.corpora.files import read_rows
from emoforge.corpora.measuring import Limits, measure_recording

LIMITS = Limits(sampling_rate=16_000, trim_db=40.0, min_duration_s=0.3, max_duration_s=30.0)


def test_ravdess(ravdess_root):
    recordings = corpora.read("ravdess", ravdess_root)
    counts = Counter(recording.emotion for recording in recordings)
    others = ("calm", "happiness", "sadness", "anger", "fear", "disgust", "surprise")
    assert counts == {"neutral": 96} | dict.fromkeys(others, 192)
    speakers = {recording.speaker: recording.gender for recording in recordings}
    assert len(speakers) == 24
    assert Counter(speakers.values()) == {"female": 12, "male": 12}
    assert Counter(recording.sentence for recording in recordings) == {"01": 720, "02": 720}
    assert {speaker for fold in corpora.info("ravdess").folds for speaker in fold} == set(speakers)


def test_nemo(nemo_root):
    recordings = corpora.read("nemo", nemo_root)
    assert Counter(recording.speaker for recording in recordings) == {
        "EB0": 539,
        "IC0": 540,
        "MK0": 450,
        "TP0": 539,
        "WR0": 539,
    }
    assert {recording.speaker for recording in recordings if recording.gender == "female"} == {"EB0", "IC0", "MK0"}
    assert set(Counter(recording.emotion for recording in recordings)) == set(corpora.info("nemo").emotions)
    texts = {(recording.sentence, recording.text) for recording in recordings}
    assert len(texts) == len({sentence for sentence, _ in texts}) == 90


def test_urdu(urdu_root):
    recordings = corpora.read("urdu", urdu_root)
    assert Counter(recording.emotion for recording in recordings) == dict.fromkeys(
        ("anger", "happiness", "neutral", "sadness"), 100
    )
    clips = Counter(recording.speaker for recording in recordings)
    assert len(clips) == 29
    assert sum(count for _, count in clips.most_common(6)) == 262  # of 400: very uneven


def test_crema_d_actors_with_odd_numbers(crema_d_root):
    recordings = corpora.read("crema-d", crema_d_root)
    assert Counter(recording.emotion for recording in recordings) == {"neutral": 550} | dict.fromkeys(
        ("anger", "disgust", "fear", "happiness", "sadness"), 642
    )
    speakers = {recording.speaker: recording.gender for recording in recordings}
    assert set(speakers) == {str(number) for number in range(1001, 1092, 2)}
    published = read_rows(crema_d_root / "VideoDemographics.csv", ("ActorID", "Sex"))
    assert speakers.items() <= {row["ActorID"]: row["Sex"].lower() for row in published}.items()
    assert len({recording.sentence for recording in recordings}) == 12


def test_emodb(emodb_root):
    recordings = corpora.read("emodb", emodb_root)
    assert Counter(recording.emotion for recording in recordings) == {
        "anger": 127,
        "boredom": 81,
        "neutral": 79,
        "happiness": 71,
        "fear": 69,
        "sadness": 62,
        "disgust": 46,
    }
    assert len({recording.speaker for recording in recordings}) == 10
    assert len({recording.sentence for recording in recordings}) == 10


def test_emovo(emovo_root):
    recordings = corpora.read("emovo", emovo_root)
    assert Counter(recording.emotion for recording in recordings) == dict.fromkeys(corpora.info("emovo").emotions, 84)
    said = Counter((recording.speaker, recording.emotion) for recording in recordings)
    assert set(said.values()) == {14}  # every sentence in every emotion
    texts = {(recording.sentence, recording.text) for recording in recordings}
    assert len(texts) == len({sentence for sentence, _ in texts}) == 14


def test_librispeech(librispeech_root):
    recordings = corpora.read("librispeech", librispeech_root)
    assert len({recording.speaker for recording in recordings}) == len(recordings) == 150
    assert {recording.emotion for recording in recordings} == {"neutral"}


def test_real_opus_is_decoded_like_any_other_audio(emovo_root):
    recordings = corpora.read("emovo", emovo_root)[::49]
    assert {recording.path.suffix for recording in recordings} == {".opus"}
    assert {measure_recording(recording, LIMITS).reason for recording in recordings} == {""}
