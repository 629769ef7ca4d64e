"""The recogniser that is fine-tuned: what it learns, whom it answers, what it keeps, what it refuses."""

import math
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.ser.finetuned.toy import LABELS, QUICK, SHORT, WIDTH, clips, enrolment_of, fit, whisper, write_whisper
from tests.ser.tiny_encoders import spoken, tiny_encoder

from emoforge.base.errors import EmoforgeError, ModelError
from emoforge.project.examples import clip_inputs
from emoforge.ser.finetuned import network as networks
from emoforge.ser.finetuned.network import pooled, pooled_clip
from emoforge.ser.finetuned.recogniser import FinetunedRecogniser
from emoforge.ser.metrics import uar
from emoforge.ser.recogniser import Examples
from emoforge.ser.registry import load_recogniser


def content(model, folder):
    model.save(folder)
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def asked():
    """Clips of speakers that nobody learnt from."""
    return clips("xyz", seed=9)


@pytest.fixture(scope="module")
def trained():
    return fit(options=QUICK)


@pytest.fixture(scope="module")
def short(tmp_path_factory):
    return content(fit(), tmp_path_factory.mktemp("short"))


def test_it_learns_what_new_speakers_can_be_told_by(trained, asked):
    # The validation points are of the network alone, without the machine beside it.
    assert trained.history[-1]["val_uar"] > 0.75
    assert trained.history[-1]["loss"] < trained.history[0]["loss"]
    for enrolment in (enrolment_of(asked, *"xyz"), asked.take([])):
        found = trained.predict_proba(asked, enrolment)
        np.testing.assert_allclose(found.sum(axis=1), 1.0)
        assert uar(asked.labels, found.argmax(axis=1)) > 0.75


def test_a_clip_is_read_as_the_frames_of_the_middle_layer(tmp_path):
    write_whisper(tmp_path)
    signals = {name: spoken(200.0, seed, 4_000 * (1 + seed)) for seed, name in enumerate("ab")}
    inputs = clip_inputs(
        "finetuned", ["b", "a"], functionals=None, read=lambda name: (signals[name], 16_000), encoder=str(tmp_path)
    )
    assert [(clip.shape, clip.dtype) for clip in inputs] == [((25, WIDTH), np.float16), ((12, WIDTH), np.float16)]
    layers = whisper().frames([signals["b"]], 16_000)[0]
    np.testing.assert_allclose(inputs[0], layers[2], rtol=2e-3, atol=1e-3)


def test_blocks_learn_and_the_encoder_stays_as_it_is():
    base = whisper()
    before = [values.clone() for values in base.network.state_dict().values()]
    model = fit(base=base)
    assert all(torch.equal(a, b) for a, b in zip(before, base.network.state_dict().values(), strict=True))
    own = base.network.blocks[2].state_dict()
    assert all(torch.equal(own[name], values) for name, values in model.frozen[0].state_dict().items())
    assert not torch.equal(own["up.weight"], model.network.blocks[0].up.weight)


def test_a_training_that_was_killed_goes_on_to_the_same_bytes(short, tmp_path):
    checkpoint = tmp_path / "folder" / "checkpoint.safetensors"
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.ser.finetuned.toy", str(checkpoint), "6"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert [next(child.stdout).strip() for _ in range(2)] == ["3", "6"]
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
    seen = []
    model = fit(checkpoint=checkpoint, on_point=lambda point: seen.append(point.step))
    assert seen == [9, 12]
    assert content(model, tmp_path / "model") == short
    assert [path.name for path in checkpoint.parent.iterdir()] == ["checkpoint.safetensors"]


def test_a_checkpoint_belongs_to_one_training(tmp_path):
    checkpoint = tmp_path / "checkpoint"
    fit(options=replace(SHORT, n_steps=1), checkpoint=checkpoint)
    before = checkpoint.read_bytes()
    for other in ({"seed": 1}, {"train": clips("abcdef", seed=1)}, {"options": replace(SHORT, n_steps=2)}):
        with pytest.raises(ModelError, match="another training"):
            fit(**{"options": replace(SHORT, n_steps=1), "checkpoint": checkpoint} | other)
    assert checkpoint.read_bytes() == before


def test_a_model_on_disk_answers_as_before(trained, asked, tmp_path):
    enrolment = enrolment_of(asked, *"xy")
    first = content(trained, tmp_path / "model")
    loaded = load_recogniser(tmp_path / "model")
    assert isinstance(loaded, FinetunedRecogniser)
    assert loaded.labels == LABELS
    assert np.array_equal(loaded.predict_proba(asked, enrolment), trained.predict_proba(asked, enrolment))
    assert content(loaded, tmp_path / "again") == first


def test_the_seed_decides(short, tmp_path):
    assert content(fit(), tmp_path / "same") == short
    assert content(fit(seed=1), tmp_path / "other") != short


def test_a_clip_is_answered_alike_whatever_else_is_asked(trained, asked):
    enrolment = enrolment_of(asked, *"xyz")
    together = trained.predict_proba(asked, enrolment)
    alone = [trained.predict_proba(asked.take([row]), enrolment)[0] for row in range(len(asked))]
    # The machine reads all clips at once, in single precision, and rounds differently for more.
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_who_is_not_enrolled_is_answered_as_if_nobody_were(trained, asked):
    nobody = trained.predict_proba(asked, asked.take([]))
    some = trained.predict_proba(asked, enrolment_of(asked, *"xy"))
    unknown = asked.speakers == "z"
    np.testing.assert_allclose(some[unknown], nobody[unknown], atol=1e-5)
    assert not np.allclose(some[~unknown], nobody[~unknown])


def test_nobody_needs_to_be_enrolled(asked):
    train = clips("abcdef")
    model = fit(options=QUICK, enrolment=train.take([]))
    found = model.predict_proba(asked, enrolment_of(asked, *"xyz"))
    assert uar(asked.labels, found.argmax(axis=1)) > 0.75


def test_padding_and_what_lies_in_it_change_nothing():
    blocks = whisper().network.blocks[2:3]
    frames = torch.randn(3, 30, WIDTH, generator=torch.manual_seed(0))
    n_frames = torch.tensor([30, 7, 1])
    valid = torch.arange(30) < n_frames[:, None]
    filled = torch.where(valid[..., None], frames, 1e3)
    with torch.inference_mode():
        together = pooled(blocks, frames, valid)
        assert torch.equal(pooled(blocks, filled, valid), together)
        alone = torch.cat([pooled_clip(blocks, clip[:n]) for clip, n in zip(frames, n_frames, strict=True)])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)


def test_a_long_clip_is_read_in_parts(monkeypatch):
    monkeypatch.setattr(networks, "MOST_FRAMES", 20)
    blocks = whisper().network.blocks[2:3]
    frames = torch.randn(20, WIDTH, generator=torch.manual_seed(0))
    with torch.inference_mode():
        twice = pooled_clip(blocks, torch.cat([frames, frames]))
        torch.testing.assert_close(twice, pooled_clip(blocks, frames), rtol=1e-4, atol=1e-5)


def test_of_few_speakers_none_is_held_out():
    train = clips("abcd")
    model = fit(train=train, enrolment=enrolment_of(train, *"abcd"), options=replace(SHORT, patience=1))
    assert [point["step"] for point in model.history] == [3, 6, 9, 12]
    assert all(math.isnan(point["val_uar"]) for point in model.history)
    assert set(model.temperatures.values()) == {1.0}


def test_training_stops_when_held_out_speakers_gain_nothing():
    unsteady = replace(SHORT, block_rate=0.3, head_rate=0.3, ema_decay=0.0, n_steps=90, patience=1)
    model = fit(options=unsteady)
    losses = [point["val_loss"] for point in model.history]
    assert model.history[-1]["step"] < 90
    assert len(losses) - 1 - int(np.argmin(losses)) == 1


def test_validation_clips_are_not_learnt_from(tmp_path):
    validation = clips("uv", seed=4)
    flipped = Examples(validation.inputs, validation.speakers, 1 - validation.labels)
    whole = replace(SHORT, patience=100, n_steps=3)
    first, second = (fit(validation=given, options=whole) for given in (validation, flipped))
    for name, values in first.network.state_dict().items():
        assert torch.equal(values, second.network.state_dict()[name])
    assert first.temperatures != second.temperatures


def test_clips_of_weight_nothing_teach_nothing(short, tmp_path):
    train = clips("abcdef")
    more = clips("g", seed=5)
    both = Examples(
        [*train.inputs, *more.inputs],
        np.concatenate([train.speakers, more.speakers]),
        np.concatenate([train.labels, more.labels]),
        np.repeat([1.0, 0.0], [len(train), len(more)]),
    )
    assert content(fit(train=both), tmp_path) == short


def test_a_label_without_clips_is_never_the_answer(asked):
    train = clips("abcdef")
    model = FinetunedRecogniser.fit(
        train, labels=(*LABELS, "fear"), enrolment=enrolment_of(train, *"abcdef"), base=whisper(), options=SHORT
    )
    found = model.predict_proba(asked, enrolment_of(asked, *"xyz"))
    assert found.shape == (len(asked), 3)
    assert 2 not in found.argmax(axis=1)


def test_what_cannot_be_tuned_is_one_line(trained, asked):
    train = clips("abcdef")
    for base in (tiny_encoder("wavlm"), whisper(n_blocks=2)):
        with pytest.raises(ModelError, match="fine-tuned") as caught:
            fit(base=base)
        assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("encoder 'toy': 2 blocks, none of which can be fine-tuned")
    with pytest.raises(EmoforgeError, match="name `base`"):
        fit(base=None)
    with pytest.raises(EmoforgeError, match="at least 2 emotions"):
        fit(train=train.take(train.labels == 0))
    narrow = Examples([clip[:, :3] for clip in asked.inputs], asked.speakers)
    with pytest.raises(ModelError, match=f"frames of {WIDTH} values"):
        trained.predict_proba(narrow, asked.take([]))
