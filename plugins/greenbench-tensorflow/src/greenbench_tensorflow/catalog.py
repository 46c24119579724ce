"""The models in Keras: those that the frameworks share, trained here. Imports no framework."""

from greenbench_data import models

MODELS = tuple(
    models.in_framework(model, "tensorflow", "greenbench_tensorflow", "-keras")
    for model in models.MODELS
    if model is not models.DIGITS_MLP
)
BY_NAME = {model.name: model for model in MODELS}
