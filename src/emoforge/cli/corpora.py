"""Commands on corpora."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emoforge.cli.common import ProjectOption, print_table

if TYPE_CHECKING:
    from emoforge.corpora import CorpusInfo
    from emoforge.corpora.summary import CorpusSummary, Duplicates
    from emoforge.project.corpus_choice import ImportedCorpus

app = typer.Typer(help="Corpora that emoforge reads.", no_args_is_help=True)

_SHOWN = 5
_FEWEST_SPEAKERS = 3


@app.command("list")
def corpora_list(
    name: Annotated[str | None, typer.Argument(help="Say all that is known of one corpus.")] = None,
) -> None:
    """Print every corpus that emoforge reads, which emotion each of its labels becomes, and how to lay out your own.

    With a name: how to get that corpus, its layout as published, its licence, and what to cite.
    """
    from emoforge import corpora

    if name is not None:
        print("\n".join(_known(corpora.info(name))))
        return
    print_table(corpora.corpora_table())
    known = [corpora.info(each) for each in corpora.names()]
    print("\nLabels as published → emotion (`emoforge corpora list NAME` says more):")
    for info in known:
        if not info.own and any(label != emotion for label, emotion in info.labels.items()):
            print(f"  {info.name}: {corpora.labels_line(info)}")
    print("\nCorpora of your own:")
    for info in known:
        if info.own:
            print(f"  {info.name}: {info.access}")


def _known(info: "CorpusInfo") -> Iterator[str]:
    from emoforge import corpora

    yield f"{info.name}: {info.title}"
    yield ""
    yield corpora.notes(info.name)
    yield ""
    if not info.own:
        yield f"languages: {' '.join(info.languages)}; speakers: {info.n_speakers}; clips: {info.n_clips}"
        yield f"labels: {corpora.labels_line(info)}"
        yield f"style: {info.style}"
        made = "what is made from them may be shared" if info.derivatives else "nothing made from them may be shared"
        copies = "copies may be passed on" if info.redistributable else "copies may not be passed on"
        use = "non-commercial use only" if info.non_commercial else "commercial use is allowed"
        yield f"licence: {info.licence}; {copies}; {made}; {use}"
    if info.folds:
        yield f"published speaker-disjoint folds: {len(info.folds)}"
    yield "get it: " + (f"`emoforge corpora fetch {info.name}`" if info.downloads else info.access)
    if info.citation:
        yield f"cite: {info.citation}"
    if info.url:
        yield f"page: {info.url}"


@app.command("fetch")
def corpora_fetch(
    name: Annotated[str, typer.Argument(help="Corpus, as `emoforge corpora list` names it.")],
    folder: Annotated[Path | None, typer.Option("--to", help="Where to keep it.", show_default="data/corpora")] = None,
) -> None:
    """Download a corpus that has an open address; goes on where a broken download stopped."""
    from emoforge.corpora.fetch import fetch

    print(fetch(name, folder or Path("data/corpora")))


@app.command("import")
def corpora_import(
    name: Annotated[
        str, typer.Argument(help="Corpus, as `emoforge corpora list` names it; `table` or `folders` for your own.")
    ],
    root: Annotated[Path, typer.Argument(help="Folder of its download, or the table.")],
    licence: Annotated[
        str | None, typer.Option(help="SPDX identifier of its licence, such as CC-BY-4.0. `publish` needs it.")
    ] = None,
    public_name: Annotated[
        str | None, typer.Option("--name", help="What the published set calls a corpus of your own.")
    ] = None,
    title: Annotated[str | None, typer.Option(help="Title of a corpus of your own, for the dataset card.")] = None,
    citation: Annotated[
        str | None, typer.Option(help="What to cite for a corpus of your own, for the dataset card.")
    ] = None,
    project: ProjectOption = Path(),
) -> None:
    """Check a corpus on this disk and make it the project's: `dvc repro` uses it from then on.

    Prints what is in it and what is odd about it: speakers without a neutral clip, missing files, duplicates. What was
    stated with --licence, --name, --title and --citation is kept when the same corpus is imported again.

    `table` reads one table (.csv, .tsv or .txt with commas, semicolons or tabs, or .parquet), one row per clip. Its
    columns are path, emotion and speaker, and optionally gender (female, male, other), language (ISO 639-1), text,
    sentence (equal where the same words are spoken), intensity (0 to 1), start_s and end_s (a part of the file, in
    seconds), stem (a name for the clip) and corpus (where one table gathers several).

    `folders` reads <emotion>/<speaker>/clip.wav, <speaker>/<emotion>/clip.wav or <emotion>/<speaker>_clip.wav.
    """
    from emoforge.project.corpus_choice import import_corpus

    imported = import_corpus(
        name, root, project, licence=licence, public_name=public_name, title=title, citation=citation
    )
    print("\n".join(_lines(imported)))


def _lines(imported: "ImportedCorpus") -> Iterator[str]:
    corpus, summary = imported.corpus, imported.summary
    name = corpus.public_name or corpus.name
    yield f"{name}: {summary.clips} recordings of {len(summary.speakers)} speakers; `dvc repro` uses them from now on"
    yield f"emotions: {_counts(summary.emotions)}"
    yield f"languages: {_counts(summary.languages)}"
    if corpus.licence:
        yield f"licence: {corpus.licence}"
    yield from _oddities(summary)
    if imported.obstacle:
        yield f"warning: {imported.obstacle}"


def _oddities(summary: "CorpusSummary") -> Iterator[str]:
    from emoforge.project.corpus_choice import learning_obstacle

    if len(summary.speakers) < _FEWEST_SPEAKERS:
        yield (
            f"warning: speakers {len(summary.speakers)}: `ingest` needs {_FEWEST_SPEAKERS} or more, one for each "
            "split; gather these recordings with others in one table (`emoforge corpora list table`)"
        )
    if obstacle := learning_obstacle(summary.emotions):
        yield f"warning: {obstacle}"
    without = summary.without_neutral
    if without:
        yield (
            f"warning: no neutral clip, so neither calibrated nor converted: speakers ({len(without)}) {_some(without)}"
        )
    if summary.missing:
        yield f"warning: listed but not there: files ({len(summary.missing)}) {_some(summary.missing)}"
    for reason, stems in (summary.unusable or {}).items():
        yield f"warning: left out, {reason}: clips ({len(stems)}) {_some(stems)}"
    if summary.duplicates is None:
        yield "duplicates: not looked for in a corpus of this size; `ingest` finds them"
    else:
        yield from _duplicates(summary.duplicates)


def _duplicates(found: "Duplicates") -> Iterator[str]:
    if not (found.equal or found.contradicting or found.near):
        yield "duplicates: none"
    for groups, what in (
        (found.equal, "exact duplicates, of which the first is used"),
        (found.contradicting, "exact duplicates with different speakers or emotions, of which none is used"),
        (found.near, "one recording, cut, louder or encoded differently; all are used"),
    ):
        if groups:
            yield f"warning: {what}: groups ({len(groups)}) {_some([' = '.join(group) for group in groups])}"
    if found.speakers:
        together = _some([", ".join(group) for group in found.speakers])
        yield f"warning: speakers who share recordings, so are put into one split: {together}"


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())


def _some(values: Sequence[object]) -> str:
    more = f"; and {len(values) - _SHOWN} more" if len(values) > _SHOWN else ""
    return "; ".join(map(str, values[:_SHOWN])) + more
