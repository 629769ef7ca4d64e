"""Commands on corpora."""

from pathlib import Path
from typing import Annotated

import typer

from emoforge.cli.common import ProjectOption, print_table

app = typer.Typer(help="Corpora that emoforge reads.", no_args_is_help=True)


@app.command("list")
def corpora_list() -> None:
    """Print every corpus that emoforge reads."""
    from emoforge.corpora import corpora_table

    print_table(corpora_table())


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
    name: Annotated[str, typer.Argument(help="Corpus, as `emoforge corpora list` names it.")],
    root: Annotated[Path, typer.Argument(help="Folder of its download, or the table.")],
    project: ProjectOption = Path(),
) -> None:
    """Check a corpus on this disk and make it the project's: `dvc repro` uses it from then on."""
    from emoforge.project.corpus_choice import import_corpus

    print(import_corpus(name, root, project))
