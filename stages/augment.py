"""Stage augment of the pipeline: the same function as `emoforge augment`."""

from emoforge.pipeline.augment import run
from emoforge.pipeline.stage import main

main("augment", run)
