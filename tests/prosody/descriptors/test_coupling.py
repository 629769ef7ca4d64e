"""Figures of several tracks on tracks whose relation is known."""

import numpy as np
import pytest

from emoforge.prosody.descriptors.catalogue import COUPLED, COURSES, FUNCTIONAL_NAMES
from emoforge.prosody.descriptors.coupling import correlation_figures, course_figures, quarter_figures

N_FRAMES = 200
ALL = np.ones(N_FRAMES, dtype=bool)


def still(names) -> dict[str, np.ndarray]:
    return {name: np.full(N_FRAMES, 3.0) for name in names}


def test_every_name_is_one_of_the_catalogue():
    tracks = still({*COUPLED, *COURSES, *(f"mfcc_{k}" for k in range(1, 14))})
    for figures in (course_figures, correlation_figures, quarter_figures):
        assert set(figures(tracks, ALL)) <= set(FUNCTIONAL_NAMES)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_tracks_that_move_together_or_against_each_other(sign):
    rng = np.random.default_rng(0)
    f0 = np.cumsum(rng.standard_normal(N_FRAMES))
    values = correlation_figures(still(COUPLED) | {"f0": f0, "energy": 20.0 + sign * 2.0 * f0}, ALL)
    assert values["correlation_energy_f0"] == pytest.approx(sign)
    # What stands still moves with nothing.
    assert values["correlation_f0_hnr"] == 0.0


def test_only_active_frames_are_compared():
    active = np.arange(N_FRAMES) < 100
    rise = np.linspace(0.0, 1.0, N_FRAMES)
    tracks = still(COUPLED) | {"f0": rise, "hnr": np.where(active, rise, -rise)}
    assert correlation_figures(tracks, active)["correlation_f0_hnr"] == pytest.approx(1.0)
    assert correlation_figures(tracks, ALL)["correlation_f0_hnr"] < 0.5


def test_a_contour_has_the_same_shape_figures_at_any_duration():
    def course(n: int) -> dict[str, float]:
        arch = np.sin(np.pi * np.arange(n) / n)
        return course_figures(dict.fromkeys(COURSES, arch), np.ones(n, dtype=bool))

    assert course(100)["centroid_shape_2_oct"] == pytest.approx(course(300)["centroid_shape_2_oct"], rel=0.02)
    assert abs(course(100)["centroid_shape_1_oct"]) < 0.1 * abs(course(100)["centroid_shape_2_oct"])


def test_the_lively_quarter_is_found():
    names = [*(f"mfcc_{k}" for k in range(1, 14)), "energy", "f0"]
    lively = np.full(N_FRAMES, 3.0)
    lively[150:] += np.random.default_rng(1).normal(0.0, 4.0, 50)
    values = quarter_figures(still(names) | {"f0": lively}, ALL)
    assert values["f0_quarter_4_std_st"] == pytest.approx(4.0, rel=0.25)
    assert [values[f"f0_quarter_{k}_std_st"] for k in (1, 2, 3)] == [0.0, 0.0, 0.0]
    assert quarter_figures({name: track[:5] for name, track in still(names).items()}, ALL[:5]) == {}
