"""Stage score of the pipeline: the same function as `emoforge score`."""

from emoforge.stages.runner import main
from emoforge.stages.score import run

main("score", run)
