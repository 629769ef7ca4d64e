"""Whether clips may be shared at all, under which licence, and who is to be credited.

This depends on each clip's own licence, on what the registry knows of its corpus, and on what its converter learnt
from.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from emoforge.base.errors import EmoforgeError
from emoforge.corpora import registry
from emoforge.dataset.licences import combine, terms_of


@dataclass(frozen=True, slots=True)
class Permission:
    """Terms under which clips may be shared.

    Attributes:
        licence: of the whole set.
        sources: pairs of corpus and licence of all that it was made from, sorted.
    """

    licence: str
    sources: tuple[tuple[str, str], ...]

    @property
    def corpora(self) -> list[str]:
        """Registered corpora among the sources."""
        named = {name for corpora, _ in self.sources for name in corpora.split(", ")}
        return sorted(named & set(registry.names()))


def permitted(clips: pa.Table, converter: Mapping[str, Any] | None = None) -> Permission:
    """Return the terms under which *clips* may be shared.

    Args:
        clips: a manifest of what is to be shared, with ``clip_id``, ``corpus`` and ``licence``.
        converter: what their converter learnt from: ``corpora`` and ``licences`` (lists); where it is a program of
            somebody else, ``program`` says which, and the licence of its outputs.

    Raises:
        EmoforgeError: the terms of a clip's source or of the converter's data forbid derivatives or don't grant them,
            or the terms of two sources contradict each other. The line names the clip or the corpus, and the reason.
    """
    of_program = _of_program(converter["program"]) if converter and "program" in converter else set()
    found: dict[tuple[str, str], list[str]] = {}
    columns = (clips.column(name).to_pylist() for name in ("corpus", "licence", "clip_id"))
    for corpus, licences, clip_id in zip(*columns, strict=True):
        # A clip under terms that no single licence satisfies carries all of them.
        for licence in licences.split(" AND "):
            found.setdefault((corpus, licence), []).append(clip_id)
    for (corpus, licence), clip_ids in sorted(found.items()):
        reason = _why_not(corpus, licence)
        if reason:
            more = f" (and {len(clip_ids) - 1} more)" if len(clip_ids) > 1 else ""
            raise EmoforgeError(f"clip {clip_ids[0]}{more} cannot be shared: {reason}")
    sources = set(found) | of_program
    if converter:
        known = {licence for _, licence in sources}
        corpora = converter.get("corpora", [])
        for corpus in corpora:
            if reason := _registered_refusal(corpus):
                raise EmoforgeError(f"the converter learnt from data that forbids sharing: {reason}")
        # Which of several corpora a licence belongs to is not recorded, so all are named.
        sources |= {(", ".join(corpora), licence) for licence in converter.get("licences", []) if licence not in known}
    return Permission(combine(sources), tuple(sorted(sources)))


def _of_program(program: Mapping[str, Any]) -> set[tuple[str, str]]:
    """Return the program and the licence of its outputs as a source, or refuse what it made."""
    name, licence = f"program {program['name']}", program["licences"]["outputs"]
    try:
        allowed = terms_of(licence).derivatives
    except EmoforgeError:
        allowed = False
    if not allowed:
        raise EmoforgeError(
            f"what the external converter {program['name']} makes is under {licence!r}, which is not known to allow "
            "sharing it: keep the conversions to yourself, or use another converter"
        )
    return {(name, licence)}


def _why_not(corpus: str, licence: str) -> str | None:
    try:
        terms = terms_of(licence, corpus=corpus)
    except EmoforgeError as error:
        return str(error)
    if not terms.derivatives:
        return f"its corpus {corpus!r} is under {licence}, which allows no derivatives; leave that corpus out"
    return _registered_refusal(corpus)


def _registered_refusal(corpus: str) -> str | None:
    if corpus not in registry.names():
        return None
    known = registry.info(corpus)
    if known.derivatives:
        return None
    return (
        f"corpus {corpus!r} ({known.licence}) does not allow sharing what is made from it; leave that corpus out, or "
        "keep the conversions to yourself"
    )
