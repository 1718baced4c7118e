"""Recorded behaviour of the C code, and its comparison with the model."""
