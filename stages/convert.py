"""Stage convert of the pipeline: the same function as `emoforge convert`."""

from emoforge.pipeline.convert import run
from emoforge.pipeline.stage import main

main("convert", run)
