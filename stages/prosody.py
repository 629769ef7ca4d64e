"""Stage prosody of the pipeline: the same function as `emoforge prosody`."""

from emoforge.stages.prosody import run
from emoforge.stages.runner import main

main("prosody", run)
