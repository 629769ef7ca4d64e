import numpy as np
import pytest

from emoforge.base.errors import ModelError
from emoforge.project.examples import clip_inputs
from emoforge.ser.registry import KINDS, fit_options, recogniser_class


@pytest.mark.parametrize("kind", KINDS)
def test_a_class_has_the_name_that_it_is_listed_under(kind):
    assert recogniser_class(kind).kind == kind


def test_an_unknown_kind_is_answered_with_those_there_are():
    for ask in (recogniser_class, fit_options):
        with pytest.raises(ModelError, match=r"unknown recogniser 'smv' \(did you mean 'svm'\?\)"):
            ask("smv")


def test_choices_reach_the_kinds_that_have_them_and_no_other():
    assert fit_options("svm", steps=7, ridge=0.2, calibrate=False) == {"ridge": 0.2, "calibrate": False}
    for kind in ("logmel", "fusion", "finetuned"):
        chosen = fit_options(kind, steps=7, ridge=0.2, calibrate=False)
        assert list(chosen) == ["options"]
        assert chosen["options"].n_steps == 7
        assert fit_options(kind) == {}


@pytest.mark.parametrize("kind", ["svm", "logmel", "fusion"])
def test_a_clip_is_read_as_its_kind_needs_it(kind):
    rng = np.random.default_rng(0)
    signals = {name: rng.normal(scale=0.1, size=8000).astype(np.float32) for name in ("a", "b")}
    vectors = {"a": np.array([1.0, 2.0]), "b": np.array([3.0, 4.0])}
    heard = []

    def read(name):
        heard.append(name)
        return signals[name], 16000

    inputs = clip_inputs(kind, ["b", "a"], functionals=lambda names: np.stack([vectors[n] for n in names]), read=read)
    # Functionals alone need no audio.
    assert heard == ([] if kind == "svm" else ["b", "a"])
    if kind == "svm":
        assert inputs.tolist() == [[3, 4], [1, 2]]
    elif kind == "logmel":
        assert [rows.shape for rows in inputs] == [(67, 26), (67, 26)]
    else:
        assert [vector.tolist() for vector, _ in inputs] == [[3, 4], [1, 2]]
        assert [rows.shape for _, rows in inputs] == [(67, 26), (67, 26)]
