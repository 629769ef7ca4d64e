"""What an evaluation of conversion computes: its protocol with everything decided, from systems to source clips."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from emoforge.base.errors import EmoforgeError, unknown_value
from emoforge.dataset.labels import NEUTRAL
from emoforge.experiments.cache import Cache
from emoforge.experiments.conversion.protocol import BASE, EvaluatedCorpus, Protocol, System
from emoforge.experiments.conversion.rotations import Rotation, rotations
from emoforge.experiments.conversion.sources import choose_sources, takes_of
from emoforge.experiments.corpora import Corpus, prepare_corpus
from emoforge.project.encoders.places import located
from emoforge.project.fitting.bases import METHOD, with_located_base
from emoforge.project.params import Params


@dataclass(frozen=True, slots=True)
class Condition:
    """One system on the sources of one rotation.

    Attributes:
        system: what converts.
        corpus: that the sources belong to.
        trained_on: corpus that the converter learns from; BASE for the base of *corpus* as it is.
        rotation: number of the rotation of *corpus*.
    """

    system: System
    corpus: str
    trained_on: str
    rotation: int

    @property
    def name(self) -> str:
        system = self.system.name.replace(" ", "-")
        return f"{self.corpus}-{self.rotation}-{system}-from-{self.trained_on}"


@dataclass(frozen=True)
class Design:
    """A protocol, or the part of it that was asked for, ready to be computed.

    Attributes:
        protocol: the whole of it.
        params: of the project.
        systems: that convert: whole ones, then those without a part, then references.
        corpora: name → corpus, ingested and analysed: those that are evaluated and those that converters learn from.
        rotations: evaluated corpus → number → rotation.
        sources: (corpus, number of the rotation) → manifest rows of the clips to convert.
        is_whole: whether nothing of the protocol was left out.
    """

    protocol: Protocol
    params: Params
    systems: tuple[System, ...]
    corpora: Mapping[str, Corpus]
    rotations: Mapping[str, Mapping[int, Rotation]]
    sources: Mapping[tuple[str, int], Sequence[dict]]
    is_whole: bool

    def trained_on(self, corpus: str) -> list[str]:
        """Return the corpora that converters of *corpus* learn from, its own among them where it counts."""
        return _settings(self.protocol, corpus).trained_on

    def systems_of(self, corpus: str, trained_on: str) -> list[System]:
        """Return the systems that convert *corpus* after learning from *trained_on*, references among them once."""
        if trained_on == BASE:
            return [system for system in self.systems if system == System(METHOD)]
        first = self.trained_on(corpus)[0]
        return [
            system
            for system in self.systems
            # What a part is worth is asked once, where the whole is at its best. References learn from nobody.
            if (trained_on == corpus if system.part else trained_on == first or not system.reference)
        ]

    def conditions_of(self, system: System, corpus: str, trained_on: str) -> list[Condition]:
        """Return the conditions of one system, one per rotation; references need a real take of the sources' words."""
        return [
            Condition(system, corpus, trained_on, number)
            for number in self.rotations[corpus]
            if not system.reference or self._has_takes(corpus, number)
        ]

    def conditions(self) -> list[Condition]:
        """Return all conditions, in the order of the results."""
        return [
            condition
            for corpus in self.rotations
            for trained_on in self.trained_on(corpus)
            for system in self.systems_of(corpus, trained_on)
            for condition in self.conditions_of(system, corpus, trained_on)
        ]

    def _has_takes(self, corpus: str, number: int) -> bool:
        takes = takes_of(self.corpora[corpus].rows(self.rotations[corpus][number].sources))
        said = {(speaker, sentence) for speaker, sentence, emotion in takes if emotion != NEUTRAL}
        return any((source["speaker"], source["sentence"]) in said for source in self.sources[corpus, number])

    def base_of(self, corpus: str) -> str:
        """Return the folder of the converter that those for *corpus* go on from, "" for none."""
        return _settings(self.protocol, corpus).base or self.params.fit_converter.neural.base

    def rotation_of(self, condition: Condition) -> Rotation:
        return self.rotations[condition.corpus][condition.rotation]

    def emotions(self, corpus: str) -> list[str]:
        """Return the emotions of *corpus* in alphabetical order: the labels of its judges."""
        return sorted(set(self.corpora[corpus].table.column("emotion").to_pylist()))


def make_design(
    protocol: Protocol,
    params: Params,
    *,
    systems: Sequence[str],
    corpora: Sequence[str],
    numbers: Sequence[int],
    root: Path,
    cache: Cache,
) -> Design:
    """Return the design of the chosen part, with its corpora ingested and analysed.

    Args:
        protocol: to evaluate by.
        params: of the project.
        systems: names; all where empty.
        corpora: names; all where empty.
        numbers: of rotations; all where empty. A number counts where one of the chosen corpora has it.
        root: project folder.
        cache: where the corpora are kept.

    Raises:
        EmoforgeError: a name or number is not in the protocol, or a corpus is not there or cannot be rotated.
    """
    all_systems = protocol.all_systems()
    names = [corpus.name for corpus in protocol.corpora]
    chosen_systems = _chosen("system", systems, list(all_systems))
    chosen = _chosen("corpus", corpora, names)
    needed = {name for corpus in chosen for name in (corpus, *_settings(protocol, corpus).trained_on)}
    protocol = _with_located_bases(protocol, root)
    prepared = {
        corpus.name: prepare_corpus(corpus, params, root=root, cache=cache)
        for corpus in protocol.corpora
        if corpus.name in needed
    }
    every = {name: _rotations(_settings(protocol, name), prepared[name], seed=protocol.seed) for name in chosen}
    some = {name: _wanted(name, of_corpus, numbers) for name, of_corpus in every.items()}
    return Design(
        protocol=protocol,
        params=with_located_base(params, root).model_copy(update={"encoder": located(params.encoder, root)}),
        systems=tuple(all_systems[name] for name in chosen_systems),
        corpora=prepared,
        rotations=some,
        sources={
            (name, number): choose_sources(
                prepared[name].rows(rotation.sources),
                n_clips=_settings(protocol, name).sources,
                seed=protocol.seed,
            )
            for name, of_corpus in some.items()
            for number, rotation in of_corpus.items()
        },
        is_whole=len(chosen_systems) == len(all_systems) and len(chosen) == len(names) and some == every,
    )


def _settings(protocol: Protocol, name: str) -> EvaluatedCorpus:
    return next(corpus for corpus in protocol.corpora if corpus.name == name)


def _with_located_bases(protocol: Protocol, root: Path) -> Protocol:
    """Return *protocol* with its bases named so that they are found from the current folder."""
    located_corpora = [
        corpus.model_copy(update={"base": str(root / corpus.base)}) if corpus.base else corpus
        for corpus in protocol.corpora
    ]
    return protocol.model_copy(update={"corpora": located_corpora})


def _chosen(kind: str, names: Sequence[str], allowed: Sequence[str]) -> list[str]:
    for name in names:
        if name not in allowed:
            raise EmoforgeError(f"{unknown_value(kind, name, allowed)}; the protocol has no other")
    return [name for name in allowed if not names or name in names]


def _rotations(settings: EvaluatedCorpus, corpus: Corpus, *, seed: int) -> dict[int, Rotation]:
    speakers = corpus.table.column("speaker").to_pylist()
    genders = dict(zip(speakers, corpus.table.column("gender").to_pylist(), strict=True))
    return rotations(settings, genders, speakers, seed=seed)


def _wanted(name: str, of_corpus: Mapping[int, Rotation], numbers: Sequence[int]) -> dict[int, Rotation]:
    # A number that only the larger of two corpora has is no mistake.
    chosen = {number: rotation for number, rotation in of_corpus.items() if not numbers or number in numbers}
    if not chosen:
        raise EmoforgeError(f"{name} has no rotation {numbers[0]}; allowed: {', '.join(map(str, of_corpus))}")
    return chosen
