import numpy as np
import parselmouth
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from parselmouth.praat import call

from emoforge.base.errors import EmoforgeError
from emoforge.quality.content import align, content_error

SAMPLING_RATE = 16000
SENTENCES = (13, 35, 58, 64)


@pytest.fixture(scope="module")
def neutral(nemo_clip):
    return [nemo_clip(f"WR0_neutral_{n}") for n in SENTENCES]


@pytest.fixture(scope="module")
def angry(nemo_clip):
    return [nemo_clip(f"WR0_anger_{n}") for n in SENTENCES]


def shuffled(signal: np.ndarray, seed: int) -> np.ndarray:
    pieces = np.array_split(signal, round(len(signal) / (0.3 * SAMPLING_RATE)))
    order = np.random.default_rng(seed).permutation(len(pieces))
    return np.concatenate([pieces[i] for i in order])


def praat_copy(signal: np.ndarray, *, f0_factor: float = 1.0, duration_factor: float = 1.0) -> np.ndarray:
    sound = parselmouth.Sound(signal.astype(np.float64), SAMPLING_RATE)
    manipulation = call(sound, "To Manipulation", 0.01, 75, 600)
    pitch = call(manipulation, "Extract pitch tier")
    call(pitch, "Multiply frequencies", 0, sound.duration, f0_factor)
    call([pitch, manipulation], "Replace pitch tier")
    duration = call("Create DurationTier", "all", 0, sound.duration)
    call(duration, "Add point", 0, duration_factor)
    call([duration, manipulation], "Replace duration tier")
    return call(manipulation, "Get resynthesis (overlap-add)").values[0].astype(np.float32)


def test_changed_words_err_more_than_the_same_words_with_another_emotion(neutral, angry):
    same = [content_error(a, b, SAMPLING_RATE) for a, b in zip(neutral, angry, strict=True)]
    other = [content_error(a, b, SAMPLING_RATE) for a, b in zip(neutral, angry[1:] + angry[:1], strict=True)]
    scrambled = [content_error(a, shuffled(a, seed), SAMPLING_RATE) for seed, a in enumerate(neutral)]
    respoken = [
        content_error(a, shuffled(b, seed), SAMPLING_RATE)
        for seed, (a, b) in enumerate(zip(neutral, angry, strict=True))
    ]
    assert max(same) < min(other)
    assert max(same) < min(scrambled)
    assert max(same) < min(respoken)


@pytest.mark.parametrize("where", [0, 1, 2])
def test_a_third_cut_out_shows(neutral, where):
    for clip in neutral:
        loud = np.flatnonzero(np.abs(clip) > 0.05 * np.abs(clip).max())
        speech = clip[loud[0] : loud[-1]]
        thirds = np.array_split(speech, 3)
        rest = np.concatenate([third for i, third in enumerate(thirds) if i != where])
        assert content_error(speech, rest, SAMPLING_RATE) > 0.3


def test_extra_words_show_like_missing_ones(neutral):
    a, b = neutral[:2]
    assert content_error(a, np.concatenate([a, b]), SAMPLING_RATE) > 0.3
    assert content_error(np.concatenate([a, b]), a, SAMPLING_RATE) > 0.3


def test_copies_that_keep_the_words_err_little(neutral):
    clip = neutral[0]
    rng = np.random.default_rng(0)
    noise = rng.standard_normal(len(clip)).astype(np.float32) * np.sqrt(np.mean(clip**2)) * 10 ** (-30 / 20)
    copies = {
        "quieter": clip * np.float32(0.1),
        "higher": praat_copy(clip, f0_factor=2 ** (4 / 12)),
        "lower": praat_copy(clip, f0_factor=2 ** (-3 / 12)),
        "slower": praat_copy(clip, duration_factor=1.3),
        "faster": praat_copy(clip, duration_factor=0.75),
        "noisy": clip + noise,
        "late": np.concatenate([np.zeros(8000, np.float32), clip]),
    }
    assert content_error(clip, clip, SAMPLING_RATE) < 1e-6
    for name, copy in copies.items():
        assert content_error(clip, copy, SAMPLING_RATE) < 0.1, name


def test_nothing_said_is_all_words_lost(neutral):
    clip = neutral[0]
    for empty in (np.zeros(0), np.zeros(16000), np.ones(100)):
        assert content_error(clip, empty, SAMPLING_RATE) == 1.0
        assert np.isnan(content_error(empty, clip, SAMPLING_RATE))
    assert np.isnan(content_error(clip, np.full(16000, np.nan), SAMPLING_RATE))


def test_a_sampling_rate_without_the_bands_is_refused(neutral):
    with pytest.raises(EmoforgeError, match="14000 Hz or more"):
        content_error(neutral[0], neutral[0], 8000)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 2**16), st.sampled_from([0.0, 0.3]))
def test_alignment_is_monotonic_complete_and_the_cheapest(n, m, seed, penalty):
    distance = np.random.default_rng(seed).random((n, m))
    rows, columns = align(distance, step_penalty=penalty)
    assert (rows[0], columns[0], rows[-1], columns[-1]) == (0, 0, n - 1, m - 1)
    steps = set(zip(np.diff(rows).tolist(), np.diff(columns).tolist(), strict=True))
    assert steps <= {(1, 1), (1, 0), (0, 1)}
    assert cost_of(distance, rows, columns, penalty) == pytest.approx(cheapest(distance, penalty))


def cost_of(distance, rows, columns, penalty):
    diagonal = (np.diff(rows) == 1) & (np.diff(columns) == 1)
    entered = distance[rows[1:], columns[1:]]
    return 2 * distance[0, 0] + np.sum(np.where(diagonal, 2 * entered, entered + penalty))


def cheapest(distance, penalty):
    """The same minimum, cell by cell."""
    cost = np.full(distance.shape, np.inf)
    for (i, j), here in np.ndenumerate(distance):
        if i == j == 0:
            cost[i, j] = 2 * here
        if i and j:
            cost[i, j] = min(cost[i, j], cost[i - 1, j - 1] + 2 * here)
        if i:
            cost[i, j] = min(cost[i, j], cost[i - 1, j] + here + penalty)
        if j:
            cost[i, j] = min(cost[i, j], cost[i, j - 1] + here + penalty)
    return cost[-1, -1]
