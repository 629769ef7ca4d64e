"""A study as a typed YAML file, checked whole before any work."""

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from emoforge.base.errors import EmoforgeError, unknown_value
from emoforge.convert import registry
from emoforge.dataset.labels import NEUTRAL, canonical_emotion
from emoforge.experiments.helpfulness import settings
from emoforge.project.params import AtLeastOne, AugmentParams, CorpusName, Count, Positive, Share
from emoforge.project.typed_yaml import Section, read_typed
from emoforge.ser.registry import EMBEDDING, KINDS

Scenario = Literal["full", "scarce", "zero"]


class StudiedCorpus(Section):
    """A corpus of the study."""

    name: CorpusName = Field(description="registry name of the corpus")
    root: str = Field(description="folder of its original download")
    calibrate: Literal["speaker", "corpus"] = Field(
        "speaker", description="what counts as one voice; corpus where speakers have too few clips to be known"
    )
    sources: Count = Field(0, description="neutral clips per speaker that are converted; 0 means all")


class StudiedConverter(Section):
    """A converter of the study."""

    name: Annotated[str, Field(min_length=1)] = Field(description="what rows and grids call it")
    method: str = Field(description="kind of converter")
    fit: Literal["each", "together"] = Field(
        description="each: one converter per labelled speaker, which all folds share; together: one of all of them"
    )
    variants: AtLeastOne = Field(1, description="conversions of every clip into every emotion by each converter")
    intensity: Share = Field(1.0, description="how strong the emotion is made")
    neural: dict[str, int | float | str] = Field({}, description="keys of fit_converter.neural that differ here")

    @field_validator("method")
    @classmethod
    def _known(cls, method: str) -> str:
        if method not in registry.names():
            raise ValueError(unknown_value("converter", method, registry.names()))
        return method


class StudiedRecogniser(Section):
    """A recogniser of the study."""

    name: Annotated[str, Field(min_length=1)] = Field(description="what rows and grids call it")
    kind: Literal["svm", "logmel", "fusion", "encoder", "encoder+functionals"] = Field(description="kind of recogniser")
    encoder: str = Field("", description="that it reads: a name of `emoforge encoders list`, or a folder")
    options: dict[Literal["steps", "ridge"], int | float] = Field(
        {}, description="of its training: `steps` of a network, or `ridge` of the other kinds"
    )

    @model_validator(mode="after")
    def _own_options(self) -> "StudiedRecogniser":
        for name in self.options:
            if name not in KINDS[self.kind].options:
                raise ValueError(f"option {name!r} belongs to other kinds of recogniser than {self.kind!r}")
        if bool(self.encoder) != (EMBEDDING in KINDS[self.kind].reads):
            raise ValueError("name an encoder for the kinds encoder and encoder+functionals, and for no other")
        return self


class Grid(Section):
    """Values whose every combination is a setting."""

    arm: Annotated[list[Literal[settings.ARMS]], Field(min_length=1)]  # type: ignore[valid-type]
    converter: Annotated[list[str], Field(min_length=1)] | None = None
    ratio: Annotated[list[Positive], Field(min_length=1)] | None = None
    weight: Annotated[list[Positive], Field(min_length=1)] | None = None
    min_confidence: Annotated[list[Share], Field(min_length=1)] | None = None
    max_confidence: Annotated[list[Share], Field(min_length=1)] | None = None
    prefer: Annotated[list[Literal[settings.PREFERENCES]], Field(min_length=1)] | None = None  # type: ignore[valid-type]
    use: Annotated[list[Literal[settings.USES]], Field(min_length=1)] | None = None  # type: ignore[valid-type]
    with_neutral: Annotated[list[bool], Field(min_length=1)] | None = None
    recogniser: Annotated[list[str], Field(min_length=1)] | None = None

    def values(self) -> dict[str, list]:
        return {name: value for name, value in self.model_dump().items() if value is not None}


class Targets(Section):
    """What the study is to reach; its page says whether it does. None where nothing was set."""

    uar: Share | None = Field(None, description="of the reference arm")
    gain: float | None = Field(None, description="of the selected row, with an interval above zero")
    gap_closed: float | None = Field(None, description="by the selected row")
    rank_correlation: float | None = Field(None, description="of the converters' quality and gain")


class Study(Section):
    """The whole file."""

    kind: Literal["helpfulness"] = Field("helpfulness", description="tells this kind of study from the others")
    title: str = Field(description="heading of the page")
    scenario: Scenario = Field(description="what is known of the training speakers")
    corpus: StudiedCorpus = Field(description="whose speakers are tested")
    foreign: list[StudiedCorpus] = Field([], description="labelled corpora of the scenario zero")
    classes: list[str] = Field([], description="emotions; empty means all that every corpus has")
    split_by: Literal["speaker", "clip"] = Field("speaker", description="clip: the same speakers train and test")
    n_folds: Count = Field(0, description="0: the published folds, or one speaker per fold")
    folds: list[Count] = Field([], description="which are run; empty means all")
    labelled: Count = Field(0, description="labelled training speakers of the scenario scarce")
    seed: Count = Field(0, description="seed of every random draw")
    seeds: AtLeastOne = Field(5, description="draws (of clips; in scarce of labelled speakers too)")
    inner_seeds: AtLeastOne = Field(1, description="of these, how many are validated")
    augment: AugmentParams = Field(description="classical augmentation")
    converters: list[StudiedConverter] = Field(description="systems that convert")
    recognisers: Annotated[list[StudiedRecogniser], Field(min_length=1)]
    nested: bool = Field(
        True, description="whether training speakers choose settings in each fold; false: the same in all folds"
    )
    reference: Literal[settings.REAL, settings.REAL_NEUTRAL] = Field(  # type: ignore[valid-type]
        settings.REAL, description="the arm that gains are over"
    )
    grids: Annotated[list[Grid], Field(min_length=1)] = Field(description="settings")
    targets: Targets = Field(Targets(), description="what is to be reached")
    quality: bool = Field(False, description="whether converters are judged, to set their gains beside it")
    draws: AtLeastOne = Field(10_000, description="bootstrap draws over speakers")
    workers: Count = Field(0, description="processes of one thread; 0 means one for every core")
    work: str = Field("data/study", description="folder of everything computed, which studies share")

    @field_validator("classes")
    @classmethod
    def _emotions(cls, classes: list[str]) -> list[str]:
        try:
            names = sorted(canonical_emotion(name) for name in classes)
        except EmoforgeError as error:
            raise ValueError(str(error)) from None
        if names and NEUTRAL not in names:
            raise ValueError("neutral is missing; conversions start from it")
        return names

    @model_validator(mode="after")
    def _consistent(self) -> "Study":
        for kind, items in (("converter", self.converters), ("recogniser", self.recognisers)):
            names = [item.name for item in items]
            if len(set(names)) != len(names):
                raise ValueError(f"a {kind} is listed twice")
            for grid in self.grids:
                for name in getattr(grid, kind) or ():
                    if name not in names:
                        raise ValueError(unknown_value(kind, name, names))
        if (self.scenario == "zero") != bool(self.foreign):
            raise ValueError("`foreign` belongs to the scenario zero, which needs at least one corpus there")
        if len({self.corpus.name, *(corpus.name for corpus in self.foreign)}) != 1 + len(self.foreign):
            raise ValueError("a corpus is listed twice")
        if (self.scenario == "scarce") != (self.labelled > 0):
            raise ValueError("`labelled` belongs to the scenario scarce, which needs 2 labelled speakers or more")
        if self.split_by == "clip" and (self.scenario != "full" or not self.n_folds):
            raise ValueError("split_by: clip belongs to the scenario full and needs n_folds")
        if self.inner_seeds > self.seeds:
            raise ValueError("inner_seeds must not be above seeds")
        self.settings()
        return self

    def settings(self) -> list[settings.Setting]:
        """Return every setting of the grids, the reference of each recogniser first.

        Raises:
            ValueError: an arm with conversions names no converter.
        """
        references = {
            "arm": [settings.REAL] if self.scenario == "full" else list(settings.RECORDED),
            "recogniser": [item.name for item in self.recognisers],
        }
        defaults = {"recogniser": [self.recognisers[0].name]}
        kinds = {item.name: item.kind for item in self.recognisers}
        found = settings.expand([references, *(defaults | grid.values() for grid in self.grids)])
        for setting in found:
            if setting.arm in settings.CONVERTED and not setting.converter:
                raise ValueError(f"grids: arm {setting.arm!r} names no converter; give `converter`")
            if setting.arm not in settings.RECORDED and not setting.ratio:
                raise ValueError(f"grids: arm {setting.arm!r} has no ratio; give `ratio`")
            if setting.use in settings.OF_SVM and kinds[setting.recogniser] != "svm":
                raise ValueError(
                    f"grids: use {setting.use!r} belongs to the recogniser kind 'svm', and {setting.recogniser!r} is "
                    f"{kinds[setting.recogniser]!r}"
                )
        return found


def load_study(path: str | os.PathLike) -> Study:
    """Read and check a study; see :func:`~emoforge.project.typed_yaml.read_typed`."""
    known = sorted(file.stem for file in Path(path).parent.glob("*.yaml"))
    return read_typed(
        path,
        Study,
        expected="keys such as `scenario:` and `grids:`",
        missing=f"studies here: {', '.join(known) or 'none'}",
        example="take it from another file in studies/",
    )
