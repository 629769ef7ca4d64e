"""What an audit looks for in a set; every check yields its findings and changes nothing."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from emoforge.base.errors import EmoforgeError
from emoforge.dataset import manifest
from emoforge.dataset.duplicates import Scanned
from emoforge.dataset.licences import combine, terms_of
from emoforge.sharing.permission import permitted

#: A class, or a speaker, with this many times the clips of another is out of balance.
UNBALANCED = 3.0

_SHOWN_IDS = 3

_ADVICE = {
    "value": "correct the labels where the corpus is imported",
    "clip-twice": "build the manifest again: `dvc repro -f`",
    "speaker-split": "draw the splits again: `dvc repro -f ingest`",
    "source-missing": "take manifest and conversions from one run: `dvc repro`",
    "source-split": "convert again: `dvc repro -f convert`",
    "source-voice": "convert again: `dvc repro -f convert`",
    "style-missing": "take manifest and conversions from one run: `dvc repro`",
    "style-split": "fit the converter again: `dvc repro -f fit_converter`",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """What an audit found.

    Attributes:
        code: kind of finding.
        severity: an error makes the set unfit for use or sharing; a warning is for people to judge.
        message: what is wrong.
        advice: what to do.
        clip_ids: the clips that it is about, sorted; none where it is about the whole set.
    """

    code: str
    severity: Literal["error", "warning"]
    message: str
    advice: str
    clip_ids: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """The finding as one line."""
        shown = ", ".join(self.clip_ids[:_SHOWN_IDS])
        more = f" and {len(self.clip_ids) - _SHOWN_IDS} more" if len(self.clip_ids) > _SHOWN_IDS else ""
        clips = f" [{shown}{more}]" if shown else ""
        return f"{self.severity} {self.code}: {self.message}{clips}; {self.advice}"


def check_rows(clips: pa.Table) -> Iterator[Finding]:
    """Yield a finding for each kind of problem of a manifest (:func:`emoforge.dataset.manifest.problems`)."""
    grouped: dict[str, list[manifest.Problem]] = defaultdict(list)
    for problem in manifest.problems(clips):
        grouped[problem.code].append(problem)
    for code, found in grouped.items():
        times = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        yield Finding(code, "error", found[0].message + times, _ADVICE[code], _ids(p.clip_id for p in found))


def check_converters(clips: pa.Table, converters: Mapping[str, Mapping[str, Any]]) -> Iterator[Finding]:
    """Yield converters that learnt from speakers who validate or test, and those of which nothing is known.

    Args:
        clips: a manifest.
        converters: checksum → provenance, with ``speakers``.
    """
    split_of = dict(zip(clips.column("speaker").to_pylist(), clips.column("split").to_pylist(), strict=True))
    made: dict[str, list[str]] = defaultdict(list)
    columns = (clips.column(name).to_pylist() for name in ("origin", "converter_sha256", "clip_id"))
    for origin, checksum, clip_id in zip(*columns, strict=True):
        if origin == "converted":
            made[checksum or ""].append(clip_id)
    for checksum, clip_ids in sorted(made.items()):
        if checksum not in converters:
            yield Finding(
                "converter-unknown",
                "warning",
                f"nothing says which speakers converter {checksum[:12] or '(no checksum)'} learnt from",
                "audit the project that made the set, or run `dvc repro`",
                _ids(clip_ids),
            )
            continue
        leaked = [name for name in converters[checksum]["speakers"] if split_of.get(name, "train") != "train"]
        if leaked:
            yield Finding(
                "converter-leak",
                "error",
                f"converter {checksum[:12]} learnt from {', '.join(leaked)}, held out for validation or test",
                "fit it again: `dvc repro -f fit_converter`",
                _ids(clip_ids),
            )


def check_withdrawn(clips: pa.Table, speakers: Collection[str]) -> Iterator[Finding]:
    """Yield the *speakers* who withdrew and are still in the set."""
    for speaker in speakers:
        theirs = clips.filter(pc.equal(clips.column("speaker"), speaker))
        if len(theirs):
            yield Finding(
                "withdrawn",
                "error",
                f"speaker {speaker!r} withdrew consent and is still in the set",
                f"run `dvc repro`, or `emoforge withdraw --speaker {speaker}` for the published folder at once",
                _ids(theirs.column("clip_id").to_pylist()),
            )


def check_audio(clips: pa.Table, scanned: Iterable[Scanned]) -> Iterator[Finding]:
    """Yield clips that are not in the store, cannot be read, or hold other audio than the manifest says."""
    found = {clip.clip_id: clip for clip in scanned}
    expected = dict(zip(clips.column("clip_id").to_pylist(), clips.column("audio_sha256").to_pylist(), strict=True))
    pull = "get the set again (`dvc pull`), or run the stage that writes it"
    missing = _ids(expected.keys() - found.keys())
    if missing:
        yield Finding("audio-missing", "error", f"{len(missing)} clips have no audio", pull, missing)
    unread = {clip_id: found[clip_id].problem for clip_id in expected.keys() & found.keys() if found[clip_id].problem}
    if unread:
        reason = unread[min(unread)]
        yield Finding("audio-unreadable", "error", f"{len(unread)} clips cannot be read ({reason})", pull, _ids(unread))
    wrong = _ids(
        clip_id
        for clip_id in expected.keys() & found.keys() - unread.keys()
        if found[clip_id].sha256 != expected[clip_id]
    )
    if wrong:
        yield Finding(
            "checksum", "error", f"{len(wrong)} clips hold other audio than their audio_sha256 says", pull, wrong
        )


def check_duplicates(clips: pa.Table, groups: Iterable[Collection[str]], *, near: bool) -> Iterator[Finding]:
    """Yield a finding for every group of clips that hold one audio, or with *near* one recording.

    It is an error where the clips are in two splits or say different things of who speaks in which emotion, and else
    a warning: they count twice and teach once.
    """
    code = "near-duplicate" if near else "duplicate"
    what = "are one recording" if near else "hold the same audio"
    rows = {row["clip_id"]: row for row in clips.select(["clip_id", "split", "speaker", "emotion"]).to_pylist()}
    for group in sorted(map(sorted, groups)):
        members = [rows[clip_id] for clip_id in group]
        count = f"{len(group)} clips {what}"
        splits, labels = ({row["split"] for row in members}, {(row["speaker"], row["emotion"]) for row in members})
        if len(splits) > 1:
            where = " and ".join(sorted(splits))
            yield Finding(f"{code}-leak", "error", f"{count} in {where}", "leave all but one split's out", tuple(group))
        elif len(labels) > 1:
            said = ", ".join(sorted(f"{speaker} {emotion}" for speaker, emotion in labels))
            yield Finding(f"{code}-labels", "error", f"{count}, labelled {said}", "find the right label", tuple(group))
        else:
            yield Finding(code, "warning", count, "leave all but one out", tuple(group))


def check_licences(clips: pa.Table, converters: Mapping[str, Mapping[str, Any]]) -> Iterator[Finding]:
    """Yield what forbids sharing the kept conversions, and conversions under a weaker licence than what made them.

    Args:
        clips: a manifest.
        converters: checksum → provenance, with ``corpora`` and ``licences``.
    """
    kept = clips.filter(pc.and_(pc.equal(clips.column("origin"), "converted"), pc.equal(clips.column("keep"), True)))
    licence_of = dict(zip(clips.column("clip_id").to_pylist(), clips.column("licence").to_pylist(), strict=True))
    weak: dict[tuple[str, str], list[str]] = defaultdict(list)
    for checksum in pc.unique(kept.column("converter_sha256")).to_pylist():
        made = kept.filter(pc.equal(kept.column("converter_sha256"), checksum))
        provenance = converters.get(checksum)
        try:
            permitted(made, provenance)
        except EmoforgeError as error:
            ids = _ids(made.column("clip_id").to_pylist())
            yield Finding("licence", "error", str(error), "do not publish the set as it is", ids)
            continue
        learnt: set[str] = set(provenance["licences"]) if provenance else set()
        for row in made.select(["clip_id", "source_clip_id", "style_clip_id", "licence"]).to_pylist():
            origins = learnt | {
                licence
                for name in ("source_clip_id", "style_clip_id")
                if (licence := licence_of.get(row[name])) is not None
            }
            if origins and _rank(row["licence"]) < _rank(_combined(origins)):
                weak[row["licence"], _combined(origins)].append(row["clip_id"])
    for (licence, due), clip_ids in sorted(weak.items()):
        message = f"{len(clip_ids)} conversions are under {licence}, what they were made from asks for {due}"
        yield Finding("licence-weak", "error", message, "convert again: `dvc repro -f convert`", _ids(clip_ids))


def check_balance(clips: pa.Table) -> Iterator[Finding]:
    """Yield classes that a split lacks, and classes and speakers that outweigh others among the kept clips."""
    kept = clips.filter(pc.equal(clips.column("keep"), True))
    emotions = set(kept.column("emotion").to_pylist())
    for split in sorted(set(kept.column("split").to_pylist())):
        members = kept.filter(pc.equal(kept.column("split"), split))
        counts = Counter(members.column("emotion").to_pylist())
        lacking = sorted(emotions - counts.keys())
        if lacking:
            message = f"split {split} has no clip of {', '.join(lacking)}"
            yield Finding("class-missing", "warning", message, "its recall cannot be learnt or measured there")
        for kind, tally in (("class", counts), ("speaker", Counter(members.column("speaker").to_pylist()))):
            (most, largest), *_, (least, smallest) = tally.most_common() * 2
            if largest > UNBALANCED * smallest:
                message = f"split {split}: {largest} clips of {kind} {most}, {smallest} of {least}"
                advice = "balance in select (`select.balance: equal`), or weight when training"
                yield Finding(f"{kind}-balance", "warning", message, advice)


def same_audio(scanned: Iterable[Scanned]) -> list[list[str]]:
    """Return the groups of clips whose samples are equal."""
    groups: dict[str, list[str]] = defaultdict(list)
    for clip in scanned:
        if not clip.problem:
            groups[clip.sha256].append(clip.clip_id)
    return [sorted(set(group)) for group in groups.values() if len(set(group)) > 1]


def _combined(licences: Collection[str]) -> str:
    return combine(("", licence) for licence in licences)


def _rank(licence: str) -> int:
    return terms_of(licence).rank


def _ids(clip_ids: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(clip_ids))
