"""Several encoders that hear every clip, as one: what one misses another has."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from emoforge.base.errors import ModelError
from emoforge.ser.encoders.encoder import Encoder


@dataclass(frozen=True, eq=False)
class SideBySide:
    """Several encoders as one, whose layers stand in order of their depth.

    A run of neighbouring layers is then a band of depth that reaches through all of them. Narrower layers are filled up
    with zeros.

    Attributes:
        encoders: at least two.
    """

    encoders: tuple[Encoder, ...]

    @property
    def name(self) -> str:
        """Their names, joined by ``+``."""
        return "+".join(encoder.name for encoder in self.encoders)

    @property
    def sha256(self) -> str:
        """Of their checksums."""
        return hashlib.sha256("+".join(encoder.sha256 for encoder in self.encoders).encode()).hexdigest()

    @property
    def n_layers(self) -> int:
        """Number of layers of all."""
        return sum(encoder.n_layers for encoder in self.encoders)

    @property
    def width(self) -> int:
        """Width of a frame of the widest."""
        return max(encoder.width for encoder in self.encoders)

    def frames(self, signals: Sequence[np.ndarray], sampling_rate: int) -> list[np.ndarray]:
        """Refuse: their frames are not one sequence.

        Raises:
            ModelError: always.
        """
        raise ModelError(f"{self.name}: frames are asked of one encoder at a time; name one of them")

    def embed(self, signals: Sequence[np.ndarray], sampling_rate: int) -> np.ndarray:
        """Return the mean and the standard deviation over time of every layer, (n_clips, n_layers, 2 * width) float32.

        Args:
            signals: as for :meth:`emoforge.ser.encoders.encoder.Encoder.embed`.
            sampling_rate: 16,000 Hz.

        Raises:
            AudioError: as there.
        """
        embeddings = np.zeros((len(signals), self.n_layers, 2, self.width), dtype=np.float32)
        order = self._order()
        for part, encoder in enumerate(self.encoders):
            places = [place for place, (_, of_layer, _) in enumerate(order) if of_layer == part]
            found = encoder.embed(signals, sampling_rate).reshape(len(signals), encoder.n_layers, 2, encoder.width)
            embeddings[:, places, :, : encoder.width] = found
        return embeddings.reshape(len(signals), self.n_layers, 2 * self.width)

    def _order(self) -> list[tuple[float, int, int]]:
        """Return depth from 0 to 1, encoder and layer of every layer, in order."""
        return sorted(
            (layer / max(encoder.n_layers - 1, 1), part, layer)
            for part, encoder in enumerate(self.encoders)
            for layer in range(encoder.n_layers)
        )
