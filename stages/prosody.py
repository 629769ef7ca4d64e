"""Stage prosody of the pipeline: the same function as `emoforge prosody`."""

from emoforge.pipeline.prosody import run
from emoforge.pipeline.stage import main

main("prosody", run)
