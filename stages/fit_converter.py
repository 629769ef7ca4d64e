"""Stage fit_converter of the pipeline: the same function as `emoforge fit-converter`."""

from emoforge.stages.fit_converter import run
from emoforge.stages.runner import main

main("fit_converter", run)
