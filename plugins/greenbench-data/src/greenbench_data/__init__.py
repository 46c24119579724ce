"""Data sets for greenbench's models; importing this package imports nothing heavy."""

__version__ = "0.1.0"
