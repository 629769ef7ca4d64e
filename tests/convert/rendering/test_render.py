"""The renderer does what is asked, and nothing else."""

import numpy as np
import pytest
from tests.convert.known_voices import SAMPLING_RATE, level_db, median_f0_hz, sentence, snr_db, vowel

from emoforge.base.errors import AudioError
from emoforge.convert.rendering.render import PEAK, render
from emoforge.prosody.analysis import analyse
from emoforge.prosody.envelope import band_frequencies_hz


def rendered(signal, *, shift_st=0.0, stretch=1.0, **options):
    """*signal* with F0 moved by *shift_st* semitones and *stretch* times as long."""
    tracks = analyse(signal, SAMPLING_RATE)
    frame = np.arange(int((tracks.n_frames - 1) * stretch) + 1) / stretch
    return render(
        signal,
        SAMPLING_RATE,
        f0_hz=tracks.f0_hz,
        hop_s=tracks.hop_s,
        target_f0_hz=tracks.f0_hz[np.rint(frame).astype(int)] * 2 ** (shift_st / 12),
        time_map_s=frame * tracks.hop_s,
        **options,
    )


@pytest.mark.parametrize("f0_hz", [85.0, 123.4, 217.0, 330.0])
def test_equal_parameters_give_the_signal_back(f0_hz):
    signal = sentence(f0_hz, rise_st=3)
    result = rendered(signal)
    assert len(result) == len(signal)
    assert snr_db(signal, result) > 60


def test_equal_parameters_give_real_speech_back(ravdess_root):
    soundfile = pytest.importorskip("soundfile")
    for path in sorted(ravdess_root.glob("Actor_0[12]/*.flac"))[::30]:
        signal, sampling_rate = soundfile.read(path, dtype="float32")
        assert sampling_rate == SAMPLING_RATE
        assert snr_db(signal, rendered(signal)) > 40


@pytest.mark.parametrize("shift_st", [-7.0, -3.5, 2.0, 5.0, 9.0])
@pytest.mark.parametrize("f0_hz", [110.0, 205.0])
def test_f0_moves_by_the_semitones_asked_for(f0_hz, shift_st):
    result = rendered(vowel(f0_hz, 1.0), shift_st=shift_st)
    assert 12 * np.log2(median_f0_hz(result) / f0_hz) == pytest.approx(shift_st, abs=0.05)


def test_a_change_of_f0_moves_neither_level_nor_length():
    signal = vowel(150.0, 1.0)
    for shift_st in (-4.0, 4.0):
        result = rendered(signal, shift_st=shift_st)
        assert len(result) == len(signal)
        assert level_db(result) == pytest.approx(level_db(signal), abs=2.0)


@pytest.mark.parametrize("shift_st", [-4.0, 3.0, 6.0, 10.0])
def test_a_change_of_f0_puts_nothing_below_the_voice(shift_st):
    result = rendered(vowel(110.0, 1.0), shift_st=shift_st)
    power = np.abs(np.fft.rfft(result * np.hanning(len(result)))) ** 2
    frequency_hz = np.fft.rfftfreq(len(result), 1 / SAMPLING_RATE)
    below = power[frequency_hz < 0.6 * 110.0 * 2 ** (shift_st / 12)].sum()
    assert 10 * np.log10(below / power.sum()) < -60


@pytest.mark.parametrize("stretch", [0.5, 0.8, 1.3, 2.0])
def test_duration_is_scaled_and_pitch_stays(stretch):
    signal = sentence(140.0)
    result = rendered(signal, stretch=stretch)
    assert len(result) == pytest.approx(len(signal) * stretch, abs=0.01 * SAMPLING_RATE * max(stretch, 1) + 1)
    assert median_f0_hz(result) == pytest.approx(140.0, rel=0.005)


def test_stretched_noise_does_not_turn_into_a_tone():
    rng = np.random.default_rng(5)
    noise = (0.1 * rng.standard_normal(SAMPLING_RATE)).astype(np.float32)
    n_frames = 161
    result = render(
        noise,
        SAMPLING_RATE,
        f0_hz=np.full(101, np.nan),
        hop_s=0.01,
        target_f0_hz=np.full(n_frames, np.nan),
        time_map_s=np.linspace(0, 1, n_frames),
    )
    spectrum = np.abs(np.fft.rfft(result)) ** 2
    correlation = np.fft.irfft(spectrum)[: SAMPLING_RATE // 20]
    # Grains repeated at a fixed distance would stand out as a period between 2 and 50 ms.
    assert np.abs(correlation[32:]).max() < 0.45 * correlation[0]


def test_filter_applies_a_known_tilt():
    signal = (0.05 * np.random.default_rng(1).standard_normal(2 * SAMPLING_RATE)).astype(np.float32)
    tracks = analyse(signal, SAMPLING_RATE)
    bands_hz = band_frequencies_hz(80, SAMPLING_RATE)
    tilt_db = 10 * (bands_hz / 4000 - 1)
    options = {"envelope_difference_db": np.tile(tilt_db, (tracks.n_frames, 1)), "energy_difference_db": None}
    result = rendered_with(signal, tracks, **options)
    ratio_db = spectrum_db(result) - spectrum_db(signal)
    frequencies = np.fft.rfftfreq(512, 1 / SAMPLING_RATE)
    checked = (frequencies > 300) & (frequencies < 6500)
    assert np.abs(ratio_db - 10 * (frequencies / 4000 - 1))[checked].max() < 1.0


def test_energy_difference_moves_the_level_by_as_much():
    signal = vowel(150.0, 1.0, level=0.1)
    tracks = analyse(signal, SAMPLING_RATE)
    result = rendered_with(signal, tracks, energy_difference_db=np.full(tracks.n_frames, 6.0))
    assert level_db(result) - level_db(signal) == pytest.approx(6.0, abs=0.1)


def test_gain_is_limited():
    signal = vowel(150.0, 1.0, level=0.01)
    tracks = analyse(signal, SAMPLING_RATE)
    result = rendered_with(signal, tracks, energy_difference_db=np.full(tracks.n_frames, 60.0), gain_limit_db=12.0)
    assert level_db(result) - level_db(signal) <= 12.0


def test_no_output_clips():
    signal = vowel(150.0, 1.0, level=0.9)
    tracks = analyse(signal, SAMPLING_RATE)
    result = rendered_with(signal, tracks, energy_difference_db=np.full(tracks.n_frames, 15.0))
    assert np.abs(result).max() == pytest.approx(PEAK, abs=1e-3)


def rendered_with(signal, tracks, **options):
    return render(
        signal,
        SAMPLING_RATE,
        f0_hz=tracks.f0_hz,
        hop_s=tracks.hop_s,
        target_f0_hz=tracks.f0_hz,
        time_map_s=np.arange(tracks.n_frames) * tracks.hop_s,
        **options,
    )


def spectrum_db(signal):
    frames = np.lib.stride_tricks.sliding_window_view(signal, 512)[::128] * np.hanning(512)
    return 10 * np.log10(np.mean(np.abs(np.fft.rfft(frames, axis=1)) ** 2, axis=0))


def test_channels_keep_their_ratio_and_their_order():
    signal = sentence(150.0, rise_st=2.0)
    tracks = analyse(signal, SAMPLING_RATE)
    options = {"envelope_difference_db": np.full((tracks.n_frames, 80), 3.0)}
    alone = rendered_with(signal, tracks, **options)
    both = rendered_with(np.stack([signal, -0.5 * signal], axis=1), tracks, **options)
    assert both.shape == (len(alone), 2)
    assert snr_db(alone, both[:, 0]) > 60
    assert snr_db(-0.5 * alone, both[:, 1]) > 60


def test_bands_of_a_lower_rate_are_found_at_a_higher_one_and_the_last_one_holds():
    rate = 48000
    signal = (0.05 * np.random.default_rng(1).standard_normal(2 * rate)).astype(np.float32)
    n_frames = 201
    bands_hz = band_frequencies_hz(80, SAMPLING_RATE)
    result = render(
        signal,
        rate,
        f0_hz=np.full(n_frames, np.nan),
        hop_s=0.01,
        target_f0_hz=np.full(n_frames, np.nan),
        time_map_s=np.arange(n_frames) * 0.01,
        envelope_difference_db=np.tile(10 * (bands_hz / 4000 - 1), (n_frames, 1)),
        band_rate=SAMPLING_RATE,
    )
    ratio_db = spectrum_db(result) - spectrum_db(signal)
    frequencies = np.fft.rfftfreq(512, 1 / rate)
    checked = (frequencies > 500) & (frequencies < 6500)
    assert np.abs(ratio_db - 10 * (frequencies / 4000 - 1))[checked].max() < 1.0
    above = frequencies > 8500
    assert np.ptp(ratio_db[above]) < 0.5
    assert ratio_db[above].mean() == pytest.approx(10 * (bands_hz[-1] / 4000 - 1), abs=1.0)


@pytest.mark.parametrize(
    "signal",
    [
        np.zeros(8000, dtype=np.float32),
        np.zeros(1, dtype=np.float32),
        np.full(100, 0.1, dtype=np.float32),
        (0.1 * np.random.default_rng(0).standard_normal(4000)).astype(np.float32),
    ],
    ids=["silence", "one sample", "six milliseconds", "noise"],
)
def test_odd_signals_survive(signal):
    n_frames = 1 + len(signal) // 160
    f0_hz = np.full(n_frames, np.nan)
    for n_target in (n_frames, 2 * n_frames):
        result = render(
            signal,
            SAMPLING_RATE,
            f0_hz=f0_hz,
            hop_s=0.01,
            target_f0_hz=np.full(n_target, 150.0),
            time_map_s=np.linspace(0, (n_frames - 1) * 0.01, n_target),
            envelope_difference_db=np.ones((n_target, 80)),
        )
        assert result.dtype == np.float32
        assert np.isfinite(result).all()


def test_a_nonsense_f0_track_is_survived():
    signal = sentence(150.0)
    rng = np.random.default_rng(2)
    n_frames = 1 + len(signal) // 160
    f0_hz = rng.uniform(60, 600, n_frames)
    f0_hz[rng.random(n_frames) < 0.3] = np.nan
    result = render(
        signal,
        SAMPLING_RATE,
        f0_hz=f0_hz,
        hop_s=0.01,
        target_f0_hz=rng.uniform(60, 600, n_frames),
        time_map_s=np.sort(rng.uniform(0, len(signal) / SAMPLING_RATE, n_frames)),
    )
    assert np.isfinite(result).all()
    assert np.abs(result).max() <= PEAK


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"time_map_s": np.array([0.0, 0.02, 0.01])}, "never descend"),
        ({"target_f0_hz": np.full(4, 100.0)}, "4 frames, but time_map_s has 3"),
        ({"signal": np.array([0.0, np.nan], dtype=np.float32)}, "finite"),
        ({"f0_hz": np.empty(0)}, "at least one frame"),
    ],
)
def test_wrong_arguments_are_named(change, words):
    arguments = {
        "signal": np.zeros(320, dtype=np.float32),
        "f0_hz": np.full(3, np.nan),
        "target_f0_hz": np.full(3, np.nan),
        "time_map_s": np.array([0.0, 0.01, 0.02]),
        **change,
    }
    with pytest.raises(AudioError, match=words):
        render(arguments.pop("signal"), SAMPLING_RATE, hop_s=0.01, **arguments)
