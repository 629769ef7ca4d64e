import numpy as np
import pytest
import soundfile

from emoforge.base.audio import (
    AudioFile,
    decode,
    encode_flac,
    output_encoding,
    pcm_sha256,
    resample,
    resample_blocks,
    to_pcm16,
    write_blocks,
)
from emoforge.base.errors import AudioError, EmoforgeError


def tone(frequency_hz: float, *, sampling_rate: int = 16000, seconds: float = 0.5) -> np.ndarray:
    time_s = np.arange(round(seconds * sampling_rate)) / sampling_rate
    return (0.5 * np.sin(2 * np.pi * frequency_hz * time_s)).astype(np.float32)


def test_flac_gives_back_the_samples_that_were_stored():
    signal = tone(440)
    decoded, sampling_rate = decode(encode_flac(signal, 16000))
    assert sampling_rate == 16000
    assert np.array_equal(to_pcm16(decoded), to_pcm16(signal))
    assert pcm_sha256(decoded, 16000) == pcm_sha256(signal, 16000)


def test_checksum_tells_rates_and_samples_apart():
    signal = tone(440)
    assert pcm_sha256(signal, 16000) != pcm_sha256(signal, 24000)
    assert pcm_sha256(signal, 16000) != pcm_sha256(signal * np.float32(0.5), 16000)


def test_stereo_is_mixed_down(tmp_path):
    left = tone(440)
    soundfile.write(tmp_path / "stereo.wav", np.stack([left, 0.5 * left], axis=1), 16000, subtype="FLOAT")
    signal, _ = decode(tmp_path / "stereo.wav")
    assert signal == pytest.approx(0.75 * left, abs=1e-6)


def test_channels_of_opposite_phase_do_not_silence_each_other(tmp_path):
    left = tone(440)
    soundfile.write(tmp_path / "opposite.wav", np.stack([-0.5 * left, 0.6 * left], axis=1), 16000, subtype="FLOAT")
    signal, _ = decode(tmp_path / "opposite.wav")
    assert signal == pytest.approx(0.6 * left, abs=1e-6)


def test_a_part_of_a_file(tmp_path):
    soundfile.write(tmp_path / "long.wav", np.arange(16000) / 16000, 16000, subtype="FLOAT")
    part, _ = decode(tmp_path / "long.wav", start_s=0.25, end_s=0.5)
    assert len(part) == 4000
    assert part[0] == pytest.approx(0.25)


@pytest.mark.parametrize("rate", [8000, 22050, 24000, 44100, 48000])
def test_resampling_keeps_a_tone_and_its_duration(rate):
    resampled = resample(tone(440, sampling_rate=rate), rate, 16000)
    assert len(resampled) == pytest.approx(8000, abs=1)
    middle = slice(1000, 7000)
    assert np.abs(resampled[middle] - tone(440)[: len(resampled)][middle]).max() < 1e-3


def test_samples_out_of_range_are_clipped_not_wrapped():
    assert to_pcm16(np.array([1.5, -1.5, 1.0], dtype=np.float32)).tolist() == [32767, -32768, 32767]


def test_reasons_of_unusable_files(tmp_path):
    (tmp_path / "text.wav").write_text("this is not audio")
    (tmp_path / "nothing.wav").touch()
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), 16000)
    soundfile.write(tmp_path / "nan.wav", np.array([0.0, np.nan]), 16000, subtype="FLOAT")
    for name, reason in [
        ("text.wav", "corrupt"),
        ("nothing.wav", "corrupt"),
        ("gone.wav", "missing: no such file"),
        ("empty.wav", "empty"),
        ("nan.wav", "not finite"),
    ]:
        with pytest.raises(AudioError, match=reason) as caught:
            decode(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_writing_where_it_cannot_be_written(tmp_path):
    with pytest.raises(AudioError, match=r"no-such-folder/out\.wav: cannot be written"):
        write_blocks(
            tmp_path / "no-such-folder" / "out.wav",
            [tone(440)],
            16000,
            n_channels=1,
            extension=".wav",
            encoding="PCM_16",
        )
    for name in ("out.unknown", "out"):
        with pytest.raises(EmoforgeError, match=r"names no format to write; use \.wav or \.flac"):
            output_encoding(tmp_path / name, "PCM_16")


@pytest.mark.parametrize(
    ("extension", "before", "after"),
    [
        (".wav", "PCM_24", "PCM_24"),
        (".wav", "FLOAT", "FLOAT"),
        (".WAV", "VORBIS", "PCM_16"),
        (".flac", "PCM_24", "PCM_24"),
        (".flac", "FLOAT", "PCM_24"),
        (".flac", "PCM_U8", "PCM_16"),
    ],
)
def test_what_is_written_holds_the_bits_of_what_was_read(extension, before, after):
    assert output_encoding("out" + extension, before) == after


@pytest.mark.parametrize("rate", [8000, 44100])
def test_resampling_in_blocks_is_resampling(rate):
    signal = tone(440, sampling_rate=rate)
    blocks = np.array_split(signal, 7)
    assert np.array_equal(np.concatenate(list(resample_blocks(blocks, rate, 16000))), resample(signal, rate, 16000))


def test_a_file_in_blocks_and_in_overlapping_spans(tmp_path):
    signal = np.stack([tone(440), tone(220)], axis=1)
    path = tmp_path / "stereo.wav"
    write_blocks(path, [signal[:100], signal[100:]], 16000, n_channels=2, extension=".wav", encoding="FLOAT")
    file = AudioFile(path)
    assert (file.sampling_rate, file.n_samples, file.n_channels, file.encoding) == (16000, len(signal), 2, "FLOAT")
    assert np.array_equal(np.concatenate(list(file.blocks(999))), signal)
    bounds = [(0, 500), (300, 700), (700, 710), (705, len(signal))]
    for span, (start, stop) in zip(file.spans(bounds), bounds, strict=True):
        assert np.array_equal(span, signal[start:stop])
    with pytest.raises(AudioError, match="ends before its last sample"):
        list(file.spans([(0, len(signal) + 1)]))
