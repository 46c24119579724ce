"""Suites: TOML → validated `Suite`. Light to import; pydantic loads with the first suite."""

from __future__ import annotations

from greenbench.suite.load import load_suite, suite_schema
from greenbench.suite.mutants import study_mutations
from greenbench.suite.seeds import derived_random, derived_seed, training_seed
from greenbench.suite.spec import Analysis, Cooldown, Measure, MutateSpec, Retry, StudySpec, Suite

__all__ = [
    "Analysis",
    "Cooldown",
    "Measure",
    "MutateSpec",
    "Retry",
    "StudySpec",
    "Suite",
    "derived_random",
    "derived_seed",
    "load_suite",
    "study_mutations",
    "suite_schema",
    "training_seed",
]
