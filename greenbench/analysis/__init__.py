"""From a result set's frames to statements: deltas, tests, correlations, co-location, verdicts."""
