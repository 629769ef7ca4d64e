"""How the demo corpus's voices act an emotion: rules from the literature, and their rendering.

The directions (faster or slower, higher or lower, wider or narrower, louder or softer, tense or breathy, rising or
falling, steady or trembling) are those that these works report for acted and synthesised emotional speech; the
sizes are ours, scaled to what eSpeak NG can render:

- Murray and Arnott, "Toward the simulation of emotion in synthetic speech", JASA 93(2), 1993, table of the vocal
  effects of five emotions (rate, pitch average, pitch range, intensity, voice quality, pitch changes, articulation),
  and "Implementation and testing of a system for producing emotion-by-rule in synthetic speech", Speech
  Communication 16(4), 1995.
- Burkhardt and Sendlmeier, "Verification of acoustical correlates of emotional speech using formant-synthesis",
  ISCA Workshop on Speech and Emotion, 2000 (phonation, contour shapes, jitter, durations).
- Schröder, "Emotional speech synthesis: a review", Eurospeech 2001 (the rules of eight systems side by side,
  surprise among them).
- Juslin and Laukka, "Communication of emotions in vocal expression and music performance: different channels, same
  code?", Psychological Bulletin 129(5), 2003 (high-frequency energy, F0 contour, microstructural irregularity).
"""

from dataclasses import dataclass, fields

import numpy as np

from emoforge.corpora.demo.espeak import SAMPLING_RATE_HZ, Utterance

# Measured with Praat over eSpeak NG's English voices: pitch 20 to 80 spans nine semitones.
_PITCH_STEPS_PER_ST = 6.7


@dataclass(frozen=True)
class Acting:
    """The cues of one performance, each as a change from the speaker's neutral voice (0 everywhere).

    Attributes:
        rate: relative change of the speaking rate (0.1 is ten per cent faster).
        pitch_st: shift of the pitch average, in semitones.
        pitch_range: change of eSpeak NG's pitch range, in its steps of 0 to 99.
        slope_st: rise (or fall) of the pitch from the first word to the last, in semitones.
        accent_st: how far every other word is lifted above its neighbours, in semitones.
        final_rise_st: lift of the last word, in semitones.
        level_db: change of the level.
        tilt_db: change of the spectral slope above 500 Hz, in dB per octave; positive is tense, negative soft.
        breath: noise between 0 and 1 of the voice's own envelope.
        tremor_st: depth of a 5 to 9 Hz modulation of the pitch, in semitones.
        jitter_st: standard deviation of an irregular modulation of the pitch below 40 Hz, in semitones.
        pause: gap between words in units of 10 ms.
    """

    rate: float = 0.0
    pitch_st: float = 0.0
    pitch_range: float = 0.0
    slope_st: float = 0.0
    accent_st: float = 0.0
    final_rise_st: float = 0.0
    level_db: float = 0.0
    tilt_db: float = 0.0
    breath: float = 0.0
    tremor_st: float = 0.0
    jitter_st: float = 0.0
    pause: float = 0.0


#: The rules: what an emotion does to each cue.
RULES: dict[str, Acting] = {
    "neutral": Acting(),
    # Slightly faster, pitch much higher, range much wider, louder, tense, abrupt changes on stressed words.
    "anger": Acting(
        rate=0.14, pitch_st=2.5, pitch_range=22, accent_st=1.6, slope_st=-1.0, level_db=6.5, tilt_db=2.6, jitter_st=0.05
    ),
    # Somewhat faster, higher, wider, louder, a smooth wave-like contour that stays up.
    "happiness": Acting(
        rate=0.08, pitch_st=3.2, pitch_range=24, accent_st=1.8, slope_st=1.0, level_db=3.5, tilt_db=0.9, breath=0.02
    ),
    # Slower, lower, narrower, softer, downward inflections, breathy, pauses.
    "sadness": Acting(
        rate=-0.2, pitch_st=-1.6, pitch_range=-22, slope_st=-1.6, level_db=-5.5, tilt_db=-2.2, breath=0.1, pause=3
    ),
    # Much faster, pitch very much higher, normal intensity, irregular voicing.
    "fear": Acting(
        rate=0.24,
        pitch_st=4.2,
        pitch_range=-4,
        level_db=-0.5,
        tilt_db=-0.6,
        breath=0.07,
        tremor_st=0.35,
        jitter_st=0.12,
    ),
    # Slightly faster, higher, the widest range, a steep final rise.
    "surprise": Acting(
        rate=0.03,
        pitch_st=3.0,
        pitch_range=48,
        slope_st=-0.5,
        final_rise_st=4.0,
        level_db=2.0,
        tilt_db=0.3,
        breath=0.03,
    ),
}

# Standard deviations of what varies from one utterance to the next whatever the emotion; cues that cannot be
# negative (breath, tremor, jitter, pause) are folded at zero.
_UTTERANCE_SPREAD = Acting(
    rate=0.06,
    pitch_st=0.9,
    pitch_range=8,
    slope_st=0.8,
    accent_st=0.5,
    final_rise_st=0.8,
    level_db=1.8,
    tilt_db=0.7,
    breath=0.02,
    tremor_st=0.08,
    jitter_st=0.04,
    pause=0.8,
)
_NEVER_NEGATIVE = ("breath", "tremor_st", "jitter_st", "pause")


@dataclass(frozen=True)
class Style:
    """How one speaker differs from the rules: their own neutral voice, and how far they take each cue.

    Attributes:
        rate_wpm: neutral speaking rate in words a minute.
        pitch: neutral pitch on eSpeak NG's scale of 0 to 99.
        pitch_range: neutral range on the same scale.
        level_db: neutral level (root mean square) in dB full scale.
        noise_db: level of the room in dB full scale.
        habit: the speaker's constant offset on the cues of voice quality.
        strength: per emotion, the factor on each cue of the rule; near 1, sometimes close to 0.
    """

    rate_wpm: float
    pitch: float
    pitch_range: float
    level_db: float
    noise_db: float
    habit: Acting
    strength: dict[str, Acting]


def draw_style(rng: np.random.Generator) -> Style:
    """Draw one speaker's style."""
    strength = {}
    for emotion in RULES:
        overall = rng.uniform(0.55, 1.15)
        strength[emotion] = Acting(
            **{cue.name: max(0.0, overall * (1 + 0.4 * rng.standard_normal())) for cue in fields(Acting)}
        )
    return Style(
        rate_wpm=rng.uniform(150, 178),
        pitch=rng.uniform(44, 56),
        pitch_range=rng.uniform(40, 56),
        level_db=rng.uniform(-31, -25),
        noise_db=rng.uniform(-72, -62),
        habit=Acting(tilt_db=rng.normal(0, 1.0), breath=abs(rng.normal(0, 0.02)), accent_st=abs(rng.normal(0, 0.3))),
        strength=strength,
    )


def draw_acting(style: Style, emotion: str, rng: np.random.Generator) -> Acting:
    """Draw one performance of *emotion* by a speaker of *style*: rule × speaker's strength + habit + chance."""
    rule, strength = RULES[emotion], style.strength[emotion]
    cues = {}
    for cue in fields(Acting):
        name = cue.name
        value = getattr(rule, name) * getattr(strength, name) + getattr(style.habit, name)
        value += getattr(_UTTERANCE_SPREAD, name) * rng.standard_normal()
        cues[name] = abs(value) if name in _NEVER_NEGATIVE else value
    return Acting(**cues)


def direct(text: str, style: Style, acting: Acting) -> Utterance:
    """Turn a sentence and its acting into what eSpeak NG is asked to say."""
    words = text.rstrip(".").split()
    last = len(words) - 1
    pitch = style.pitch + _PITCH_STEPS_PER_ST * acting.pitch_st
    spoken = []
    for position, word in enumerate(words):
        lift_st = acting.slope_st * (position / last - 0.5) + acting.accent_st * (0.5 if position % 2 else -0.5)
        if position == last:
            lift_st += acting.final_rise_st
        # SSML changes are relative to the pitch parameter.
        percent = round(100 * lift_st * _PITCH_STEPS_PER_ST / max(pitch, 1.0))
        stop = "." if position == last else ""
        spoken.append(f'<prosody pitch="{percent:+d}%">{word}{stop}</prosody>')
    return Utterance(
        ssml=f"<speak>{' '.join(spoken)}</speak>",
        rate_wpm=round(float(np.clip(style.rate_wpm * (1 + acting.rate), 90, 300))),
        pitch=round(float(np.clip(pitch, 0, 99))),
        pitch_range=round(float(np.clip(style.pitch_range + acting.pitch_range, 5, 99))),
        word_gap=round(acting.pause),
    )


def colour(signal: np.ndarray, style: Style, acting: Acting, rng: np.random.Generator) -> np.ndarray:
    """Add what eSpeak NG cannot do: tremor, jitter, breath, spectral tilt, level, a room and silence around.

    Every emotion goes through the same chain, so that none is known by its artefacts.

    Args:
        signal: float32 (n_samples,) at :data:`~emoforge.corpora.demo.espeak.SAMPLING_RATE_HZ`.
        style: the speaker.
        acting: the performance.
        rng: draws of this utterance.

    Returns:
        float32 (n_samples,) in [-1, 1], of another length.
    """
    signal = _modulate(_trim(signal), acting, rng)
    signal = _breathe(signal, acting.breath, rng)
    signal = _tilt(signal, acting.tilt_db)
    target = 10 ** ((style.level_db + acting.level_db) / 20)
    signal = signal * (target / np.sqrt(np.mean(signal**2)))
    before, after = (rng.uniform(0.1, 0.3, 2) * SAMPLING_RATE_HZ).astype(int)
    signal = np.pad(signal, (before, after))
    signal += 10 ** (style.noise_db / 20) * rng.standard_normal(len(signal))
    # A soft knee above half scale keeps loud clips from clipping.
    loud = np.abs(signal) > 0.5
    signal[loud] = np.sign(signal[loud]) * (0.5 + 0.49 * np.tanh((np.abs(signal[loud]) - 0.5) / 0.49))
    return signal.astype(np.float32)


def _trim(signal: np.ndarray) -> np.ndarray:
    """Cut the digital silence that eSpeak NG puts around an utterance."""
    heard = np.flatnonzero(np.abs(signal) > 1e-3)
    return signal[heard[0] : heard[-1] + 1].astype(np.float64)


def _modulate(signal: np.ndarray, acting: Acting, rng: np.random.Generator) -> np.ndarray:
    """Bend the time axis so that the pitch trembles (periodic) and jitters (irregular)."""
    n_samples = len(signal)
    time_s = np.arange(n_samples) / SAMPLING_RATE_HZ
    tremor = acting.tremor_st * np.sin(2 * np.pi * (rng.uniform(5, 9) * time_s + rng.uniform()))
    knots_s = np.arange(0, time_s[-1] + 0.025, 0.0125)
    jitter = acting.jitter_st * np.interp(time_s, knots_s, rng.standard_normal(len(knots_s)))
    speed = 2 ** ((tremor + jitter) / 12)
    shimmer = 1 + 0.5 * (tremor + jitter)
    read_at = np.cumsum(speed) - speed[0]
    return np.interp(read_at, np.arange(n_samples), signal) * shimmer


def _breathe(signal: np.ndarray, breath: float, rng: np.random.Generator) -> np.ndarray:
    """Add noise that follows the voice's envelope (20 ms) and rises 6 dB per octave."""
    width = SAMPLING_RATE_HZ // 50
    padded = np.pad(np.abs(signal), (width // 2 + 1, width - width // 2 - 1))
    total = np.cumsum(padded)
    envelope = np.concatenate([[total[width - 1]], total[width:] - total[:-width]])[: len(signal)] / width
    noise = np.diff(rng.standard_normal(len(signal) + 1))
    return signal + breath * envelope * noise


def _tilt(signal: np.ndarray, tilt_db: float) -> np.ndarray:
    """Change the spectrum's slope by *tilt_db* an octave between 500 Hz and 8 kHz."""
    from scipy.fft import irfft, next_fast_len, rfft

    n_fft = next_fast_len(len(signal), real=True)
    frequency_hz = np.fft.rfftfreq(n_fft, 1 / SAMPLING_RATE_HZ)
    octaves = np.log2(np.clip(frequency_hz, 500, 8000) / 500)
    return irfft(rfft(signal, n_fft) * 10 ** (tilt_db * octaves / 20), n_fft)[: len(signal)]
