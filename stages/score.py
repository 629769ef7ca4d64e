"""Stage score of the pipeline: the same function as `emoforge score`."""

from emoforge.pipeline.score import run
from emoforge.pipeline.stage import main

main("score", run)
