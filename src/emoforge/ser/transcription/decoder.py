"""The decoder of Whisper (Radford et al. 2022, arXiv 2212.04356): frames of its encoder and tokens so far → the next.

Keys and values of earlier tokens are kept, so that every step costs one token.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from emoforge.base.errors import ModelError

Pair = tuple[Tensor, Tensor]
#: Of one block: keys and values of the tokens so far, and those of the frames.
State = tuple[Pair, Pair]


class SelfAttention(nn.Module):
    """Attention to all tokens so far."""

    def __init__(self, width: int, n_heads: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, past: Pair | None) -> tuple[Tensor, Pair]:
        """(1, T, C), keys and values (1, H, S, C / H) of the S tokens before → (1, T, C), those of S + T tokens."""
        query, key, value = (split(part, self.n_heads) for part in self.qkv(self.norm(x)).chunk(3, dim=-1))
        if past is not None:
            key, value = torch.cat([past[0], key], dim=2), torch.cat([past[1], value], dim=2)
        n_new, n_all = query.shape[2], key.shape[2]
        seen = torch.ones(n_new, n_all, dtype=torch.bool, device=x.device).tril(n_all - n_new)
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=seen)
        return self.out(joined(mixed)), (key, value)


class CrossAttention(nn.Module):
    """Attention to the frames of the encoder."""

    def __init__(self, width: int, n_heads: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.norm = nn.LayerNorm(width)
        self.query = nn.Linear(width, width)
        self.kv = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)

    def heard(self, frames: Tensor) -> Pair:
        """Return keys and values (1, H, T, C / H) of frames (1, T, C)."""
        key, value = self.kv(frames).chunk(2, dim=-1)
        return split(key, self.n_heads), split(value, self.n_heads)

    def forward(self, x: Tensor, heard: Pair) -> Tensor:
        """(1, T, C), what :meth:`heard` returned → (1, T, C)."""
        query = split(self.query(self.norm(x)), self.n_heads)
        return self.out(joined(functional.scaled_dot_product_attention(query, *heard)))


class Block(nn.Module):
    """A pre-norm transformer block."""

    def __init__(self, width: int, n_heads: int) -> None:
        super().__init__()
        self.attention = SelfAttention(width, n_heads)
        self.cross = CrossAttention(width, n_heads)
        self.norm = nn.LayerNorm(width)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)

    def forward(self, x: Tensor, frames: Tensor, past: State | None) -> tuple[Tensor, State]:
        """(1, T, C) tokens, (1, S, C) frames, state before or None at the beginning → (1, T, C), state after."""
        heard = self.cross.heard(frames) if past is None else past[1]
        mixed, own = self.attention(x, None if past is None else past[0])
        x = x + mixed
        x = x + self.cross(x, heard)
        return x + self.down(functional.gelu(self.up(self.norm(x)))), (own, heard)


class Decoder(nn.Module):
    """Tokens and frames → logits of the next token.

    Args:
        width: of tokens and frames.
        n_heads: of the attentions, a divisor of *width*.
        n_blocks: transformer blocks.
        n_tokens: of the vocabulary.
        n_positions: most tokens of a text, those of the prompt included.
    """

    def __init__(self, *, width: int, n_heads: int, n_blocks: int, n_tokens: int, n_positions: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(n_tokens, width)
        self.positions = nn.Parameter(torch.zeros(n_positions, width), requires_grad=False)
        self.blocks = nn.ModuleList(Block(width, n_heads) for _ in range(n_blocks))
        self.norm = nn.LayerNorm(width)

    @property
    def n_positions(self) -> int:
        """Most tokens of a text, those of the prompt included."""
        return len(self.positions)

    def forward(
        self, tokens: Tensor, frames: Tensor, past: Sequence[State] | None = None
    ) -> tuple[Tensor, list[State]]:
        """Read further tokens.

        Args:
            tokens: (1, T) those that come next.
            frames: (1, S, width) of the encoder, the same at every call.
            past: what this method returned before; None at the beginning.

        Returns:
            (n_tokens,) logits of the token after the last one, and the state of every block.
        """
        n_before = 0 if past is None else past[0][0][0].shape[2]
        x = self.embedding(tokens) + self.positions[n_before : n_before + tokens.shape[1]]
        after: list[State] = []
        for number, block in enumerate(self.blocks):
            x, state = block(x, frames, None if past is None else past[number])
            after.append(state)
        return functional.linear(self.norm(x[0, -1]), self.embedding.weight), after


def split(x: Tensor, n_heads: int) -> Tensor:
    """(1, T, C) → (1, H, T, C / H)."""
    return x.view(*x.shape[:2], n_heads, -1).transpose(1, 2)


def joined(x: Tensor) -> Tensor:
    """(1, H, T, C / H) → (1, T, C)."""
    return x.transpose(1, 2).flatten(2)


def build_decoder(variables: Mapping[str, np.ndarray]) -> Decoder:
    """Return the decoder of *variables*, named as CTranslate2 names them, in evaluation mode.

    Raises:
        ModelError: a variable is missing or of another shape.
    """
    try:
        n_blocks = len({name.split("/")[0] for name in variables if name.startswith("layer_") and name[6].isdigit()})
        n_tokens, width = variables["embeddings/weight"].shape
        decoder = Decoder(
            width=width,
            n_heads=int(variables["num_heads"]),
            n_blocks=n_blocks,
            n_tokens=n_tokens,
            n_positions=len(variables["position_encodings/encodings"]),
        )
        state = {ours: torch.from_numpy(variables[theirs]) for ours, theirs in _names(n_blocks).items()}
        decoder.load_state_dict(state)
    except (KeyError, ValueError, RuntimeError) as error:
        said = str(error).splitlines()[0]
        raise ModelError(f"not the weights of a Whisper decoder ({said}); fetch the file again") from None
    return decoder.eval()


def _names(n_blocks: int) -> dict[str, Any]:
    names = {
        "embedding.weight": "embeddings/weight",
        "positions": "position_encodings/encodings",
        "norm.weight": "layer_norm/gamma",
        "norm.bias": "layer_norm/beta",
    }
    for number in range(n_blocks):
        for ours, theirs in (
            ("attention.norm", "self_attention/layer_norm"),
            ("cross.norm", "attention/layer_norm"),
            ("norm", "ffn/layer_norm"),
        ):
            names |= {
                f"blocks.{number}.{ours}.weight": f"layer_{number}/{theirs}/gamma",
                f"blocks.{number}.{ours}.bias": f"layer_{number}/{theirs}/beta",
            }
        for ours, theirs in (
            ("attention.qkv", "self_attention/linear_0"),
            ("attention.out", "self_attention/linear_1"),
            ("cross.query", "attention/linear_0"),
            ("cross.kv", "attention/linear_1"),
            ("cross.out", "attention/linear_2"),
            ("up", "ffn/linear_0"),
            ("down", "ffn/linear_1"),
        ):
            names |= {
                f"blocks.{number}.{ours}.{part}": f"layer_{number}/{theirs}/{part}" for part in ("weight", "bias")
            }
    return names
