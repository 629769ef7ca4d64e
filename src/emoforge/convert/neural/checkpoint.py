"""The state of a training on disk: one safetensors file, replaced as a whole at every validation point.

A training that goes on from it gives the same bits as one that was never stopped. A file belongs to one training: to
its examples, emotions, options, seed and device, and to the version of torch that computes.
"""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from emoforge.base.errors import ModelError
from emoforge.base.outputs import written_aside
from emoforge.convert.neural.pairs import Example


@dataclass(frozen=True)
class Point:
    """A validation point: step, mean training loss since the last point, loss of the validation speakers or NaN."""

    step: int
    loss: float
    validation_loss: float


@dataclass
class State:
    """All that a training needs to go on.

    Attributes:
        network: as the last step left it.
        mean_network: exponential mean of the network.
        optimiser: AdamW, whose moments belong to the network's parameters.
        best: parameters of the mean network at the best validation point, ``None`` before there is one.
        points: the validation points so far.
    """

    network: nn.Module
    mean_network: nn.Module
    optimiser: torch.optim.Optimizer
    best: dict[str, torch.Tensor] | None = None
    points: list[Point] = field(default_factory=list)


def fingerprint(examples: Sequence[Example], emotions: Sequence[str], options: Any, seed: int, device: str) -> str:
    """Return the SHA-256 of what decides the course of a training; *options* is a dataclass of JSON values."""
    settings = [list(emotions), asdict(options), seed, device, torch.__version__]
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for example in examples:
        digest.update(f"\0{example.speaker}\0{example.emotion}\0{example.typicality}\0".encode())
        source = example.source
        for array in (source.features, source.statistics, example.targets, example.weights):
            digest.update(str(array.shape).encode())
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def write_state(path: str | os.PathLike[str], state: State, *, training: str) -> None:
    """Write *state* of the *training* of that fingerprint; its folder is made if it does not exist."""
    tensors = {
        **{f"network.{name}": values for name, values in state.network.state_dict().items()},
        **{f"mean.{name}": values for name, values in state.mean_network.state_dict().items()},
        **{f"best.{name}": values for name, values in (state.best or {}).items()},
        **{
            f"optimiser.{index}.{name}": values
            for index, moments in state.optimiser.state_dict()["state"].items()
            for name, values in moments.items()
        },
    }
    tensors = {name: values.detach().cpu().contiguous() for name, values in tensors.items()}
    points = json.dumps([[point.step, point.loss, point.validation_loss] for point in state.points])
    with written_aside(path) as aside:
        save_file(tensors, aside, metadata={"training": training, "points": points})


def read_state(path: str | os.PathLike[str], state: State, *, training: str) -> None:
    """Restore *state*, which is that of a new training, from the checkpoint at *path*; do nothing if there is none.

    Raises:
        ModelError: the checkpoint is damaged, or of another training than that of the fingerprint *training*.
    """
    try:
        with safe_open(os.fspath(path), framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except FileNotFoundError:
        return
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path}: damaged ({error}); delete it to train from the beginning") from None
    if metadata.get("training") != training:
        raise ModelError(
            f"{path}: is of another training (other clips, options, seed, device or torch); delete it to train from "
            "the beginning, or name another file"
        )
    state.network.load_state_dict(_below(tensors, "network."))
    state.mean_network.load_state_dict(_below(tensors, "mean."))
    moments: dict[int, dict[str, torch.Tensor]] = {}
    for name, values in _below(tensors, "optimiser.").items():
        index, key = name.split(".")
        moments.setdefault(int(index), {})[key] = values
    state.optimiser.load_state_dict({**state.optimiser.state_dict(), "state": moments})
    device = next(state.network.parameters()).device
    state.best = {name: values.to(device) for name, values in _below(tensors, "best.").items()} or None
    state.points = [Point(*row) for row in json.loads(metadata["points"])]


def _below(tensors: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {name[len(prefix) :]: values for name, values in tensors.items() if name.startswith(prefix)}
