"""eSpeak NG in a process of its own: one voice, a fixed list of utterances, raw PCM back.

eSpeak NG keeps state between calls (the same call in another place of the sequence gives other samples), so every
voice speaks its whole list in a fresh process, with both generators of noise seeded before every utterance: the
bytes then depend on the list alone. The child runs this file as a script, and so this file imports nothing of
emoforge at its top.
"""

import ctypes
import json
import struct
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

#: eSpeak NG's own rate; every voice has it.
SAMPLING_RATE_HZ = 22050

# Constants of espeak-ng/speak_lib.h.
_AUDIO_OUTPUT_SYNCHRONOUS = 2
_CHARS_UTF8 = 0x01
_SSML = 0x10
_POS_CHARACTER = 1
_PARAMETERS = {"rate_wpm": 1, "volume": 2, "pitch": 3, "pitch_range": 4, "word_gap": 7}


@dataclass(frozen=True)
class Utterance:
    """What eSpeak NG is asked to say, and how.

    Attributes:
        ssml: the sentence, with per-word ``<prosody pitch="...">`` where the contour is bent.
        rate_wpm: words a minute, 80 to 450.
        pitch: 0 to 99; 50 is the voice's own pitch, and about 6.7 steps make a semitone.
        pitch_range: 0 to 99; 0 is monotone, 50 the voice's own range.
        word_gap: pause between words in units of 10 ms.
    """

    ssml: str
    rate_wpm: int = 160
    pitch: int = 50
    pitch_range: int = 50
    word_gap: int = 0


def speak(voice: str, utterances: Sequence[Utterance]) -> "list[np.ndarray]":
    """Speak *utterances* in order with *voice*.

    Args:
        voice: language and variant, for example ``"en-us+f2"``.
        utterances: what to say.

    Returns:
        One float32 array of shape (n_samples,) in [-1, 1] per utterance, at :data:`SAMPLING_RATE_HZ`.

    Raises:
        CorpusError: eSpeak NG knows no such voice, or could not speak.
    """
    import numpy as np

    from emoforge.base.errors import CorpusError

    request = json.dumps({"voice": voice, "utterances": [asdict(utterance) for utterance in utterances]})
    # -P keeps this folder off the child's module path, where recording.py and others could hide top-level modules.
    child = subprocess.run(
        [sys.executable, "-P", str(Path(__file__).resolve())], input=request.encode(), capture_output=True, check=False
    )
    if child.returncode != 0:
        last_line = child.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise CorpusError(f"eSpeak NG could not speak with voice {voice!r}: {last_line}")
    signals, offset = [], 0
    for _ in utterances:
        (n_bytes,) = struct.unpack_from("<I", child.stdout, offset)
        pcm = np.frombuffer(child.stdout, dtype="<i2", count=n_bytes // 2, offset=offset + 4)
        signals.append(pcm.astype(np.float32) / 32768)
        offset += 4 + n_bytes
    return signals


def _require_voice(data_path: Path, voice: str) -> None:
    """Leave when a part of *voice* is unknown: eSpeak NG itself would silently speak with another one."""
    language, _, variant = voice.partition("+")
    languages = {path.name.lower() for path in (data_path / "lang").rglob("*") if path.is_file()}
    variants = {path.name for path in (data_path / "voices" / "!v").iterdir()}
    if language.lower() not in languages:
        sys.exit(f"unknown language {language!r} (eSpeak NG has {len(languages)}, such as en-us)")
    if variant and variant not in variants:
        sys.exit(f"unknown variant {variant!r}; allowed: {', '.join(sorted(variants))}")


def _main() -> None:
    """Read a JSON request from standard input, write each utterance's length and PCM16 to standard output."""
    import espeakng_loader

    request = json.load(sys.stdin)
    data_path = Path(espeakng_loader.get_data_path())
    _require_voice(data_path, request["voice"])
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    rate = library.espeak_Initialize(_AUDIO_OUTPUT_SYNCHRONOUS, 0, str(data_path).encode(), 0)
    if rate != SAMPLING_RATE_HZ:
        sys.exit(f"eSpeak NG started with sampling rate {rate}, expected {SAMPLING_RATE_HZ}")

    # The noise of breath and fricatives comes from two generators, eSpeak NG's own and the C library's, and the clock
    # seeds the first: without fixed seeds the same request gives other samples one second later.
    c_library = ctypes.CDLL("msvcrt" if sys.platform == "win32" else None)
    chunks: list[bytes] = []

    @ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
    def collect(wav: int | None, n_samples: int, _events: int | None) -> int:
        if wav and n_samples > 0:
            chunks.append(ctypes.string_at(wav, 2 * n_samples))
        return 0

    library.espeak_SetSynthCallback(collect)
    if library.espeak_SetVoiceByName(request["voice"].encode()) != 0:
        sys.exit("espeak_SetVoiceByName refused it")
    for utterance in request["utterances"]:
        chunks.clear()
        library.espeak_ng_SetRandSeed(ctypes.c_long(1))
        c_library.srand(1)
        library.espeak_SetParameter(_PARAMETERS["volume"], 100, 0)
        for name, value in utterance.items():
            if name != "ssml":
                library.espeak_SetParameter(_PARAMETERS[name], value, 0)
        text = utterance["ssml"].encode() + b"\0"
        if library.espeak_Synth(text, len(text), 0, _POS_CHARACTER, 0, _CHARS_UTF8 | _SSML, None, None) != 0:
            sys.exit(f"espeak_Synth failed on {utterance['ssml']!r}")
        library.espeak_Synchronize()
        pcm = b"".join(chunks)
        sys.stdout.buffer.write(struct.pack("<I", len(pcm)) + pcm)


if __name__ == "__main__":
    _main()
