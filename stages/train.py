"""Stage train of the pipeline: the same function as `emoforge train`."""

from emoforge.pipeline.train import run
from emoforge.pipeline.stage import main

main("train", run)
