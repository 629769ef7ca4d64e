"""The importers on the published corpora, against what the publishers count."""

from collections import Counter

from emoforge import corpora


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
