"""How the native extensions are built; setup.py says what can be asked of it."""
