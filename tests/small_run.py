"""A small demo corpus run through the pipeline: params and stages, for the tests that look at what is left."""

from importlib import import_module
from pathlib import Path

from emoforge.project.layout import Layout
from emoforge.project.params import Params

STAGES = (
    "ingest",
    "prosody",
    "embed",
    "fit_converter",
    "convert",
    "augment",
    "score",
    "select",
    "publish",
    "train",
    "evaluate",
    "report",
)
#: Every section, whatever params.yaml says at the moment: a user's choices must not change what is tested.
SMALL = {
    "seed": 0,
    "encoder": "whisper-tiny.en",
    "corpus": {"name": "demo", "licence": ""},
    "demo": {"voices": 6, "sentences": 3},
    "ingest": {
        "sampling_rate": 16000,
        "emotions": ["neutral", "anger", "sadness"],
        "trim_db": 40.0,
        "level": "speaker",
        "min_duration_s": 0.3,
        "max_duration_s": 30.0,
        "fold": 0,
        "n_folds": 3,
        "val_speakers": 1,
        "enrolment_clips": 1,
    },
    "prosody": {"hop_s": 0.01, "f0_min_hz": 60.0, "f0_max_hz": 600.0},
    "fit_converter": {
        "method": "transplant",
        "also": [],
        "neural": {
            "size": "small",
            "steps": 6,
            "device": "cpu",
            "guidance": 1.5,
            "temperature": 0.7,
            "samples": 0,
        },
    },
    "convert": {"variants": 1, "intensity": 1.0},
    "augment": {"variants": 1, "kinds": ["white_noise", "speed", "pitch", "reverb"]},
    "score": {"judge_folds": 3},
    "select": {
        "min_confidence": 0.0,
        "max_confidence": 1.0,
        "min_naturalness": 1.0,
        "min_speaker_similarity": -1.0,
        "max_content_error": 1.0,
        "max_clipping_share": 1.0,
        "max_silence_share": 1.0,
        "min_duration_ratio": 0.1,
        "max_duration_ratio": 10.0,
        "max_f0_range_st": 100.0,
        "ratio": 1.0,
        "balance": "equal",
        "prefer": "random",
    },
    "publish": {"shard_mb": 128},
    "train": {"model": "encoder+functionals", "added_weight": 0.5, "steps": 4},
    "evaluate": {"draws": 200},
    "report": {"examples": 2},
}


def small_params(corpus_root: Path, *, workers: int = 1, **changes: dict | str) -> Params:
    """Params for a corpus small enough for a test, with *changes* to some sections."""
    values = {
        name: value | changes.get(name, {}) if isinstance(value, dict) else changes.get(name, value)
        for name, value in SMALL.items()
    }
    values["corpus"]["root"] = str(corpus_root)
    return Params.model_validate(values | {"workers": workers})


def run_stages(params: Params, root: Path, stages: tuple[str, ...] = STAGES) -> Layout:
    layout = Layout(root)
    for stage in stages:
        import_module(f"emoforge.stages.{stage}").run(params, layout)
    return layout
