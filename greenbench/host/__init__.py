"""The machine that is measured: what it is, what state it is in, when it has come to rest."""
