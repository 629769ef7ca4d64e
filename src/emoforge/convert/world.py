"""The vocoder baseline: the statistics converter's parameters, rendered by WORLD."""

from dataclasses import replace

import numpy as np
import pyworld

from emoforge.base.audio import mono_mix, resample
from emoforge.convert.base import changes
from emoforge.convert.generative.parameters import Parameters
from emoforge.convert.rendering.render import GAIN_LIMIT_DB, below_peak
from emoforge.convert.rendering.spectral_filter import bin_gain_db, smooth_gain
from emoforge.convert.statistics import Statistics
from emoforge.convert.style import Style, targets
from emoforge.convert.utterance import Utterance

FRAME_PERIOD_MS = 5.0
#: Below it D4C has no band and calls everything noise.
LOWEST_RATE_HZ = 12000


class World(Statistics):
    """Statistics rendered by the vocoder of Morise et al. 2016 (DIO with StoneMask, CheapTrick, D4C; 5 ms frames).

    DIO instead of Harvest, which is ten times slower: 5 times real time would make this the slowest baseline by far.
    """

    name = "world"

    def synthesise(self, source: Utterance, style: Style | Parameters) -> np.ndarray:
        style = changes(style, self.name)
        sampling_rate = source.sampling_rate
        if sampling_rate < LOWEST_RATE_HZ:
            analysis_rate = source.tracks.sampling_rate
            upsampled = replace(
                source, signal=resample(source.signal, sampling_rate, analysis_rate), sampling_rate=analysis_rate
            )
            return resample(self.synthesise(upsampled, style), analysis_rate, sampling_rate)
        mix = mono_mix(source.signal).astype(np.float64)
        f0, instants = pyworld.dio(mix, sampling_rate, f0_floor=60.0, f0_ceil=600.0, frame_period=FRAME_PERIOD_MS)
        f0 = pyworld.stonemask(mix, f0, instants, sampling_rate)

        hop_s, frame_s = source.tracks.hop_s, FRAME_PERIOD_MS / 1000
        target = targets(source, style)
        n_target = round(len(target.time_map_s) * hop_s / frame_s)
        frame = np.arange(n_target) * frame_s / hop_s
        source_s = np.interp(frame, np.arange(len(target.time_map_s)), target.time_map_s)
        index = np.clip(np.rint(source_s / frame_s).astype(int), 0, len(f0) - 1)
        shift_st = np.interp(source_s / hop_s, np.arange(source.tracks.n_frames), style.f0_difference_st)
        gain_db = smooth_gain(
            target.envelope_difference_db,
            hop_s=hop_s,
            time_smoothing_s=0.015,
            band_smoothing=1.0,
            limit_db=GAIN_LIMIT_DB,
        )
        gain_db = bin_gain_db(
            gain_db,
            frame,
            sampling_rate=sampling_rate,
            n_fft=pyworld.get_cheaptrick_fft_size(sampling_rate),
            band_rate=source.tracks.sampling_rate,
        )
        channels = []
        for channel in source.signal.reshape(len(mix), -1).T.astype(np.float64):
            channel = np.ascontiguousarray(channel)
            spectrum = pyworld.cheaptrick(channel, f0, instants, sampling_rate)
            aperiodicity = pyworld.d4c(channel, f0, instants, sampling_rate)
            spoken = pyworld.synthesize(
                f0[index] * 2.0 ** (shift_st / 12),
                np.ascontiguousarray(spectrum[index] * 10.0 ** (gain_db / 10.0)),
                np.ascontiguousarray(aperiodicity[index]),
                sampling_rate,
                FRAME_PERIOD_MS,
            )
            channels.append(spoken)
        result = np.stack(channels, axis=1).reshape(-1, *source.signal.shape[1:])
        return below_peak(result)
