"""Stage select of the pipeline: the same function as `emoforge select`."""

from emoforge.pipeline.select import run
from emoforge.pipeline.stage import main

main("select", run)
