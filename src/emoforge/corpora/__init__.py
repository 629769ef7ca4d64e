"""Emotional speech corpora: one importer each, a registry, and downloads."""

from emoforge.corpora.recording import CorpusInfo, Download, Recording
from emoforge.corpora.registry import corpora_table, importer, info, labels_line, missing, names, notes, read

__all__ = [
    "CorpusInfo",
    "Download",
    "Recording",
    "corpora_table",
    "importer",
    "info",
    "labels_line",
    "missing",
    "names",
    "notes",
    "read",
]
