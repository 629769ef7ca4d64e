"""Stage publish of the pipeline: the same function as `emoforge publish`."""

from emoforge.stages.publish import run
from emoforge.stages.runner import main

main("publish", run)
