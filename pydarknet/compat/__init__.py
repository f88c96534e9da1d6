"""Modules that take the place of other programs' Python bindings."""
