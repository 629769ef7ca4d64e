"""A small converter of somebody else: it changes pitch and speed by resampling. It speaks the protocol of the docs.

Run as a script, by the tests. `--mischief FILE` names a JSON file that says how it misbehaves, read at every batch, so
that a test can change it while the program runs. It notes what it does in `--notes FILE`, one word a line.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "docs" / "how-to" / "adapters"))

import emoforge_adapter
import numpy as np
import soundfile

SEMITONES = {"neutral": 0.0, "anger": 3.0, "sadness": -2.0, "happiness": 4.0}


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--mischief", type=Path, required=True)
    parser.add_argument("--notes", type=Path, required=True)
    return parser.parse_args()


def main() -> None:
    options = parsed()

    def note(word: str) -> None:
        with options.notes.open("a") as file:
            file.write(f"{word}\n")

    def mischief() -> dict:
        return json.loads(options.mischief.read_text()) if options.mischief.exists() else {}

    rate = 22050
    hello = {
        "name": "pitch",
        "version": "1.0",
        "checksums": {"code": emoforge_adapter.sha256_of(__file__), "weights": None},
        "licences": {"code": "MIT", "weights": None, "outputs": "CC-BY-NC-4.0"},
        "emotions": list(SEMITONES),
        "languages": None,
        "sampling_rates": {"source": rate, "result": rate},
        "needs": {"text": False, "style": False},
        "deterministic": True,
        "batch": 4,
    } | mischief().get("hello", {})
    if "start" in mischief():
        sys.exit(mischief()["start"])
    note("started")

    def convert(jobs):
        found = mischief()
        note(f"batch-{len(jobs)}")
        if len(jobs) > found.get("most", len(jobs)):
            raise emoforge_adapter.OutOfMemoryError
        for job in jobs:
            emotion, clip = job["emotion"], Path(job["source"]).stem
            kind = found.get(f"{emotion}-{clip}") or found.get(clip) or found.get(emotion)
            if kind == "fail":
                yield job["id"], "no speech\nin it"
                continue
            if kind == "crash":
                print("cannot go on", file=sys.stderr)
                os._exit(3)
            if kind == "hang":
                time.sleep(600)
            if kind == "memory":
                raise emoforge_adapter.OutOfMemoryError
            if kind == "babble":
                os.write(messages.fileno(), b"Loading ...\n")
            signal, read = soundfile.read(job["source"], dtype="float32")
            assert read == rate
            if kind == "empty":
                signal = signal[:0]
            if hello["needs"]["style"]:
                note(f"style-{Path(job['style']).stem}")
            ratio = 2 ** (SEMITONES.get(emotion, 1.0) * job["intensity"] / 12)
            times = np.arange(0, len(signal), ratio)
            changed = np.interp(times, np.arange(len(signal)), signal) if len(signal) else signal
            if kind != "absent":
                soundfile.write(job["result"], changed, 8000 if kind == "rate" else rate, subtype="PCM_16")
            note(f"{emotion}-{clip}")
            yield job["id"], ""

    messages = emoforge_adapter.messages_only()
    print("a library that prints")
    emoforge_adapter.serve(hello, convert, messages=messages)
    note("ended")


if __name__ == "__main__":
    main()
