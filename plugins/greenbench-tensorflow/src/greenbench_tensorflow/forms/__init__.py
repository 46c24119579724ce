"""Forms of training: what is learned from what, and how it is judged, one module each."""
