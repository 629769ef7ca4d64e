import warnings

import numpy as np
import pytest

from emoforge.base.errors import EmoforgeError
from emoforge.quality.naturalness import Distillmos, Dnsmos

OVERALL = 2


@pytest.fixture(scope="module")
def clips(nemo_clip, ravdess_clip):
    return [nemo_clip("EB0_neutral_13"), nemo_clip("TP0_anger_20"), ravdess_clip(8, 5)]


def test_agrees_with_the_wheels_own_wrapper(dnsmos: Dnsmos, clips):
    with warnings.catch_warnings():
        # librosa and its dependencies warn about themselves while speechmos imports them.
        warnings.simplefilter("ignore")
        from speechmos import dnsmos as wrapper

        theirs = [wrapper.run(clip, 16000) for clip in clips]
    ours = dnsmos.score(clips, 16000)
    difference = ours - np.array([[r["sig_mos"], r["bak_mos"], r["ovrl_mos"]] for r in theirs])
    assert np.abs(difference[:, OVERALL]).max() < 0.1
    assert np.sqrt(np.mean(difference[:, OVERALL] ** 2)) < 0.05


def test_score_is_the_same_alone_and_among_others(dnsmos: Dnsmos, clips):
    together = dnsmos.score(clips, 16000)
    alone = np.concatenate([dnsmos.score([clip], 16000) for clip in reversed(clips)])[::-1]
    assert together.dtype == np.float32
    assert together.tobytes() == alone.tobytes()


def test_noise_and_hard_clipping_lower_naturalness(dnsmos: Dnsmos, nemo_clip):
    clean = [nemo_clip(stem) for stem in ("EB0_neutral_13", "TP0_anger_20", "WR0_neutral_64")]
    rng = np.random.default_rng(0)
    noisy = [c + rng.standard_normal(len(c)) * np.sqrt(np.mean(c**2)) * 10 ** (-10 / 20) for c in clean]
    ceilings = [np.quantile(np.abs(c), 0.7) for c in clean]
    clipped = [np.clip(c, -ceiling, ceiling) for c, ceiling in zip(clean, ceilings, strict=True)]
    before = dnsmos.score(clean, 16000)[:, OVERALL]
    for spoilt in (noisy, clipped):
        after = dnsmos.score(spoilt, 16000)[:, OVERALL]
        assert (after < before - 0.1).all()
        assert after.mean() < before.mean() - 0.25


def test_the_end_of_a_long_clip_counts(dnsmos: Dnsmos, clips):
    clean = np.resize(clips[0], 18 * 16000)
    spoilt = clean.copy()
    noise = np.random.default_rng(0).standard_normal(6 * 16000).astype(np.float32)
    spoilt[-len(noise) :] += 0.1 * noise
    scores = dnsmos.score([clean, spoilt], 16000)
    assert scores[1, OVERALL] < scores[0, OVERALL] - 0.2


def test_clips_that_cannot_be_scored_get_nan(dnsmos: Dnsmos):
    scores = dnsmos.score([np.zeros(0, np.float32), np.array([0.0, np.nan], np.float32)], 16000)
    assert scores.shape == (2, 3)
    assert np.isnan(scores).all()


def test_another_sampling_rate_is_refused(dnsmos: Dnsmos):
    with pytest.raises(EmoforgeError, match="16000 Hz, not 24000"):
        dnsmos.score([np.zeros(100, np.float32)], 24000)


@pytest.fixture(scope="module")
def distillmos() -> Distillmos:
    return Distillmos()


def test_distillmos_hears_noise_and_no_level(distillmos: Distillmos, nemo_clip, capsys):
    clean = nemo_clip("EB0_neutral_13")
    noise = np.random.default_rng(0).standard_normal(len(clean)) * np.sqrt(np.mean(clean**2)) * 10 ** (-10 / 20)
    scores = distillmos.score([clean, clean + noise, clean / 8], 16000)
    assert scores.dtype == np.float32
    assert scores[0] > 2.5
    assert scores[1] < scores[0] - 0.5
    assert scores[2] == pytest.approx(scores[0], abs=0.01)
    Distillmos()
    assert capsys.readouterr().out == ""


def test_distillmos_is_the_same_alone_and_among_others(distillmos: Distillmos, clips):
    together = distillmos.score(clips[:2], 16000)
    assert together[1:].tobytes() == distillmos.score(clips[1:2], 16000).tobytes()


def test_distillmos_gives_nan_to_what_it_cannot_score_and_refuses_other_rates(distillmos: Distillmos):
    assert np.isnan(distillmos.score([np.zeros(0, np.float32), np.array([0.0, np.inf], np.float32)], 16000)).all()
    with pytest.raises(EmoforgeError, match="16000 Hz, not 8000"):
        distillmos.score([np.zeros(100, np.float32)], 8000)
