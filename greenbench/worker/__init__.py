"""What runs inside the container: reads one trial, trains, emits events."""
