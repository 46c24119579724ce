"""The models in PyTorch: those that the frameworks share, trained here. Imports no framework."""

from greenbench_data import models

MODELS = tuple(models.in_framework(m, "torch", "greenbench_torch") for m in models.MODELS)
BY_NAME = {model.name: model for model in MODELS}
