"""params.yaml as typed, frozen sections named like the stages; the whole file is checked before any work."""

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from emoforge import corpora
from emoforge.base.errors import EmoforgeError, ParamsError, unknown_value
from emoforge.base.outputs import written_aside
from emoforge.dataset.labels import canonical_emotion
from emoforge.project.typed_yaml import Section, checked, read_typed

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]
AtLeastOne = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0)]
#: Stands for what `emoforge recommend` found; :func:`resolved` replaces it by that.
AUTO = "auto"
Auto = Literal["auto"]


def _known_corpus(name: str) -> str:
    if name not in corpora.names():
        raise ValueError(unknown_value("corpus", name, corpora.names()))
    return name


CorpusName = Annotated[str, AfterValidator(_known_corpus)]


def _own_name(name: str) -> str:
    if not re.fullmatch(r"([A-Za-z0-9][\w.-]*)?", name):
        raise ValueError("a name is made of letters, digits, '.', '_' and '-'")
    if name in corpora.names():
        raise ValueError("this is the name of a registered corpus; choose another")
    return name


PublicName = Annotated[str, AfterValidator(_own_name)]


class CorpusParams(Section):
    name: CorpusName = Field(description="registry name of the corpus")
    root: str = Field(description="folder of its original download (or the table, for the corpus `table`)")
    licence: str = Field(description="SPDX identifier of a corpus of yours; a registered licence holds beside it")
    # What a corpus of one's own is called; a file that is older than these keys leaves them out.
    public_name: PublicName = Field(default="", description="what the published set calls a corpus of yours")
    title: str = Field(default="", description="title of a corpus of yours, for the card")
    citation: str = Field(default="", description="what to cite for a corpus of yours, on the card")


class DemoParams(Section):
    voices: Annotated[int, Field(ge=4)] = Field(description="eSpeak voices that act the demo corpus")
    sentences: AtLeastOne = Field(description="sentences that each voice says in each emotion")


class IngestParams(Section):
    sampling_rate: Literal[16000] = Field(description="of every stored clip, in Hz; the scores are made for 16 kHz")
    emotions: list[str] = Field(description="emotions to use; empty means all of the corpus")
    trim_db: Positive = Field(description="silence at both ends is what lies this many dB below the loud frames")
    level: Literal["speaker", "clip", "none"] = Field(
        description="which clips share one gain: those of a speaker, only the clip itself, or no gain"
    )
    min_duration_s: Positive = Field(description="shorter clips are rejected")
    max_duration_s: Positive = Field(description="longer clips are rejected")
    fold: Count = Field(description="which fold of speakers is the test set")
    n_folds: Annotated[int, Field(ge=2)] = Field(description="number of folds, where the corpus has no published ones")
    val_speakers: AtLeastOne = Field(description="speakers held out for early stopping and calibration")
    enrolment_clips: Count = Field(description="neutral clips per speaker, for calibration only; never scored")
    # Nobody has withdrawn from a project that is older than this key.
    withdrawn: list[str] = Field(default=[], description="speakers who withdrew consent and are left out")

    @field_validator("emotions")
    @classmethod
    def _known(cls, emotions: list[str]) -> list[str]:
        try:
            return [canonical_emotion(emotion) for emotion in emotions]
        except EmoforgeError as error:
            raise ValueError(str(error)) from error

    @model_validator(mode="after")
    def _ordered(self) -> "IngestParams":
        if self.min_duration_s >= self.max_duration_s:
            raise ValueError("min_duration_s must be below max_duration_s")
        return self


class ProsodyParams(Section):
    hop_s: Annotated[float, Field(ge=0.001, le=0.05)] = Field(description="distance between frames, in seconds")
    f0_min_hz: Positive = Field(description="lowest F0 to look for, in Hz")
    f0_max_hz: Positive = Field(description="highest F0 to look for, in Hz")

    @model_validator(mode="after")
    def _ordered(self) -> "ProsodyParams":
        if self.f0_min_hz >= self.f0_max_hz:
            raise ValueError("f0_min_hz must be below f0_max_hz")
        return self


class NeuralParams(Section):
    # Of both kinds of converter that are trained: neural and generative.
    size: Literal["small", "full"] = Field(description="network and training: small for a laptop, full for a GPU")
    steps: Count = Field(description="gradient steps at most; 0 takes what suits the size")
    base: str = Field(
        default="", description="folder of a generative converter whose training it goes on from; none where empty"
    )
    device: Literal["auto", "cpu", "cuda"] = Field(description="where it is trained; auto takes a GPU if there is one")
    guidance: Literal["usual"] | Annotated[float, Field(ge=0, le=10)] = Field(
        description="1 asks for the emotion, more exaggerates it; usual takes what suits the method"
    )
    temperature: Literal["usual"] | Annotated[float, Field(ge=0, le=2)] = Field(
        description="how much performances differ; 0: not at all; usual takes what suits the method"
    )
    samples: Count = Field(description="clips converted at every validation point, to data/converter_samples")


class ExternalParams(Section):
    # A file that is older than this section leaves all of it out.
    command: list[str] = Field(default=[], description="program and its arguments, started in the project's folder")
    start_limit_s: Positive = Field(default=600.0, description="seconds until the program must have started")
    clip_limit_s: Positive = Field(default=120.0, description="seconds that it may take for one clip")
    processes: AtLeastOne = Field(default=1, description="how many of them run side by side")
    control_clips: AtLeastOne = Field(
        default=20, description="neutral clips that are converted to neutral too, as the control"
    )


class FitConverterParams(Section):
    method: Literal["identity", "world", "statistics", "transplant", "neural", "generative", "external"] = Field(
        description="kind of converter; external runs a program of somebody else"
    )
    also: list[str] = Field(description="other projects whose training speakers it learns from too")
    neural: NeuralParams
    external: ExternalParams = ExternalParams()

    @model_validator(mode="after")
    def _complete(self) -> "FitConverterParams":
        if self.method == "external" and not self.external.command:
            raise ValueError("method 'external' needs external.command: a program and its arguments, as a list")
        if self.method == "external" and self.also:
            raise ValueError("method 'external' learns from no project; leave `also` empty")
        return self


class ConvertParams(Section):
    variants: AtLeastOne = Field(description="conversions of every neutral clip into every emotion")
    intensity: Share = Field(description="how strong the emotion is made")


class AugmentParams(Section):
    variants: AtLeastOne = Field(description="augmented copies of every real training clip")
    kinds: Annotated[list[Literal["white_noise", "pink_noise", "speed", "pitch", "reverb"]], Field(min_length=1)] = (
        Field(description="classical augmentations to draw from")
    )


class ScoreParams(Section):
    judge_folds: Annotated[int, Field(ge=3)] = Field(
        description="groups of training speakers; no judge learns from those it judges"
    )


class SelectParams(Section):
    min_confidence: Share | Auto = Field(description="lowest confidence of the judge in the target emotion, or auto")
    max_confidence: Share = Field(description="highest confidence; clips recognised with certainty teach least")
    min_naturalness: Annotated[float, Field(ge=1, le=5)] = Field(description="lowest DNSMOS overall")
    min_speaker_similarity: Annotated[float, Field(ge=-1, le=1)] = Field(
        description="lowest cosine with the speaker's voice"
    )
    max_content_error: Share = Field(description="highest content error")
    max_clipping_share: Share = Field(description="highest share of clipped samples")
    max_silence_share: Share = Field(description="highest share of silent frames")
    min_duration_ratio: Positive = Field(description="shortest conversion, relative to its source")
    max_duration_ratio: Positive = Field(description="longest conversion, relative to its source")
    max_f0_range_st: Positive = Field(description="widest range of F0, in semitones")
    ratio: Annotated[float, Field(ge=0)] | Auto = Field(description="synthetic clips for every real one, or auto")
    balance: Literal["equal", "none"] = Field(description="whether all emotions keep equally many clips")
    prefer: Literal["random", "confidence", "naturalness"] = Field(
        description="which clips stay where there are too many"
    )

    @model_validator(mode="after")
    def _ordered(self) -> "SelectParams":
        if not isinstance(self.min_confidence, str) and self.min_confidence > self.max_confidence:
            raise ValueError("min_confidence must not be above max_confidence")
        return self


class PublishParams(Section):
    shard_mb: AtLeastOne = Field(description="size of a published shard, in MB")


class TrainParams(Section):
    model: Literal["svm", "logmel", "fusion", "encoder", "encoder+functionals", "finetuned"] = Field(
        description="kind of recogniser: svm (on functionals), logmel, fusion (of both), encoder, "
        "encoder+functionals or finetuned"
    )
    added_weight: Share | Auto = Field(description="weight of an added clip against a real one, or auto")
    steps: AtLeastOne = Field(description="gradient steps of logmel, fusion and finetuned, equal in every arm")

    @model_validator(mode="before")
    @classmethod
    def _of_earlier_versions(cls, values: object) -> object:
        """Understand a file from when the encoder was a choice of `train` alone."""
        if not isinstance(values, dict) or "encoder" not in values:
            return values
        if values["encoder"]:
            raise ValueError(
                f"encoder is a key of its own now: take it out here and write `encoder: {values['encoder']}` below "
                "`workers:`"
            )
        return {key: value for key, value in values.items() if key != "encoder"}


class EvaluateParams(Section):
    draws: AtLeastOne = Field(description="bootstrap draws over speakers")


class ReportParams(Section):
    examples: Count = Field(description="converted clips to listen to")


class Params(Section):
    """The whole of params.yaml."""

    seed: Count = Field(description="seed of every random draw")
    workers: Count = Field(description="processes; 0 means one for every core")
    # A project that is older than this key has no stage that embeds.
    encoder: str = Field(
        default="", description="pretrained encoder of recogniser and judge (`emoforge encoders list`); empty for none"
    )
    corpus: CorpusParams
    demo: DemoParams
    ingest: IngestParams
    prosody: ProsodyParams
    fit_converter: FitConverterParams
    convert: ConvertParams
    augment: AugmentParams
    score: ScoreParams
    select: SelectParams
    publish: PublishParams
    train: TrainParams
    evaluate: EvaluateParams
    report: ReportParams


#: Where a missing key can be taken from.
_EXAMPLE = "take it from the params.yaml that came with this version"


def load_params(path: str | os.PathLike = "params.yaml") -> Params:
    """Read and check params.yaml.

    Raises:
        ParamsError: the file is missing or not YAML, or a key is unknown, missing or out of range; one line.
    """
    return read_typed(
        path,
        Params,
        expected="sections such as `corpus:` and `ingest:`",
        missing="run from the project's folder, or make one with `emoforge new FOLDER`",
        example=_EXAMPLE,
    )


def resolved(params: Params, advice: str | os.PathLike) -> Params:
    """Return *params* with what the file *advice* of `emoforge recommend` says in the place of every `auto`.

    Raises:
        ParamsError: a key is `auto` and there is no advice for it, or the advice is out of range.
    """
    changes: dict[str, dict[str, float]] = {}
    for section, keys in (("select", ("ratio", "min_confidence")), ("train", ("added_weight",))):
        for key in keys:
            if getattr(getattr(params, section), key) != AUTO:
                continue
            try:
                value = json.loads(Path(advice).read_text("utf-8"))["params"][section][key]
            except (OSError, ValueError, KeyError, TypeError):
                raise ParamsError(
                    f"params.yaml: {section}.{key} = 'auto', but {advice} has no advice; run `emoforge recommend`, "
                    "or choose a value"
                ) from None
            changes.setdefault(section, {})[key] = value
    if not changes:
        return params
    values = params.model_dump()
    values |= {section: values[section] | found for section, found in changes.items()}
    return checked(values, Params, name=os.fspath(advice), example=_EXAMPLE)


@contextmanager
def edited(path: str | os.PathLike) -> Iterator[dict]:
    """Yield the values of the checked file *path* to change in place; the file stays the user's own, with its comments.

    Raises:
        ParamsError: as for :func:`load_params`.
    """
    from ruamel.yaml import YAML

    load_params(path)
    round_trip = YAML()
    round_trip.preserve_quotes = True
    # A list that is replaced stays on its line, as `[a, b]`.
    round_trip.default_flow_style = None
    values = round_trip.load(Path(path))
    yield values
    with written_aside(path) as aside:
        round_trip.dump(values, aside)


def explain(params: Params) -> list[str]:
    """Return one line per key: name, value and meaning, in the order of the file."""
    return _explain(params, "")


def _explain(section: Section, prefix: str) -> list[str]:
    lines = []
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, Section):
            lines += _explain(value, f"{prefix}{name}.")
        else:
            lines.append(f"{prefix}{name} = {value!r}: {field.description}")
    return lines
