"""What an English Whisper writes down of a clip, word by word the likeliest (greedy search).

Whisper learnt with clips padded to 30 s. Without padding its decoder does not stop: it says every sentence again. With
8 s in all it did so in four of eight neutral clips of RAVDESS, with 14 s and more in none. Word error of Whisper
tiny.en by the length that clips of 2 to 5 s are padded to, 24 clips each of known sentences, one core:

===================  =====  =====  =====
padded to            14 s   20 s   30 s
===================  =====  =====  =====
RAVDESS, neutral     .007   .007   .007
RAVDESS, emotional   .042   .035   .069
CREMA-D, neutral     .056   .056   .045
CREMA-D, emotional   .010   .010   .042
seconds per clip     0.26   0.35   0.53
===================  =====  =====  =====
"""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from emoforge.base.batch import one_thread
from emoforge.base.errors import AudioError
from emoforge.ser.encoders.encoder import SAMPLING_RATE, checked
from emoforge.ser.encoders.whisper import Whisper
from emoforge.ser.transcription.decoder import Decoder, State
from emoforge.ser.transcription.vocabulary import Vocabulary

#: Seconds of silence that a clip is followed by, up to 30 s in all.
SILENCE_S = 11.0
# Fast speech has about 7 syllables a second, and a syllable is seldom more than one token.
_TOKENS_PER_S = 12
_FEWEST_TOKENS = 12
# No run of so many tokens comes twice: a decoder that is lost repeats itself to the end.
_REPEATED = 4


@dataclass(frozen=True, eq=False)
class Transcriber:
    """Encoder, decoder and vocabulary of one Whisper.

    Attributes:
        encoder: of the same model as *decoder*.
        decoder: in evaluation mode.
        vocabulary: of the decoder.
        sha256: of the weights.
        silence_s: seconds of silence that a clip is followed by, up to 30 s in all.
    """

    encoder: Whisper
    decoder: Decoder
    vocabulary: Vocabulary
    sha256: str
    silence_s: float = SILENCE_S

    def transcribe(self, signals: Sequence[np.ndarray], sampling_rate: int) -> list[str]:
        """Return what is said in each clip, with capitals and punctuation; "" where nothing is.

        Args:
            signals: (n_samples,) each, in [-1, 1], at most 30 s.
            sampling_rate: 16,000 Hz.

        Raises:
            AudioError: another sampling rate; a clip that is empty, too long, not one channel, or not finite.
        """
        known = [checked(signal, sampling_rate) for signal in signals]
        for signal in known:
            if len(signal) > self.encoder.longest:
                raise AudioError(
                    f"{len(signal) / sampling_rate:.1f} s long: at most {self.encoder.longest / SAMPLING_RATE:g} s are "
                    "transcribed; cut the clip first"
                )
        device = self.decoder.positions.device
        with torch.inference_mode(), one_thread() if device.type == "cpu" else nullcontext():
            return [self._of_one(signal, device) for signal in known]

    def _of_one(self, signal: np.ndarray, device: torch.device) -> str:
        n_samples = min(len(signal) + round(self.silence_s * SAMPLING_RATE), self.encoder.longest)
        padded = np.zeros(n_samples, dtype=np.float32)
        padded[: len(signal)] = signal
        wav = torch.from_numpy(padded).to(device)[None]
        layers, _ = self.encoder(wav, torch.tensor([n_samples], device=device))
        most = _FEWEST_TOKENS + round(_TOKENS_PER_S * len(signal) / SAMPLING_RATE)
        return self.vocabulary.text(self._greedy(layers[:, -1], most)).strip()

    def _greedy(self, frames: Tensor, most: int) -> list[int]:
        """Return the tokens of (1, T, C) frames, at most *most* of them."""
        words = self.vocabulary
        never = torch.zeros(len(self.decoder.embedding.weight), dtype=torch.bool)
        never[list(words.suppressed)] = True
        past: list[State] | None = None
        read = [words.start, words.without_times]
        found: list[int] = []
        while len(found) < min(most, self.decoder.n_positions - 2):
            logits, past = self.decoder(torch.tensor([read], device=frames.device), frames, past)
            logits = logits.float().cpu().masked_fill(never, -torch.inf)
            if not found:
                logits[list(words.suppressed_first)] = -torch.inf
            logits[_repeating(found)] = -torch.inf
            token = int(logits.argmax())
            if token == words.end:
                break
            found.append(token)
            read = [token]
        return found


def _repeating(found: Sequence[int]) -> list[int]:
    """Return the tokens that would end a run of ``_REPEATED`` tokens which is there already."""
    last = found[len(found) - _REPEATED + 1 :] if len(found) >= _REPEATED else None
    if last is None:
        return []
    return [
        found[start + _REPEATED - 1]
        for start in range(len(found) - _REPEATED + 1)
        if list(found[start : start + _REPEATED - 1]) == list(last)
    ]
