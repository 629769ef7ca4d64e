"""Stage augment of the pipeline: the same function as `emoforge augment`."""

from emoforge.stages.augment import run
from emoforge.stages.runner import main

main("augment", run)
