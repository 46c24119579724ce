"""The built-in mutation operators."""
