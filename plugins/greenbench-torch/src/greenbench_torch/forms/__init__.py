"""Forms of training, a file each: what is learnt from, by which loss, and how it is judged."""
