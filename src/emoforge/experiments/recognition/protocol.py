"""A study of recognition as a typed YAML file, checked whole before any work."""

import os
from typing import Annotated, Literal

from pydantic import Field, model_validator

from emoforge.base.errors import unknown_value
from emoforge.experiments.studies import RECOGNITION
from emoforge.project.examples import reads_encoder
from emoforge.project.params import AtLeastOne, CorpusName, Count, Share
from emoforge.project.typed_yaml import Section, read_typed
from emoforge.ser.registry import EMBEDDING, FUNCTIONALS, KINDS

#: What the matrix calls training on all corpora but the tested one.
OTHERS = "others"


def own_and_others(corpus: str) -> str:
    """Return what rows call training on all other corpora first, and then in the folds of *corpus*."""
    return f"{corpus}+{OTHERS}"


class StudiedCorpus(Section):
    """A corpus of the study."""

    name: CorpusName = Field(description="registry name of the corpus")
    root: str = Field(description="folder of its original download")
    folds: Count = Field(0, description="speaker-disjoint folds; 0: the published ones, or one speaker per fold")


class StudiedRecogniser(Section):
    """A recogniser of the study."""

    name: Annotated[str, Field(min_length=1)] = Field(description="what rows call it")
    kind: Literal[tuple(KINDS)] = Field(description="kind of recogniser")  # type: ignore[valid-type]
    options: dict[Literal["steps", "ridge"], int | float] = Field({}, description="of its training")
    within: list[str] | None = Field(None, description="corpora whose folds it is trained in; all where it is left out")
    across: bool = Field(True, description="whether it is trained on other corpora too")
    others_first: bool = Field(
        False, description="whether it also learns from all other corpora first, and then in the folds of each"
    )

    @model_validator(mode="after")
    def _own_options(self) -> "StudiedRecogniser":
        for name in self.options:
            if name not in KINDS[self.kind].options:
                raise ValueError(f"option {name!r} belongs to other kinds of recogniser than {self.kind!r}")
        if self.others_first and not set(KINDS[self.kind].reads) <= {FUNCTIONALS, EMBEDDING}:
            raise ValueError(f"others_first: {self.kind!r} cannot set out from other corpora; take svm or encoder")
        return self


class Published(Section):
    """A figure that others published."""

    corpus: str = Field(description="which of `corpora`")
    system: str = Field(description="what recognised")
    uar: Share | None = Field(None, description="unweighted average recall")
    wa: Share | None = Field(None, description="share of all clips recognised, where nothing else is published")
    protocol: str = Field(description="how its protocol differs from this study's, or `the same`")
    source: str = Field(description="where it stands")

    @model_validator(mode="after")
    def _with_a_figure(self) -> "Published":
        if self.uar is None and self.wa is None:
            raise ValueError("give uar or wa")
        return self


class Target(Section):
    """What a recogniser is to reach in the folds of a corpus."""

    corpus: str = Field(description="which of `corpora`")
    recogniser: str = Field(description="which of `recognisers`")
    enrolled: bool = Field(description="with enrolment clips, or without")
    uar: Share = Field(description="at least")


class RecognitionStudy(Section):
    """The whole file."""

    kind: Literal["recognition"] = Field(description="tells this kind of study from the others")
    title: str = Field(description="heading of the page")
    corpora: Annotated[list[StudiedCorpus], Field(min_length=1)] = Field(description="train and test in turn")
    recognisers: Annotated[list[StudiedRecogniser], Field(min_length=1)]
    encoder: str = Field("", description="pretrained encoder of the kinds that read one: its name, or a folder")
    enrolled: Annotated[list[bool], Field(min_length=1)] = Field(
        [True, False], description="whether speakers are known by their enrolment clips"
    )
    across: bool = Field(True, description="whether corpora are recognised by what others teach")
    targets: list[Target] = Field([], description="what is to be reached")
    published: list[Published] = Field([], description="what others reached")
    seed: Count = Field(0, description="seed of every random draw")
    draws: AtLeastOne = Field(10_000, description="bootstrap draws over speakers")
    workers: Count = Field(0, description="processes of one thread; 0 means one for every core")
    work: str = Field("data/study", description="folder of everything computed, which studies share")

    @model_validator(mode="after")
    def _consistent(self) -> "RecognitionStudy":
        corpora = [corpus.name for corpus in self.corpora]
        recognisers = [item.name for item in self.recognisers]
        for kind, values in (("corpus", corpora), ("recogniser", recognisers), ("value of enrolled", self.enrolled)):
            if len(set(values)) != len(values):
                raise ValueError(f"a {kind} is listed twice")
        named = [name for item in self.recognisers for name in item.within or ()]
        named += [target.corpus for target in self.targets] + [figure.corpus for figure in self.published]
        for name in named:
            if name not in corpora:
                raise ValueError(unknown_value("corpus", name, corpora))
        if not self.encoder and any(reads_encoder(item.kind) for item in self.recognisers):
            raise ValueError("a recogniser reads a pretrained encoder; name an `encoder`")
        for target in self.targets:
            if target.recogniser not in recognisers:
                raise ValueError(unknown_value("recogniser", target.recogniser, recognisers))
        return self


def load_recognition_study(path: str | os.PathLike) -> RecognitionStudy:
    """Read and check a study; see :func:`~emoforge.project.typed_yaml.read_typed`."""
    return read_typed(
        path,
        RecognitionStudy,
        expected="keys such as `corpora:` and `recognisers:`",
        missing=f"give a study of the kind {RECOGNITION}, such as studies/recognition.yaml",
        example="take it from studies/recognition.yaml of this version",
    )
