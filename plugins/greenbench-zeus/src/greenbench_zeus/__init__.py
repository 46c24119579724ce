"""An energy backend for greenbench: AMD GPUs, Apple silicon and Jetson boards through Zeus."""

__version__ = "0.1.0"
