"""greenbench: what a hyperparameter change costs or saves in energy, and whether the model still performs."""

__version__ = "0.1.0"
