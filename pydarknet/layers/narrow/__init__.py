"""Layers whose values have fewer bits than floats, on the CPU: their parts of a plan."""
