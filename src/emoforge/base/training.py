"""What trainings of networks share: a state on disk, speakers that are held out, a schedule, a mean of the weights.

The state is one safetensors file, replaced as a whole at every validation point. A training that goes on from it gives
the same bits as one that was never stopped. A file belongs to one training, named by a fingerprint of all that decides
its course.
"""

import json
import math
import os
from collections.abc import Sequence
from dataclasses import astuple, dataclass, field

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from emoforge.base.errors import ModelError
from emoforge.base.outputs import written_aside

# Of fewer speakers none can be spared.
_FEWEST_SPEAKERS = 5


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

    def keep(self, point: Point, *, held_out: bool) -> None:
        """Add *point*; with speakers held out, keep the mean network's parameters where it is the best so far."""
        if held_out and point.validation_loss < min((p.validation_loss for p in self.points), default=math.inf):
            self.best = {name: values.detach().clone() for name, values in self.mean_network.state_dict().items()}
        self.points.append(point)

    def points_since_best(self) -> int:
        """Validation points after the best one; -1 before the first."""
        if not self.points:
            return -1
        return len(self.points) - 1 - int(np.argmin([point.validation_loss for point in self.points]))

    def average(self, step: int, decay: float) -> None:
        """Move the mean network towards the network, in the first steps faster: they are far from anything learnt."""
        decay = min(decay, (1 + step) / (10 + step))
        with torch.no_grad():
            for kept, current in zip(self.mean_network.parameters(), self.network.parameters(), strict=True):
                kept.lerp_(current, 1 - decay)


def held_out_speakers(speakers: Sequence[str], share: float, seed: int) -> set[str]:
    """Return the *share* of *speakers* to validate with, at least one; none of fewer than five speakers."""
    names = sorted(set(speakers))
    if len(names) < _FEWEST_SPEAKERS:
        return set()
    n_held = max(1, round(share * len(names)))
    return set(np.random.default_rng(seed).permutation(names)[:n_held].tolist())


def schedule(step: int, steps: int) -> float:
    """Return the share of the highest learning rate: up over a twentieth of *steps*, then down as a cosine."""
    warm = max(steps // 20, 1)
    if step <= warm:
        return step / warm
    return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(steps - warm, 1)))


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
    points = json.dumps([astuple(point) for point in state.points])
    with written_aside(path) as aside:
        save_file(tensors, aside, metadata={"training": training, "points": points})


def read_state(path: str | os.PathLike[str], state: State, *, training: str, point_type: type[Point] = Point) -> None:
    """Restore *state*, which is that of a new training, from the checkpoint at *path*; do nothing if there is none.

    Args:
        path: of the file.
        state: of a new training.
        training: its fingerprint.
        point_type: what its validation points are.

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
    state.points = [point_type(*row) for row in json.loads(metadata["points"])]


def _below(tensors: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {name[len(prefix) :]: values for name, values in tensors.items() if name.startswith(prefix)}
