"""Stage train of the pipeline: the same function as `emoforge train`."""

from emoforge.pipeline.stage import main
from emoforge.pipeline.train import run

main("train", run)
