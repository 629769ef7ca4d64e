"""Stage fit_converter of the pipeline: the same function as `emoforge fit-converter`."""

from emoforge.pipeline.fit_converter import run
from emoforge.pipeline.stage import main

main("fit_converter", run)
