"""Stage embed of the pipeline: the same function as `emoforge embed`."""

from emoforge.stages.embed import run
from emoforge.stages.runner import main

main("embed", run)
