import numpy as np
import pytest
import torch

from emoforge.base.errors import AudioError, EmoforgeError
from emoforge.prosody.synthetic import voice
from emoforge.ser.logmel import FLOOR_DB, N_MELS, N_ROWS, LogmelNetwork, LogmelRecogniser, logmel
from emoforge.ser.metrics import uar
from emoforge.ser.recogniser import Examples
from emoforge.ser.registry import load_recogniser
from emoforge.ser.training import TrainingOptions

LABELS = ("neutral", "anger")
QUICK = TrainingOptions(n_steps=25, batch_size=16, n_crop_frames=60, validate_every=10, learning_rate=5e-3)

SHORT = TrainingOptions(n_steps=4, batch_size=8, n_crop_frames=60, validate_every=2, learning_rate=5e-3)


def rising_or_steady(rng, *, speakers, n_clips=10):
    """Noise in a speaker's own spectrum; in an angry clip a band of energy rises through it."""
    inputs, names, labels = [], [], []
    for speaker in speakers:
        voice = rng.normal(-40, 8, (N_ROWS, 1))
        for i in range(2 * n_clips):
            clip = voice + rng.normal(0, 2, (N_ROWS, int(rng.integers(60, 100))))
            if i % 2:
                clip[20:40, clip.shape[1] // 3 :] += 15
            inputs.append(clip.astype(np.float32))
            names.append(speaker)
            labels.append(i % 2)
    return Examples(inputs, np.array(names), np.array(labels))


@pytest.fixture(scope="module")
def clips():
    rng = np.random.default_rng(0)
    train = rising_or_steady(rng, speakers=["a", "b", "c", "d"])
    held_out = rising_or_steady(rng, speakers=["e", "f"])
    neutral = np.concatenate(
        [np.flatnonzero((held_out.speakers == name) & (held_out.labels == 0))[:2] for name in ("e", "f")]
    )
    enrolled = train.take(train.labels == 0)
    own = held_out.take(neutral)
    enrolment = Examples([*enrolled.inputs, *own.inputs], np.concatenate([enrolled.speakers, own.speakers]))
    scored = np.setdiff1d(np.arange(len(held_out)), neutral)
    return train, held_out.take(scored), enrolment


@pytest.fixture(scope="module")
def recogniser(clips):
    train, _, enrolment = clips
    return LogmelRecogniser.fit(train, labels=LABELS, enrolment=enrolment, seed=1, options=QUICK)


def test_a_tone_lights_the_band_that_holds_it():
    time_s = np.arange(16_000) / 16_000
    quiet, loud = (logmel((a * np.sin(2 * np.pi * 1000 * time_s)).astype(np.float32), 16_000) for a in (0.05, 0.5))
    assert quiet.shape == (N_ROWS, 51)
    assert quiet.dtype == np.float32
    peaks = loud[:N_MELS, 5:-5].mean(axis=1)
    assert loud[peaks.argmax(), 25] - quiet[peaks.argmax(), 25] == pytest.approx(20, abs=0.1)
    assert 15 < peaks.argmax() < 30
    assert logmel(np.zeros(100, dtype=np.float32), 16_000)[:N_MELS].max() == FLOOR_DB


def test_the_tracks_are_pitch_voicing_and_level():
    gliding = np.geomspace(110.0, 220.0, 16_000)
    gliding[8_000:] = np.nan
    signal = voice(gliding, 16_000, seed=0)
    f0_st, voicing, level_db = logmel(signal, 16_000)[N_MELS:]
    # 27.5 Hz is two octaves below 110 Hz, and half of an octave's glide is voiced.
    assert f0_st[3] == pytest.approx(24.0, abs=1.0)
    assert f0_st[22] == pytest.approx(30.0, abs=1.0)
    assert f0_st[40] == pytest.approx(f0_st[22], abs=1.0)
    assert voicing[5:20].min() == 1.0
    assert voicing[30:].max() == 0.0
    assert level_db.max() - level_db[35] > 40.0
    assert level_db.max() - level_db.min() <= 52.0 + 1e-3
    # Turned up, nothing but levels moves.
    turned_up = logmel(2 * signal, 16_000)[N_MELS:]
    np.testing.assert_allclose(turned_up[0], f0_st, atol=0.01)
    np.testing.assert_allclose(turned_up[2] - level_db, 20 * np.log10(2), atol=1e-3)


def test_another_rate_or_nothing_is_refused():
    with pytest.raises(AudioError, match="needs 16000 Hz, not 24000"):
        logmel(np.zeros(100, dtype=np.float32), 24_000)
    with pytest.raises(AudioError, match="empty"):
        logmel(np.zeros(0, dtype=np.float32), 16_000)


def test_the_network_is_small():
    assert sum(tensor.numel() for tensor in LogmelNetwork(8).parameters()) <= 500_000


def test_the_network_learns_two_classes_of_new_speakers(clips, recogniser):
    _, test, enrolment = clips
    probabilities = recogniser.predict_proba(test, enrolment)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert uar(test.labels, probabilities.argmax(axis=1)) > 0.9


def test_the_tracks_alone_teach_it_too(clips):
    """What only F0 shows is learnt: the network reads the tracks below the bands."""
    rng = np.random.default_rng(4)

    def high_or_low(speakers):
        inputs, names, labels = [], [], []
        for speaker in speakers:
            for i in range(24):
                clip = rng.normal(0, 1, (N_ROWS, 70)).astype(np.float32)
                clip[N_MELS] += 3.0 * (i % 2)
                inputs.append(clip)
                names.append(speaker)
                labels.append(i % 2)
        return Examples(inputs, np.array(names), np.array(labels))

    train, test = high_or_low("abcd"), high_or_low("ef")
    nobody = Examples([], np.array([], dtype=str))
    options = TrainingOptions(n_steps=40, batch_size=16, n_crop_frames=60, learning_rate=5e-3)
    recogniser = LogmelRecogniser.fit(train, labels=LABELS, enrolment=nobody, options=options)
    assert uar(test.labels, recogniser.predict_proba(test, nobody).argmax(axis=1)) > 0.9


def test_a_clips_answer_does_not_depend_on_the_others(clips, recogniser):
    _, test, enrolment = clips
    together = recogniser.predict_proba(test, enrolment)
    alone = recogniser.predict_proba(test.take(np.array([5])), enrolment)
    np.testing.assert_array_equal(together[5], alone[0])
    assert recogniser.predict_proba(test.take(np.array([], dtype=int)), enrolment).shape == (0, 2)


def test_recognition_sees_as_many_frames_at_once_as_training(clips, recogniser, tmp_path):
    _, test, enrolment = clips
    recogniser.save(tmp_path)
    loaded = load_recogniser(tmp_path)
    widths = set()
    loaded.network.register_forward_pre_hook(lambda _, inputs: widths.add(inputs[0].shape[-1]))
    lengths = (20, 60, 61, 300)
    clip = np.tile(test.inputs[0], (1, 6))
    loaded.predict_proba(Examples([clip[:, :n] for n in lengths], np.repeat(test.speakers[:1], 4)), enrolment)
    assert widths == {QUICK.n_crop_frames}


def test_recognition_runs_on_one_thread_as_training_does(clips, recogniser, tmp_path):
    _, test, enrolment = clips
    recogniser.save(tmp_path)
    loaded = load_recogniser(tmp_path)
    threads = set()
    loaded.network.register_forward_pre_hook(lambda *_: threads.add(torch.get_num_threads()))
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        loaded.predict_proba(test, enrolment)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
    assert threads == {1}


def test_clips_of_weight_zero_teach_nothing(clips):
    train, test, enrolment = clips
    both = Examples(
        [*train.inputs, *(clip + 30 for clip in train.inputs)],
        np.concatenate([train.speakers, train.speakers]),
        np.concatenate([train.labels, 1 - train.labels]),
        np.concatenate([np.ones(len(train)), np.zeros(len(train))]),
    )
    plain, weighted = (
        LogmelRecogniser.fit(examples, labels=LABELS, enrolment=enrolment, seed=1, options=SHORT)
        for examples in (train, both)
    )
    np.testing.assert_array_equal(weighted.predict_proba(test, enrolment), plain.predict_proba(test, enrolment))


def test_bands_are_scaled_by_weight(clips):
    train, _, enrolment = clips
    loud = Examples(
        [*train.inputs, *(clip + 30 for clip in train.inputs)],
        np.concatenate([train.speakers, train.speakers]),
        np.concatenate([train.labels, train.labels]),
        np.concatenate([np.ones(len(train)), np.full(len(train), 1e-6)]),
    )
    plain, weighted = (
        LogmelRecogniser.fit(examples, labels=LABELS, enrolment=enrolment, seed=1, options=SHORT)
        for examples in (train, loud)
    )
    np.testing.assert_allclose(weighted.row_scale, plain.row_scale, rtol=1e-3)


def test_long_clips_are_read_to_their_end(clips, recogniser):
    _, test, enrolment = clips
    steady = test.inputs[int(np.flatnonzero(test.labels == 0)[0])]
    long = np.tile(steady, (1, 8))
    angry_end = long.copy()
    angry_end[20:40, -QUICK.n_crop_frames // 2 :] += 15
    speakers = np.array([test.speakers[0]] * 2)
    calm, angry = recogniser.predict_proba(Examples([long, angry_end], speakers), enrolment)[:, 1]
    assert angry > calm


def test_training_is_repeatable_and_leaves_torch_as_it_was(clips, recogniser, tmp_path):
    train, test, enrolment = clips
    torch.manual_seed(123)
    before = torch.get_rng_state()
    again = LogmelRecogniser.fit(train, labels=LABELS, enrolment=enrolment, seed=1, options=QUICK)
    assert torch.equal(before, torch.get_rng_state())
    recogniser.save(tmp_path / "a")
    again.save(tmp_path / "b")
    for name in ("recogniser.json", "recogniser.safetensors"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    loaded = load_recogniser(tmp_path / "a")
    np.testing.assert_array_equal(loaded.predict_proba(test, enrolment), recogniser.predict_proba(test, enrolment))


def test_validation_is_logged_and_calibrates(clips):
    train, test, enrolment = clips
    recogniser = LogmelRecogniser.fit(train, labels=LABELS, enrolment=enrolment, validation=test, seed=1, options=QUICK)
    assert recogniser.temperature != 1.0
    assert [point["step"] for point in recogniser.history] == [10, 20, 25]
    assert recogniser.history[-1]["loss"] < recogniser.history[0]["loss"]
    assert uar(test.labels, recogniser.predict_proba(test, enrolment).argmax(axis=1)) > 0.9


def test_weights_of_zero_are_refused(clips):
    train, _, enrolment = clips
    weightless = Examples(train.inputs, train.speakers, train.labels, np.zeros(len(train)))
    with pytest.raises(EmoforgeError, match="weights are all 0"):
        LogmelRecogniser.fit(weightless, labels=LABELS, enrolment=enrolment, options=QUICK)
