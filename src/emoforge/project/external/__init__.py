"""Converters of other people, which run as programs in environments of their own.

``docs/how-to/external-converters.md`` holds the protocol.
"""

from emoforge.project.external.control import control_sources
from emoforge.project.external.converter import ExternalConverter, introduce
from emoforge.project.external.program import Command, ended_afterwards
from emoforge.project.external.session import Session

__all__ = ["Command", "ExternalConverter", "Session", "control_sources", "ended_afterwards", "introduce"]
