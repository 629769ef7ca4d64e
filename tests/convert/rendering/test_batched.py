"""The renderer in torch says what the numpy renderer says, for each clip of any batch."""

import numpy as np
import pytest
import torch
from tests.convert.known_voices import SAMPLING_RATE, sentence, snr_db, utterance

from emoforge.base.audio import decode
from emoforge.base.errors import AudioError
from emoforge.convert.rendering.batched.render import render_batch, render_styles
from emoforge.convert.rendering.render import PEAK
from emoforge.convert.style import Style, no_change, render_style
from emoforge.prosody.synthetic import smooth_contour, voice


def wandering(n, *, mean, spread, every, seed):
    """(n,) values that wander around *mean*, with a knot *every* so many frames."""
    knots = np.random.default_rng(seed).normal(mean, spread, n // every + 2)
    return np.interp(np.arange(n) / every, np.arange(len(knots)), knots)


def lively(source, seed):
    """A style as large as those between emotions, different in every frame and band."""
    n = source.tracks.n_frames
    bands = [wandering(n, mean=2.0, spread=4.0, every=15, seed=100 * seed + k) for k in range(80)]
    return Style(
        f0_difference_st=wandering(n, mean=2.0, spread=2.5, every=20, seed=seed),
        stretch_log2=wandering(n, mean=-0.1, spread=0.3, every=20, seed=seed + 1),
        envelope_difference_db=np.stack(bands, axis=1),
    )


def plain(source, *, shift_st=0.0, stretch=1.0):
    n = source.tracks.n_frames
    return Style(np.full(n, shift_st), np.full(n, np.log2(stretch)), np.zeros((n, 80)))


def synthetic(seed, *, duration_s=1.0):
    """A voice that pauses, with breath in the pause."""
    n_samples = round(duration_s * SAMPLING_RATE)
    f0_hz = smooth_contour(n_samples, SAMPLING_RATE, low_hz=100.0, high_hz=220.0, seed=seed)
    f0_hz[int(0.4 * n_samples) : int(0.6 * n_samples)] = np.nan
    signal = voice(f0_hz, SAMPLING_RATE, jitter=0.005, shimmer=0.03, seed=seed)
    breath = 0.003 * np.random.default_rng(seed).standard_normal(n_samples)
    return utterance((signal + breath).astype(np.float32), clip_id=f"voice-{seed}", speaker="s")


@pytest.fixture(scope="module")
def voices():
    return [synthetic(seed, duration_s=duration_s) for seed, duration_s in enumerate((0.5, 1.3, 0.9, 2.0))]


def test_every_clip_sounds_as_the_reference_renders_it(voices):
    styles = [lively(source, seed) for seed, source in enumerate(voices)]
    for source, style, result in zip(voices, styles, render_styles(voices, styles), strict=True):
        expected = render_style(source, style)
        assert result.dtype == np.float32
        assert len(result) == len(expected) != len(source.signal)
        assert snr_db(expected, result) > 40


@pytest.mark.parametrize(("shift_st", "stretch"), [(12.0, 1.0), (0.0, 2.0), (-7.0, 1.25), (3.0, 0.8)])
def test_plain_ratios_which_put_marks_half_way_are_no_exception(voices, shift_st, stretch):
    styles = [plain(source, shift_st=shift_st, stretch=stretch) for source in voices]
    for source, style, result in zip(voices, styles, render_styles(voices, styles), strict=True):
        assert snr_db(render_style(source, style), result) > 40


@pytest.mark.parametrize("corpus", ["ravdess_root", "nemo_root"])
def test_real_speech_sounds_as_the_reference_renders_it(corpus, request):
    paths = sorted(request.getfixturevalue(corpus).rglob("*.flac"))
    sources = []
    for path in paths[:: len(paths) // 4][:4]:
        signal, sampling_rate = decode(path)
        assert sampling_rate == SAMPLING_RATE
        sources.append(utterance(signal, clip_id=path.stem, speaker="s"))
    styles = [lively(source, seed) for seed, source in enumerate(sources)]
    for source, style, result in zip(sources, styles, render_styles(sources, styles), strict=True):
        assert snr_db(render_style(source, style), result) > 30


def test_no_change_gives_the_sources_back(voices):
    for source, result in zip(voices, render_styles(voices, [no_change(v.tracks) for v in voices]), strict=True):
        assert snr_db(source.signal, result) > 60


def test_a_clip_does_not_depend_on_its_batch(voices):
    styles = [lively(source, seed) for seed, source in enumerate(voices)]
    together = render_styles(voices, styles, max_batch_s=100.0)
    alone = [render_styles([source], [style])[0] for source, style in zip(voices, styles, strict=True)]
    backwards = render_styles(voices[::-1], styles[::-1], max_batch_s=4.0)[::-1]
    for first, second, third in zip(together, alone, backwards, strict=True):
        assert snr_db(first, second) > 70
        assert snr_db(first, third) > 70


def test_what_lies_beyond_a_clip_is_ignored(voices):
    source = voices[0]
    n, n_frames = len(source.signal), source.tracks.n_frames
    n_target = n_frames + 20
    time_map_s = np.linspace(0, (n_frames - 1) * 0.01, n_target)
    arguments = {
        "f0_hz": source.tracks.f0_hz,
        "target_f0_hz": np.full(n_target, 180.0),
        "time_map_s": time_map_s,
        "envelope_difference_db": np.ones((n_target, 80)),
    }
    counts = {"n_frames": torch.tensor([n_frames]), "n_target_frames": torch.tensor([n_target])}

    def result(padding):
        padded = {
            name: torch.from_numpy(np.concatenate([values, np.full((40, *values.shape[1:]), padding)])[None])
            for name, values in arguments.items()
        }
        wav = torch.from_numpy(np.concatenate([source.signal, np.full(3000, padding, dtype=np.float32)])[None])
        return render_batch(wav, torch.tensor([n]), SAMPLING_RATE, hop_s=0.01, **padded, **counts)

    wav, lengths = result(0.0)
    for padding in (7.0, np.nan):
        other, other_lengths = result(padding)
        assert torch.equal(lengths, other_lengths)
        assert torch.equal(wav, other)


def test_the_same_batch_gives_the_same_bytes(voices):
    styles = [lively(source, seed) for seed, source in enumerate(voices)]
    for first, second in zip(render_styles(voices, styles), render_styles(voices, styles), strict=True):
        assert first.tobytes() == second.tobytes()


def test_order_and_sampling_rates_are_kept():
    sources = [utterance(sentence(120.0, rate=rate), clip_id=str(rate), speaker="s") for rate in (1.0, 2.0, 0.8)]
    recording = sources[0].signal.repeat(2)  # the same sound at twice the rate
    fast = type(sources[0])("fast", "s", None, "neutral", recording, 2 * SAMPLING_RATE, sources[0].tracks)
    clips = [sources[0], fast, *sources[1:]]
    styles = [plain(source, stretch=1.1) for source in clips]
    for source, style, result in zip(clips, styles, render_styles(clips, styles), strict=True):
        expected = render_style(source, style)
        assert len(result) == len(expected)
        assert snr_db(expected, result) > 40


def test_signals_that_must_not_be_written_to_are_read(voices):
    source = voices[0]
    shared = source.signal.copy()
    shared.flags.writeable = False  # as Arrow hands them out
    locked = type(source)("locked", "s", None, "neutral", shared, SAMPLING_RATE, source.tracks)
    style = lively(source, 0)
    assert np.array_equal(render_styles([locked], [style])[0], render_styles([source], [style])[0])


def test_odd_signals_survive_beside_others(voices):
    rng = np.random.default_rng(0)
    odd = [np.zeros(8000), np.zeros(1), np.full(100, 0.1), 0.1 * rng.standard_normal(4000), np.full(5000, 0.999)]
    sources = [
        type(voices[0])(str(i), "s", None, "neutral", signal.astype(np.float32), SAMPLING_RATE, tracks_of(signal))
        for i, signal in enumerate(odd)
    ]
    sources.append(voices[0])
    styles = [
        Style(np.full(s.tracks.n_frames, 4.0), np.full(s.tracks.n_frames, 0.3), np.full((s.tracks.n_frames, 80), 9.0))
        for s in sources
    ]
    for source, style, result in zip(sources, styles, render_styles(sources, styles), strict=True):
        expected = render_style(source, style)
        assert result.shape == expected.shape
        assert np.isfinite(result).all()
        assert np.abs(result).max() <= max(PEAK, np.abs(source.signal).max()) + 1e-6
        # White noise that ends abruptly rings, and how much depends on the silence that a batch puts behind it.
        assert np.abs(result - expected).max() < 0.03 * np.abs(expected).max() + 1e-6


def tracks_of(signal):
    from emoforge.prosody.tracks import Tracks

    n_frames = 1 + len(signal) // 160
    unvoiced = np.full(n_frames, np.nan, dtype=np.float32)
    zeros = np.zeros(n_frames, dtype=np.float32)
    bands = np.zeros((n_frames, 80), dtype=np.float32)
    return Tracks(0.01, SAMPLING_RATE, unvoiced, zeros, bands, bands[:, :1])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"time_map_s": torch.tensor([[0.0, 0.02, 0.01]])}, "never descend"),
        ({"time_map_s": torch.zeros(1, 2)}, "time_map_s: 2 columns"),
        ({"n_frames": torch.tensor([0])}, "f0_hz: 3 columns, but lengths from 0"),
        ({"target_f0_hz": torch.zeros(2, 3)}, "target_f0_hz: 2 rows"),
        ({"wav": torch.full((1, 320), torch.nan)}, "not finite"),
        ({"wav": torch.zeros(320)}, "is needed"),
    ],
)
def test_wrong_arguments_are_named(change, words):
    arguments = {
        "wav": torch.zeros(1, 320),
        "f0_hz": torch.full((1, 3), torch.nan),
        "n_frames": torch.tensor([3]),
        "target_f0_hz": torch.full((1, 3), torch.nan),
        "time_map_s": torch.tensor([[0.0, 0.01, 0.02]]),
        "n_target_frames": torch.tensor([3]),
        **change,
    }
    with pytest.raises(AudioError, match=words):
        render_batch(arguments.pop("wav"), torch.tensor([320]), SAMPLING_RATE, hop_s=0.01, **arguments)


def test_clips_of_two_channels_are_refused(voices):
    source = voices[0]
    stereo = type(source)(
        "stereo", "s", None, "neutral", np.stack([source.signal] * 2, 1), SAMPLING_RATE, source.tracks
    )
    with pytest.raises(AudioError, match="one channel"):
        render_styles([stereo], [no_change(source.tracks)])
    with pytest.raises(AudioError, match="1 utterances, but 0 styles"):
        render_styles([source], [])
