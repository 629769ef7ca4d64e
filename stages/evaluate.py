"""Stage evaluate of the pipeline: the same function as `emoforge evaluate`."""

from emoforge.pipeline.evaluate import run
from emoforge.pipeline.stage import main

main("evaluate", run)
