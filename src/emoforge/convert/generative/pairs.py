"""What there is to learn from: emotional clips on their own time lines, each with neutral clips of the same words."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from emoforge.base.errors import ModelError
from emoforge.convert.generative.parameters import analyse, stretched
from emoforge.convert.generative.timeline import aligned, rate_of, stretch_of, tokens
from emoforge.convert.generative.voice import VOICING, Voice, change_of, relative, spread_of, style_of, voice_of
from emoforge.convert.typicality import typicality
from emoforge.convert.utterance import Utterance, neutral_and_emotional
from emoforge.dataset.labels import NEUTRAL

#: Sources of a target: neutral clips of its own speaker, then of others, who teach that words are nobody's own.
_N_OWN, _N_OTHERS = 2, 1


@dataclass(frozen=True)
class Clip:
    """A clip beside its speaker's neutral voice.

    Attributes:
        speaker, gender, corpus, emotion: of the clip.
        words: corpus and sentence; None if the sentence is unknown.
        values: (n_frames, N_VALUES) float32 relative parameters.
    """

    speaker: str
    gender: str
    corpus: str
    emotion: str
    words: tuple[str, str] | None
    values: np.ndarray


@dataclass(frozen=True)
class Pair:
    """A target, a source of the same words, and where they meet.

    Attributes:
        target: index of the clip that is learnt.
        source: index of the neutral clip.
        position: (n_target_frames,) float32, frame of the source for every frame of the target.
        style: (N_STYLE,) of the target.
    """

    target: int
    source: int
    position: np.ndarray
    style: np.ndarray


@dataclass(frozen=True)
class Material:
    """All that a converter learns from.

    Attributes:
        clips: of all speakers with neutral speech.
        voices: speaker → voice.
        spread: unit of each column of the envelope, see :func:`~emoforge.convert.generative.voice.spread_of`.
        pairs: what the networks learn.
        changes: target → (N_STYLE,) how its style differs from that of its speaker's neutral clips.
        ranks: target → how typical of its emotion it is, from 0 to 1.
    """

    clips: Sequence[Clip]
    voices: Mapping[str, Voice]
    spread: np.ndarray
    pairs: Sequence[Pair]
    changes: Mapping[int, np.ndarray]
    ranks: Mapping[int, float]


@dataclass(frozen=True)
class Example:
    """A pair as the networks take it; T tokens of the target, S of the source.

    Attributes:
        emotion: of the target.
        speaker: of the target, whose voice is given.
        style: (N_STYLE,) of the target.
        speech: (T, N_SPEECH) what is generated.
        known: (T, N_KNOWN) the source on the target's time line, and the local speed.
        stretch: (S, 1) the time line, what is generated first.
        source: (S, N_SPEECH) what is known then.
    """

    emotion: str
    speaker: str
    style: np.ndarray
    speech: np.ndarray
    known: np.ndarray
    stretch: np.ndarray
    source: np.ndarray


def gather(utterances: Sequence[Utterance], *, seed: int, spread: np.ndarray | None = None) -> Material:
    """Analyse *utterances* and pair them.

    Clips of speakers without neutral speech are left out: their voice is not known.

    Args:
        utterances: of training speakers.
        seed: draws the sources of a target where there are many.
        spread: unit of each column of the envelope; that of the utterances if None.

    Raises:
        ModelError: there is no neutral or no emotional utterance, or no two of the same words.
    """
    neutral, emotional = neutral_and_emotional(utterances)
    heard = {utterance.clip_id: analyse(utterance) for utterance in (*neutral, *emotional)}
    own: defaultdict[str, list] = defaultdict(list)
    for utterance in neutral:
        own[utterance.speaker].append(heard[utterance.clip_id])
    voices = {speaker: voice_of(clips) for speaker, clips in own.items()}
    known = [utterance for utterance in (*neutral, *emotional) if utterance.speaker in voices]
    if spread is None:
        spread = spread_of([(heard[utterance.clip_id], voices[utterance.speaker]) for utterance in known])
    clips = [
        Clip(
            utterance.speaker,
            utterance.gender,
            utterance.corpus,
            utterance.emotion,
            None if utterance.sentence is None else (utterance.corpus, utterance.sentence),
            relative(heard[utterance.clip_id], voices[utterance.speaker], spread),
        )
        for utterance in known
    ]
    pairs = _paired(clips, seed=seed)
    if not pairs:
        raise ModelError(
            "no emotional clip has a neutral one of the same sentence, and this converter learns from such pairs; "
            "choose a corpus that names its sentences, or another method"
        )
    changes = _changes(clips, pairs)
    targets = [clips[row] for row in changes]
    ranks = typicality(
        np.stack(list(changes.values())), [clip.emotion for clip in targets], [clip.speaker for clip in targets]
    )
    return Material(clips, voices, spread, pairs, changes, dict(zip(changes, map(float, ranks), strict=True)))


def _changes(clips: Sequence[Clip], pairs: Sequence[Pair]) -> dict[int, np.ndarray]:
    """Return target → how its style differs from that of its speaker's neutral clips, in the order of targets."""
    neutral: defaultdict[str, list[np.ndarray]] = defaultdict(list)
    for clip in clips:
        if clip.emotion == NEUTRAL:
            neutral[clip.speaker].append(style_of(clip.values, 0.0))
    # A target has several sources; how much longer it is, is told beside the first, of its own speaker if one is.
    styles = {pair.target: pair.style for pair in reversed(pairs)}
    return {
        target: change_of(styles[target], np.mean(neutral[clips[target].speaker], axis=0)) for target in sorted(styles)
    }


def _paired(clips: Sequence[Clip], *, seed: int) -> list[Pair]:
    rng = np.random.default_rng(seed)
    saying: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for index, clip in enumerate(clips):
        if clip.emotion == NEUTRAL and clip.words is not None:
            saying[clip.words].append(index)
    pairs = []
    for index, clip in enumerate(clips):
        if clip.words is None:
            continue
        sources = [other for other in saying[clip.words] if other != index]
        own = [other for other in sources if clips[other].speaker == clip.speaker]
        others = [other for other in sources if clips[other].speaker != clip.speaker]
        others = [other for other in others if clips[other].gender == clip.gender] or others
        chosen = [*rng.permutation(own)[:_N_OWN], *rng.permutation(others)[: _N_OTHERS if own else _N_OWN]]
        for other in map(int, chosen):
            position = aligned(clip.values, clips[other].values)
            longer = float(np.log2(len(clip.values) / len(clips[other].values)))
            pairs.append(Pair(index, other, position, style_of(clip.values, longer)))
    return pairs


def example_of(material: Material, pair: Pair) -> Example:
    """Return *pair* as the networks take it."""
    target, source = material.clips[pair.target], material.clips[pair.source]
    return Example(
        emotion=target.emotion,
        speaker=target.speaker,
        style=pair.style,
        speech=tokens(target.values),
        known=known_of(source.values, pair.position),
        stretch=stretch_of(pair.position, len(source.values))[:, None],
        source=tokens(source.values),
    )


def known_of(source: np.ndarray, position: np.ndarray) -> np.ndarray:
    """Return (T, N_KNOWN): *source*, relative parameters, at *position*, and the local speed there."""
    there = stretched(source, position, switched=(VOICING,))
    return np.concatenate([tokens(there), tokens(rate_of(position))], axis=1).astype(np.float32)
