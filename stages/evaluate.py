"""Stage evaluate of the pipeline: the same function as `emoforge evaluate`."""

from emoforge.stages.evaluate import run
from emoforge.stages.runner import main

main("evaluate", run)
