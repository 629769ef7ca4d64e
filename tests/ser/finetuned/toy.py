"""A toy task for fine-tuning: a small Whisper that nobody has trained, and frames of its lower layer."""

import sys
import time
from dataclasses import replace

import numpy as np
import torch

from emoforge.project.encoders.kept import ENCODER_FILES
from emoforge.ser.encoders.encoder import Encoder
from emoforge.ser.encoders.whisper import Whisper
from emoforge.ser.finetuned.recogniser import FinetunedRecogniser
from emoforge.ser.finetuned.training import TuningOptions
from emoforge.ser.recogniser import Examples

WIDTH = 16
LABELS = ("anger", "neutral")
QUICK = TuningOptions(
    n_steps=60, batch_size=16, block_rate=3e-3, head_rate=1e-2, ema_decay=0.9, n_crop_frames=20, channel_mask=2,
    time_mask_frames=4, validate_every=15,
)  # fmt: skip
SHORT = replace(QUICK, n_steps=12, validate_every=3)


def whisper(n_blocks=4) -> Encoder:
    torch.manual_seed(0)
    return Encoder("toy", "0" * 64, Whisper(width=WIDTH, n_heads=2, n_blocks=n_blocks).eval())


def write_whisper(folder) -> None:
    """The same, as a folder that a source of an encoder can name."""
    network = whisper().network
    arrays = {name: values.numpy() for name, values in network.state_dict().items()}
    description = {"standardise": False, "arguments": {"width": WIDTH, "n_heads": 2, "n_blocks": 4}}
    ENCODER_FILES.write(folder, kind="whisper", version=1, description=description, arrays=arrays)


def clips(speakers, *, n_clips=12, seed=0) -> Examples:
    """Noise around a speaker's own frame; in an angry clip some channels swing up and down together."""
    rng = np.random.default_rng(seed)
    inputs, names, labels = [], [], []
    for speaker in speakers:
        own = rng.normal(0, 1, WIDTH)
        for number in range(n_clips):
            frames = own + rng.normal(0, 1, (int(rng.integers(15, 40)), WIDTH))
            if number % 2 == 0:
                frames[:, :5] += rng.normal(0, 1.5, (len(frames), 1))
            inputs.append(frames.astype(np.float16))
            names.append(speaker)
            labels.append(number % 2)
    return Examples(inputs, np.array(names), np.array(labels))


def enrolment_of(examples: Examples, *speakers) -> Examples:
    """The first two neutral clips of each of *speakers*."""
    rows = [
        np.flatnonzero((examples.speakers == speaker) & (examples.labels == LABELS.index("neutral")))[:2]
        for speaker in speakers
    ]
    own = examples.take(np.concatenate(rows))
    return Examples(own.inputs, own.speakers)


def fit(**keywords) -> FinetunedRecogniser:
    train = clips("abcdef")
    keywords = {"train": train, "enrolment": enrolment_of(train, *"abcdef"), "options": SHORT} | keywords
    return FinetunedRecogniser.fit(**{"labels": LABELS, "base": whisper(), "device": "cpu"} | keywords)


if __name__ == "__main__":
    # A training that says where it is, and then waits to be killed.
    def wait(point) -> None:
        print(point.step, flush=True)
        if point.step == int(sys.argv[2]):
            time.sleep(600)

    fit(checkpoint=sys.argv[1], on_point=wait)
