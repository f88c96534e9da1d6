"""The device of tests that compare whole networks with the CPU's."""

import os

DEVICE = "cuda" if "cuda" in os.environ.get("PYDARKNET_TEST_BACKENDS", "") else "emu"
