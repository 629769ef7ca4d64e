"""The command line. Heavy imports wait until a command needs them, so that `emoforge --help` answers at once."""

import sys

import typer

from emoforge.base.errors import EmoforgeError
from emoforge.cli import corpora, encoders, experiments, project, recordings, sharing, stages

app = typer.Typer(
    help="Synthetic emotional speech: made from neutral recordings, filtered, versioned and put to the test.",
    no_args_is_help=True,
    add_completion=False,
    # Plain help: drawing it with rich takes longer than everything else that `--help` does.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for group in (stages, recordings, experiments, sharing, project):
    group.add_to(app)
app.add_typer(corpora.app, name="corpora")
app.add_typer(encoders.app, name="encoders")


def main() -> None:
    """Run the command line: an error that the user can put right becomes one line and status 1."""
    try:
        app()
    except EmoforgeError as error:
        print(f"emoforge: {error}", file=sys.stderr)
        sys.exit(1)
