"""How a stage is run: load the params, call it, say in one line what came out, turn errors into one line."""

import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from emoforge.base.batch import one_thread
from emoforge.base.errors import EmoforgeError, EmoforgeWarning
from emoforge.project.layout import Layout
from emoforge.project.params import Params, load_params, resolved

Run = Callable[[Params, Layout], dict]


def run_stage(name: str, run: Run, *, root: Path = Path()) -> None:
    """Run one stage in the project folder *root* and print its closing line."""
    started = time.monotonic()
    layout = Layout(root)
    params = resolved(load_params(root / "params.yaml"), layout.metrics("recommend"))
    # A sum cut into parts rounds differently: what the main process computes must not depend on the cores either.
    with one_thread(), _one_line_warnings(name):
        metrics = run(params, layout)
    print(f"{name}: {describe(metrics)} ({time.monotonic() - started:.1f} s)", flush=True)


@contextmanager
def _one_line_warnings(name: str) -> Iterator[None]:
    """Show every :class:`EmoforgeWarning` as one line, without the place in the code that other warnings name."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", EmoforgeWarning)
        show = warnings.showwarning

        def show_line(message, category, *where, **options) -> None:
            if issubclass(category, EmoforgeWarning):
                print(f"{name}: warning: {message}", file=sys.stderr, flush=True)
            else:
                show(message, category, *where, **options)

        warnings.showwarning = show_line
        yield


def main(name: str, run: Run) -> None:
    """Run one stage as a script does: an error that the user can put right becomes one line and status 1."""
    try:
        run_stage(name, run)
    except EmoforgeError as error:
        print(f"{name}: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print(f"{name}: interrupted; run it again to go on", file=sys.stderr)
        sys.exit(130)


def describe(metrics: dict) -> str:
    """Return the plain numbers and words of *metrics* in one line; what is nested stays in the metrics file.

    >>> describe({"clips_in": 3, "uar": 0.61234, "rejected": {"silent": 1}})
    'clips_in 3, uar 0.612, rejected 1'
    """
    parts = []
    for key, value in metrics.items():
        if isinstance(value, float):
            parts.append(f"{key} {value:.3f}")
        elif isinstance(value, int | str):
            parts.append(f"{key} {value}")
        elif isinstance(value, dict) and key == "rejected":
            parts.append(f"{key} {sum(value.values())}")
    return ", ".join(parts)
