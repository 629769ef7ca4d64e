"""Stage publish of the pipeline: the same function as `emoforge publish`."""

from emoforge.pipeline.publish import run
from emoforge.pipeline.stage import main

main("publish", run)
