"""The simulated host."""

from sim.machine import simulated_host, stub  # noqa: F401 (fixtures)
