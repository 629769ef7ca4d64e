"""The key of a training run says what the run sees: a change of anything that it sees is another key."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.experiments.helpfulness.studied import pool, task_of

from emoforge.experiments.cache import Entry
from emoforge.experiments.helpfulness import settings
from emoforge.experiments.helpfulness.clips.assembly import AllClips
from emoforge.experiments.helpfulness.runs.inputs import Audio
from emoforge.experiments.helpfulness.runs.plan import Material
from emoforge.experiments.helpfulness.runs.workers import RecogniserChoice
from emoforge.experiments.helpfulness.settings import Setting

TASK = task_of(["s0", "s1"], ["s2"], ["s3"])
CONVERTED = Setting(settings.SYNTHETIC, converter="c", ratio=1.0)


def corpora(speakers: np.ndarray, second: tuple[str, ...]) -> np.ndarray:
    """Voices that are calibrated by corpus: the speakers *second* are of another one."""
    return np.where(np.isin(speakers, second), "second corpus", "first corpus")


def keys(kind: str = "svm", **changed) -> list:
    """Return what the keys of a run of real clips and of one with conversions are made from."""
    clips, values = pool()
    clips = replace(clips, voices=corpora(clips.speakers, ()))
    clips = replace(clips, **{name: change(clips) for name, change in changed.items() if hasattr(clips, name)})
    sounds = np.array([f"sound {clip_id}" for clip_id in clips.clip_ids])
    if "values" in changed:
        values[changed["values"](clips)] += 1
    if "sounds" in changed:
        sounds[changed["sounds"](clips)] = "another sound"
    material = Material(
        AllClips(clips, values.astype(np.float32), sounds, {}),
        Entry(Path("pool"), ""),
        Audio((), (), ""),
        (TASK,),
        {(0, "c"): (0, 1)},
        {kind: RecogniserChoice(kind)},
    )
    return [material.recorded(0, kind), material.added(0, CONVERTED, kind)]


def edited(values: np.ndarray, row: int, value: object) -> np.ndarray:
    copy = values.copy()
    copy[row] = value
    return copy


def conversion(clips) -> int:
    return int(clips.converted_rows(TASK, "synthetic", (0, 1))[0])


@pytest.mark.parametrize(
    "change",
    [
        {"voices": lambda clips: corpora(clips.speakers, ("s3",))},
        {"emotions": lambda clips: edited(clips.emotions, TASK.labelled[0], 2)},
        {"values": lambda _: TASK.tested[0]},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_is_known_of_a_recorded_clip_is_part_of_the_key(change):
    assert keys(**change)[0] != keys()[0]


@pytest.mark.parametrize(
    "change",
    [
        {"emotions": lambda clips: edited(clips.emotions, conversion(clips), 2)},
        {"styles": lambda clips: edited(clips.styles, conversion(clips), clips.styles[conversion(clips)] + 1)},
        {"values": conversion},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_is_known_of_a_conversion_is_part_of_the_keys_of_its_arms(change):
    real, converted = keys(**change)
    assert real == keys()[0]
    assert converted != keys()[1]


def test_a_recogniser_is_keyed_by_what_it_reads():
    sounds = {"sounds": lambda _: TASK.labelled[0]}
    values = {"values": lambda _: TASK.labelled[0]}
    assert keys("svm", **sounds) == keys("svm")
    assert keys("logmel", **sounds) != keys("logmel")
    assert keys("logmel", **values) == keys("logmel")


def test_clips_that_a_task_does_not_hold_leave_its_keys_alone():
    assert keys(values=lambda clips: np.flatnonzero(clips.speakers == "s4")[0]) == keys()
