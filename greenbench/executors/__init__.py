"""Places to run trials: `docker` (one hardened container each) and `process` (no isolation)."""
