"""params.yaml as typed, frozen sections named like the stages; the whole file is checked before any work."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from emoforge import corpora
from emoforge.base.errors import EmoforgeError, ParamsError, unknown_value
from emoforge.base.outputs import written_aside
from emoforge.dataset.labels import canonical_emotion

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]
AtLeastOne = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0)]
#: Stands for what `emoforge recommend` found out; :func:`resolved` puts that in its place.
AUTO = "auto"
Auto = Literal["auto"]


def _known_corpus(name: str) -> str:
    if name not in corpora.names():
        raise ValueError(unknown_value("corpus", name, corpora.names()))
    return name


CorpusName = Annotated[str, AfterValidator(_known_corpus)]


class Section(BaseModel):
    """A part of params.yaml: frozen, no key too many, none too few, no value silently converted."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, protected_namespaces=())


class CorpusParams(Section):
    name: CorpusName = Field(description="registry name of the corpus")
    root: str = Field(description="folder of its original download (or the table, for the corpus `table`)")
    licence: str = Field(description="SPDX identifier, for a corpus of yours; empty takes the registered licence")


class DemoParams(Section):
    voices: Annotated[int, Field(ge=4)] = Field(description="eSpeak voices that act the demo corpus")
    sentences: AtLeastOne = Field(description="sentences that each voice says in each emotion")


class IngestParams(Section):
    sampling_rate: Literal[16000] = Field(description="of every stored clip, in Hz; the scores are made for 16 kHz")
    emotions: list[str] = Field(description="emotions to use; empty means all of the corpus")
    trim_db: Positive = Field(description="outer silence is what lies this far below the loud frames")
    level: Literal["speaker", "clip", "none"] = Field(description="what shares one gain")
    min_duration_s: Positive = Field(description="shorter clips are rejected")
    max_duration_s: Positive = Field(description="longer clips are rejected")
    fold: Count = Field(description="which fold of speakers is the test set")
    n_folds: Annotated[int, Field(ge=2)] = Field(description="folds, where the corpus has no published ones")
    val_speakers: AtLeastOne = Field(description="speakers held out for early stopping and calibration")
    enrolment_clips: Count = Field(description="neutral clips a speaker that calibrate it and are never scored")
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
    hop_s: Annotated[float, Field(ge=0.001, le=0.05)] = Field(description="distance between frames")
    f0_min_hz: Positive = Field(description="lowest F0 looked for")
    f0_max_hz: Positive = Field(description="highest F0 looked for")

    @model_validator(mode="after")
    def _ordered(self) -> "ProsodyParams":
        if self.f0_min_hz >= self.f0_max_hz:
            raise ValueError("f0_min_hz must be below f0_max_hz")
        return self


class NeuralParams(Section):
    size: Literal["small", "full"] = Field(description="network and training: small for a laptop, full for a GPU")
    steps: Count = Field(description="gradient steps, at most; 0 takes as many as the size asks for")
    device: Literal["auto", "cpu", "cuda"] = Field(description="where it is trained; auto takes a GPU if there is one")
    guidance: Annotated[float, Field(ge=0, le=10)] = Field(description="1 asks for the emotion, more exaggerates it")
    temperature: Annotated[float, Field(ge=0, le=2)] = Field(description="how much performances differ; 0: not at all")
    samples: Count = Field(description="clips converted at every look at the training, to data/converter_samples")


class FitConverterParams(Section):
    method: Literal["identity", "world", "statistics", "transplant", "neural"] = Field(description="kind of converter")
    also: list[str] = Field(description="folders of other projects whose training speakers are learnt from too")
    neural: NeuralParams


class ConvertParams(Section):
    variants: AtLeastOne = Field(description="conversions of every neutral clip into every emotion")
    intensity: Share = Field(description="how strong the emotion is made")


class AugmentParams(Section):
    variants: AtLeastOne = Field(description="augmented copies of every real training clip")
    kinds: Annotated[list[Literal["white_noise", "pink_noise", "speed", "pitch", "reverb"]], Field(min_length=1)] = (
        Field(description="classical augmentations to draw from")
    )


class ScoreParams(Section):
    judge_folds: Annotated[int, Field(ge=3)] = Field(description="folds of training speakers for the judge")


class SelectParams(Section):
    min_confidence: Share | Auto = Field(description="lowest confidence of the judge in the target emotion, or auto")
    max_confidence: Share = Field(description="highest: what is recognised already teaches least")
    min_naturalness: Annotated[float, Field(ge=1, le=5)] = Field(description="lowest DNSMOS overall")
    min_speaker_similarity: Annotated[float, Field(ge=-1, le=1)] = Field(description="lowest cosine to the speaker")
    max_content_error: Share = Field(description="highest content error")
    max_clipping_share: Share = Field(description="highest share of clipped samples")
    max_silence_share: Share = Field(description="highest share of silent frames")
    min_duration_ratio: Positive = Field(description="shortest conversion, over its source")
    max_duration_ratio: Positive = Field(description="longest conversion, over its source")
    max_f0_range_st: Positive = Field(description="widest range of F0, in semitones")
    ratio: Annotated[float, Field(ge=0)] | Auto = Field(description="synthetic clips for every real one, or auto")
    balance: Literal["equal", "none"] = Field(description="whether emotions are held to equal numbers")
    prefer: Literal["random", "confidence", "naturalness"] = Field(description="who stays when there are too many")

    @model_validator(mode="after")
    def _ordered(self) -> "SelectParams":
        if self.min_confidence != AUTO and self.min_confidence > self.max_confidence:
            raise ValueError("min_confidence must not be above max_confidence")
        return self


class PublishParams(Section):
    shard_mb: AtLeastOne = Field(description="size of a published shard, in MB")


class TrainParams(Section):
    model: Literal["svm", "logmel", "fusion", "pretrained"] = Field(
        description="kind of recogniser: svm (on functionals), logmel (neural), fusion (of both) or pretrained"
    )
    # Nobody needs an encoder by default.
    encoder: str = Field(default="", description="of pretrained: a bundle of torchaudio.pipelines, or a folder")
    added_weight: Share | Auto = Field(description="weight of an added clip against a real one, or auto")
    steps: AtLeastOne = Field(description="gradient steps of logmel and fusion, equal in every arm")


class EvaluateParams(Section):
    draws: AtLeastOne = Field(description="bootstrap draws over speakers")


class ReportParams(Section):
    examples: Count = Field(description="converted clips to listen to")


class Params(Section):
    """The whole of params.yaml."""

    seed: Count = Field(description="start of every random draw")
    workers: Count = Field(description="processes; 0 means one for every core")
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


def load_params(path: str | os.PathLike = "params.yaml") -> Params:
    """Read and check params.yaml.

    Raises:
        ParamsError: the file is missing or no YAML, or a key is unknown, missing or out of range; one line.
    """
    try:
        with Path(path).open(encoding="utf-8") as file:
            values = yaml.safe_load(file)
    except FileNotFoundError:
        raise ParamsError(
            f"{path}: no such file; run from the project's folder, or copy its params.yaml here"
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ParamsError(f"{path}: not valid YAML ({' '.join(str(error).split())})") from error
    if not isinstance(values, dict):
        raise ParamsError(f"{path}: expected sections such as `corpus:` and `ingest:`, found {type(values).__name__}")
    try:
        return Params.model_validate(values)
    except ValidationError as error:
        raise ParamsError(f"{path}: {_describe(error)}") from None


def resolved(params: Params, advice: str | os.PathLike) -> Params:
    """Return *params* with what the file *advice* of `emoforge recommend` says in the place of every `auto`.

    Raises:
        ParamsError: a key is `auto` and there is no advice for it.
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
    return Params.model_validate(values | {section: values[section] | found for section, found in changes.items()})


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
    # A list that is written anew stays on its line, as `[a, b]`.
    round_trip.default_flow_style = None
    values = round_trip.load(Path(path))
    yield values
    with written_aside(path) as aside:
        round_trip.dump(values, aside)


def explain(params: Params) -> list[str]:
    """Return a line a key: name, value and meaning, in the order of the file."""
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


def _describe(error: ValidationError) -> str:
    """Return the first thing that is wrong as one line: key, value, what is allowed."""
    # A misspelt key is also a missing one; the misspelling is what the user can see.
    errors = sorted(error.errors(include_url=False), key=lambda found: found["type"] != "extra_forbidden")
    first = errors[0]
    key = ".".join(str(part) for part in _named(first["loc"]))
    if first["type"] == "extra_forbidden":
        section = _section(first["loc"][:-1])
        where = f" in `{'.'.join(map(str, first['loc'][:-1]))}`" if first["loc"][:-1] else ""
        return unknown_value("key", first["loc"][-1], section.model_fields) + where
    if first["type"] == "missing":
        return f"key {key!r} is missing; take it from the params.yaml that came with this version"
    message = first["msg"].removeprefix("Value error, ")
    value = first["input"]
    shown = f" = {value!r}" if not isinstance(value, dict) else ""
    return f"{key}{shown}: {message[:1].lower()}{message[1:]}"


def _named(location: tuple) -> list:
    """Return the parts of *location* that stand in the file: pydantic adds which of several kinds of value it tried."""
    depth = 0
    section: type[Section] | None = Params
    for part in location:
        depth += 1
        kind = section.model_fields[part].annotation if part in section.model_fields else None
        if not (isinstance(kind, type) and issubclass(kind, Section)):
            break
        section = kind
    return [*location[:depth], *(part for part in location[depth:] if isinstance(part, int))]


def _section(location: tuple) -> type[Section]:
    section: type[Section] = Params
    for part in location:
        section = section.model_fields[part].annotation
    return section
