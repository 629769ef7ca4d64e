"""The licence of what was made from clips under several licences.

An adaptation must satisfy every licence it came from at once. Creative Commons licences and the ODbL are compared by
their terms; other terms of use are recognised by their wording, or refused. This is a careful reading of the licences'
texts, not legal advice.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

import pyarrow as pa

from emoforge.base.errors import EmoforgeError

RESEARCH_ONLY = "research use only"
NON_COMMERCIAL_ONLY = "non-commercial purposes only"
# Stands in a manifest, followed by the corpus, until the project's `corpus.licence` is put in its place.
_NOT_STATED = "not stated: "
_AND = " AND "

_CC_BY = re.compile(r"CC-BY(?P<nc>-NC)?(?P<rest>-SA|-ND)?-(?P<version>\d\.\d)")

#: What the Hub lists as a licence; everything else is "other" there, with a name.
_HUB_LICENCES = frozenset(
    {"mit", "apache-2.0", "cc0-1.0", "cc-by-2.0", "cc-by-2.5", "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0"}
    | {"cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0"}
)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a licence asks of an adaptation.

    Attributes:
        licence: SPDX identifier, or the words of custom terms.
        rank: position from least (0) to most restrictive.
        non_commercial: commercial use is ruled out.
        share_alike: the adaptation must carry this licence (or a later version of it).
        derivatives: adaptations may be shared at all.
    """

    licence: str
    rank: int
    non_commercial: bool = False
    share_alike: bool = False
    derivatives: bool = True

    @property
    def family(self) -> str:
        """The licence without its version: share-alike is satisfied by another version of the same family."""
        return re.sub(r"-\d\.\d$", "", self.licence)


_OTHER_TERMS = {
    "CC0-1.0": Terms("CC0-1.0", 0),
    # Licences of software, under which some corpora are published. Both ask that their notices are kept.
    "MIT": Terms("MIT", 1),
    "Apache-2.0": Terms("Apache-2.0", 2),
    "ODbL-1.0": Terms("ODbL-1.0", 4, share_alike=True),
    NON_COMMERCIAL_ONLY: Terms(NON_COMMERCIAL_ONLY, 7, non_commercial=True),
    RESEARCH_ONLY: Terms(RESEARCH_ONLY, 8, non_commercial=True),
}


def terms_of(licence: str, *, corpus: str = "") -> Terms:
    """Return the terms of *licence*.

    Raises:
        EmoforgeError: nothing is known of it, and what is not granted is not allowed.
    """
    if licence in _OTHER_TERMS:
        return _OTHER_TERMS[licence]
    if licence.startswith(_NOT_STATED):
        owner = licence.removeprefix(_NOT_STATED)
        raise EmoforgeError(
            f"the licence of corpus {owner!r} is not stated; in the project that holds it, set `corpus.licence` in "
            "params.yaml or run `emoforge corpora import NAME ROOT --licence SPDX`; what `fit_converter.also` brings "
            "in must be stated before the converter is fitted"
        )
    match = _CC_BY.fullmatch(licence)
    if match is None:
        where = f" of corpus {corpus!r}" if corpus else ""
        raise EmoforgeError(
            f"licence {licence!r}{where} is not known to allow sharing what is made from it; leave that corpus out, or "
            f"ask its publisher. Known: CC-BY[-NC][-SA|-ND]-<version>, {', '.join(_OTHER_TERMS)}"
        )
    non_commercial, rest = match["nc"] is not None, match["rest"]
    return Terms(
        licence,
        rank=9 if rest == "-ND" else 3 + 2 * non_commercial + (rest == "-SA"),
        non_commercial=non_commercial,
        share_alike=rest == "-SA",
        derivatives=rest != "-ND",
    )


def combine(licences: Iterable[tuple[str, str]]) -> str:
    """Return the licence of what was made from all of these sources: the most restrictive of theirs.

    Args:
        licences: pairs of corpus and licence.

    Raises:
        EmoforgeError: a source allows no derivatives, its terms are not known, or two licences cannot be satisfied at
            once: two different share-alike licences, or a non-commercial licence beside a share-alike licence that
            forbids adding such a term.

    >>> combine([("demo", "CC0-1.0"), ("nemo", "CC-BY-NC-SA-4.0")])
    'CC-BY-NC-SA-4.0'
    """
    sources = sorted({(corpus, terms_of(licence, corpus=corpus)) for corpus, licence in licences}, key=_restriction)
    if not sources:
        raise EmoforgeError("no licence to combine: there is no clip")
    for corpus, terms in sources:
        if not terms.derivatives:
            raise EmoforgeError(
                f"corpus {corpus!r} is under {terms.licence}, which allows no derivatives: nothing that was converted "
                "or learnt from it can be published; leave that corpus out"
            )
    corpus, strictest = sources[-1]
    for other_corpus, other in sources:
        if other.share_alike and other.family != strictest.family:
            raise EmoforgeError(
                f"{other.licence} (corpus {other_corpus!r}) asks that adaptations carry it without further limits, and "
                f"{strictest.licence} (corpus {corpus!r}) limits further: the two conflict; publish them as separate "
                "datasets, each with a converter of its own"
            )
    return strictest.licence


def not_stated(corpus: str) -> str:
    """Return what a manifest holds as the licence of *corpus* as long as its owner has not stated one."""
    return _NOT_STATED + corpus


def derived(licences: Iterable[str]) -> str:
    """Return the licence of a clip that was made from sources under all of *licences*.

    Where no single licence satisfies them all, or one is not known, the clip may still be made and trained on, only
    not shared: it carries all of them, joined by ``AND``, and publishing refuses that.

    >>> derived(["CC0-1.0", "not stated: bangla"])
    'CC0-1.0 AND not stated: bangla'
    """
    parts = sorted({part for licence in licences for part in parts_of(licence)})
    if len(parts) == 1:
        return parts[0]
    try:
        return combine(("", part) for part in parts)
    except EmoforgeError:
        return _AND.join(parts)


def parts_of(licence: str) -> list[str]:
    """Return the licences that a clip carries at once, as :func:`derived` joined them."""
    return licence.split(_AND)


def with_stated(licence: str, stated: str, corpora: Collection[str]) -> str:
    """Return the licence of a clip once the owner of *corpora*, which it was made from, has stated theirs.

    What was not stated is replaced; a licence that was known stays in force beside the stated one, so that the more
    restrictive of the two wins.

    Args:
        licence: as a manifest holds it.
        stated: what the owner states; empty for nothing, which leaves *licence* as it is.
        corpora: those that *stated* is about.

    >>> with_stated("CC-BY-4.0 AND not stated: bangla", "CC-BY-NC-4.0", ["bangla"])
    'CC-BY-NC-4.0'
    """
    if not stated:
        return licence
    unknown = {not_stated(corpus) for corpus in corpora}
    return derived([stated, *(part for part in parts_of(licence) if part not in unknown)])


def with_stated_licence(clips: pa.Table, stated: str) -> pa.Table:
    """Return the manifest *clips* of one project with the licence that its owner states (:func:`with_stated`)."""
    if not stated:
        return clips
    corpora = set(clips.column("corpus").to_pylist())
    index = clips.schema.get_field_index("licence")
    known: dict[str, str] = {}
    for licence in clips.column(index).unique().to_pylist():
        known[licence] = with_stated(licence, stated, corpora)
    values = pa.array([known[licence] for licence in clips.column(index).to_pylist()], pa.string())
    return clips.set_column(index, clips.schema.field(index), values)


def spelt(licence: str) -> str:
    """Return *licence* as it is spelt here where it is known; any other is returned as it is.

    >>> spelt("cc by 4.0")
    'CC-BY-4.0'
    """
    key = re.sub(r"[\s_-]+", "-", licence.strip()).casefold()
    if _CC_BY.fullmatch(key.upper()):
        return key.upper()
    known = {name.replace(" ", "-").casefold(): name for name in _OTHER_TERMS}
    return known.get(key, licence.strip())


def _restriction(source: tuple[str, Terms]) -> tuple[int, str, str]:
    corpus, terms = source
    # Versions of one family stand side by side, the latest last: share-alike allows moving to a later one.
    return terms.rank, terms.licence, corpus


def hub_licence(licence: str) -> dict[str, str]:
    """Return the entries of a Hub card's header that name *licence*."""
    name = licence.lower()
    if name in _HUB_LICENCES:
        return {"license": name}
    if licence == "ODbL-1.0":
        return {"license": "odbl"}
    return {"license": "other", "license_name": re.sub(r"[^a-z0-9.]+", "-", name)}
