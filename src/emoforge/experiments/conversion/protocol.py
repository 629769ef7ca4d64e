"""The protocol of an evaluation of conversion, as a typed YAML file."""

import os
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, model_validator

from emoforge.base.errors import unknown_value
from emoforge.convert import registry
from emoforge.convert.ablation import PARTS
from emoforge.convert.ladder import RUNGS
from emoforge.project.params import AtLeastOne, CorpusName, Count
from emoforge.project.typed_yaml import Section, read_typed


class Roles(Section):
    """One rotation, speaker by speaker, as the corpus names them."""

    sources: Annotated[list[str], Field(min_length=1)] = Field(description="whose neutral clips are converted")
    converter: Annotated[list[str], Field(min_length=1)] = Field(description="whom the converter learns from")
    judges: Annotated[list[str], Field(min_length=1)] = Field(description="whom the judges learn from")

    @model_validator(mode="after")
    def _disjoint(self) -> "Roles":
        named = [*self.sources, *self.converter, *self.judges]
        if len(set(named)) != len(named):
            raise ValueError("a speaker has two roles in one rotation; give each one only")
        return self


#: What a converter was trained on that is the base of its corpus, as it is.
BASE = "base"


class EvaluatedCorpus(Section):
    """One corpus of the protocol."""

    name: CorpusName = Field(description="registry name of the corpus")
    root: str = Field(description="folder of its original download")
    groups: Count = Field(description="groups of speakers; 0 means the published folds, or one speaker per group")
    rotations: list[Roles] = Field([], description="who does what, where groups in turn would not be fair")
    development: list[Count] = Field(
        [], description="rotations that settings were chosen on, and that are left out for it"
    )
    sources: AtLeastOne = Field(description="neutral clips of each speaker that are converted")
    trained_on: Annotated[list[str], Field(min_length=1)] = Field(
        description="corpora that converters learn from; base: the base as it is, for a corpus that it never heard"
    )
    base: str = Field(
        "", description="folder of a converter that those of method generative go on from; it may know nobody tested"
    )


@dataclass(frozen=True, slots=True)
class System:
    """A kind of converter, whole or without a part of :data:`~emoforge.convert.ablation.PARTS`; or a reference.

    Attributes:
        kind: of :mod:`emoforge.convert.registry`, or of :data:`emoforge.convert.ladder.RUNGS`.
        part: what it goes without; "" for the whole.
        reference: whether it is given the speaker's own emotional clip, which no converter has.
    """

    kind: str
    part: str = ""
    reference: bool = False

    @property
    def name(self) -> str:
        return f"{self.kind} without {self.part}" if self.part else self.kind


class Ablation(Section):
    """What each part of a system is worth: the system without it, learnt from its own corpus."""

    system: str = Field(description="which of `systems`")
    without: Annotated[list[Literal[PARTS]], Field(min_length=1)] = Field(description="parts that go in turn")  # type: ignore[valid-type]


class Protocol(Section):
    """The whole file."""

    seed: Count = Field(description="seed of every random draw")
    workers: Count = Field(description="processes of one thread; 0 means one for every core")
    work: str = Field(description="folder of everything computed")
    corpora: Annotated[list[EvaluatedCorpus], Field(min_length=1)]
    systems: Annotated[list[str], Field(min_length=1)] = Field(description="kinds of converter")
    ablation: Ablation | None = Field(None, description="a system without its parts, one at a time")
    ladder: list[Literal[RUNGS]] = Field(  # type: ignore[valid-type]
        [], description="references beside the systems: the speaker's own emotional clip, through more and more"
    )
    variants: AtLeastOne = Field(description="conversions of every source into every emotion")
    judges: Annotated[list[Literal["encoder", "svm", "logmel"]], Field(min_length=1)] = Field(
        description="kinds of recogniser; encoder reads the encoder of params.yaml"
    )
    judge_steps: AtLeastOne = Field(description="gradient steps of the neural judge")
    real_clips: AtLeastOne = Field(
        description="real clips of each speaker and emotion that are measured as conversions are"
    )
    speed_clips: AtLeastOne = Field(description="sources whose conversions are timed")
    draws: AtLeastOne = Field(description="bootstrap draws over speakers")

    @model_validator(mode="after")
    def _consistent(self) -> "Protocol":
        names = [corpus.name for corpus in self.corpora]
        for kind, values in (
            ("corpus", names),
            ("system", self.systems),
            ("judge", self.judges),
            ("rung", self.ladder),
        ):
            if len(set(values)) != len(values):
                raise ValueError(f"a {kind} is listed twice")
        for kind in self.systems:
            if kind not in registry.names():
                raise ValueError(unknown_value("converter", kind, registry.names()))
        if self.ablation and self.ablation.system not in self.systems:
            raise ValueError(unknown_value("system to take parts from", self.ablation.system, self.systems))
        for corpus in self.corpora:
            for name in corpus.trained_on:
                if name not in (*names, BASE):
                    raise ValueError(unknown_value("corpus to train on", name, [*names, BASE]))
            if BASE in corpus.trained_on and not corpus.base:
                raise ValueError(f"{corpus.name}: trained_on names base, and base names no folder; name one")
            if corpus.trained_on[0] == BASE:
                # The other systems learn from the first of them, and only generative has a base.
                raise ValueError(f"{corpus.name}: trained_on begins with base; begin with a corpus")
        return self

    def all_systems(self) -> dict[str, System]:
        """Return every system by its name: whole ones, then those without a part, then references."""
        systems = [System(kind) for kind in self.systems]
        if self.ablation:
            systems += [System(self.ablation.system, part) for part in self.ablation.without]
        systems += [System(rung, reference=True) for rung in self.ladder]
        return {system.name: system for system in systems}


def load_protocol(path: str | os.PathLike) -> Protocol:
    """Read and check a protocol; see :func:`~emoforge.project.typed_yaml.read_typed`."""
    return read_typed(
        path,
        Protocol,
        expected="keys such as `corpora:` and `systems:`",
        missing="give the protocol's path, such as studies/conversion.yaml",
        example="take it from studies/conversion.yaml of this version",
    )
