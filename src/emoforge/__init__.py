"""emoforge: synthetic emotional speech, made from neutral recordings, filtered, versioned and put to the test."""

__version__ = "0.1.0"
