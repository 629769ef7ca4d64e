"""Encoders of speech by their names: which there are, where their weights lie, and how they get there."""

from emoforge.project.encoders.loading import load_encoder

__all__ = ["load_encoder"]
