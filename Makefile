# make            build the extensions in place; with GPU=1 the one for CUDA too, which needs nvcc
# make demo       set everything up and detect on a real photograph
# make test       set everything up and run the tests
# make lint bench sanitize clean
# make gpu-check gpu-bench   tests and benchmark of the CUDA kernels, on a GPU

# An active virtual environment is used as it is; otherwise one is made in .venv.
ifdef VIRTUAL_ENV
VENV := $(VIRTUAL_ENV)
else
VENV := .venv
endif
PYTHON := $(VENV)/bin/python
SOURCES := $(shell find csrc tests/emu benchmarks -name "*.h" -o -name "*.cpp" -o -name "*.cu")
# Tests need the emulator of CUDA; nvcc takes minutes, so it runs only where somebody asks for it.
export PYDARKNET_EMU := 1
export PYDARKNET_CUDA := $(if $(GPU),1,0)

.PHONY: all build demo test lint bench sanitize gpu-build gpu-check gpu-bench clean
all: build

$(VENV)/bin/python:
	tools/system_packages.sh
	python3 -m venv $(VENV)
	$(PYTHON) -m pip install -q --disable-pip-version-check --upgrade pip 'setuptools>=77' 'pybind11>=2.12'

# The package in editable form, and what it needs for one purpose.
$(VENV)/.pydarknet: pyproject.toml setup.py | $(VENV)/bin/python
	PYTHONWARNINGS=ignore $(PYTHON) -m pip install -q --disable-pip-version-check --no-build-isolation -e '.[test,lint]'
	touch $@

build: $(VENV)/.pydarknet
	$(PYTHON) setup.py -q build_ext --inplace

demo: build
	$(VENV)/bin/pydarknet weights get yolov3-tiny coffee.png --folder weights
	$(VENV)/bin/pydarknet detect cfg/yolov3-tiny.cfg weights/yolov3-tiny.weights weights/coffee.png

test: build
	tools/system_packages.sh test
	$(PYTHON) -m pytest -q

lint: $(VENV)/.pydarknet
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(PYTHON) tools/check_csrc.py
	$(VENV)/bin/clang-format --dry-run --Werror $(SOURCES)

bench: build
	$(PYTHON) benchmarks/peers.py

sanitize: build
	PYTHON=$(PYTHON) sh tests/sanitize.sh

# In an active environment that has pybind11, NumPy, OpenCV, pytest, CuPy and PyTorch, nothing is fetched.
gpu-build: $(VENV)/bin/python
	$(PYTHON) -c 'import cupy, cv2, pytest, tqdm' 2>/dev/null || $(PYTHON) -m pip install -q --no-build-isolation -e '.[cuda,test]'
	PYDARKNET_CUDA=1 PYDARKNET_EMU=0 $(PYTHON) setup.py -q build_ext --inplace

gpu-check: gpu-build
	PYTHONPATH=. $(PYTHON) tests/gpu_check.py

gpu-bench: gpu-build
	PYTHONPATH=. $(PYTHON) benchmarks/gpu.py --json gpu.json

clean:
	rm -rf build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache pydarknet/*.so
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
