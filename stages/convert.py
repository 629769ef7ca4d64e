"""Stage convert of the pipeline: the same function as `emoforge convert`."""

from emoforge.stages.convert import run
from emoforge.stages.runner import main

main("convert", run)
