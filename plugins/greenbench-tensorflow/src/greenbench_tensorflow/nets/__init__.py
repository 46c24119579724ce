"""The networks of the published models and of the texts, one module each."""
