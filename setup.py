"""Build of the native extensions: one module per instruction set, one for CUDA, one for its emulator.

Objects are rebuilt only when a source or a header they include has changed. Environment:
PYDARKNET_ISAS       comma-separated subset of baseline,avx2,avx512; native: the best this machine runs
                     (default: all that fit the machine's architecture)
PYDARKNET_EMU        1: build the emulator of CUDA as well, which only tests need (default: 0)
PYDARKNET_CUDA       1: build for CUDA, 0: don't (default: if nvcc and a GPU are found)
PYDARKNET_CUDA_ARCHS comma-separated compute capabilities, the last one as PTX too; native: those of the GPUs there
                     (default, also where there are none: those of 75,80,86,89,90,100,120 that nvcc knows)
PYDARKNET_PREBUILT   folder with extensions for this Python; each that is there is taken as it is instead of built
PYDARKNET_WERROR     0: a compiler's warnings are no errors (default: 1)
PYDARKNET_CXXFLAGS   appended to the flags of the C++ compiler (a sanitizer build, for instance)
"""

from __future__ import annotations

import sys
from pathlib import Path

from setuptools import setup

sys.path.insert(0, str(Path(__file__).resolve().parent))  # builds from elsewhere don't look here

from tools.native.extensions import extensions
from tools.native.incremental import IncrementalBuild
from tools.native.package import BuildWithShare, packages

setup(
    packages=packages(),
    package_data={"pydarknet": ["py.typed", "*.pyi"], "pydarknet.serve": ["page.html"]},
    ext_modules=extensions(),
    cmdclass={"build_ext": IncrementalBuild, "build_py": BuildWithShare},
    zip_safe=False,
)
