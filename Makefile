# make            build the extensions in place; with GPU=1 the one for CUDA too, which needs nvcc
# make demo       set everything up; detect by our own small YOLO9000, then by COCO's weights on a real photograph
# make test       set everything up and run the tests
# make quick       while one works: ruff, mypy and the fast tests of every room on the best instruction set
# make site        the documentation as a site, in build/site
# make lint bench sanitize clean; bench takes ARGS="--networks yolov2 --programs pydarknet,OpenVINO" (benchmarks/README.md)
# make wheel sbom  a wheel for Linux, tried where nothing else is; what an installation brings, as CycloneDX has it
# make gpu        on a GPU: build, check and measure the CUDA kernels within ten minutes
# make gpu-build gpu-check gpu-bench gpu-sanitize   by themselves, with ARGS="--seconds 60"; EMU=1 builds the emulator too

# The environment: that of `make PYTHON=...`, or the active one, each used as it is; otherwise .venv, which an exported
# PYTHON makes.
ORIGIN := $(firstword $(origin PYTHON))
GIVEN := $(if $(filter command environment,$(ORIGIN)),$(PYTHON))
MACHINE := $(or $(GIVEN),python3)
ifeq ($(ORIGIN),command)
VENV := $(or $(shell $(PYTHON) -c "import sys; print(sys.prefix)"),$(error PYTHON=$(PYTHON) doesn't run))
else ifdef VIRTUAL_ENV
VENV := $(VIRTUAL_ENV)
else
VENV := .venv
endif
PYTHON := $(VENV)/bin/python
SOURCES := $(shell find csrc tests/emu benchmarks -name "*.h" -o -name "*.cpp" -o -name "*.cu")
# Tests need the emulator of CUDA; nvcc takes minutes, so it runs only where somebody asks for it.
export PYDARKNET_EMU := 1
export PYDARKNET_CUDA := $(if $(GPU),1,0)

.PHONY: all build demo test quick site lint wheel sbom bench sanitize gpu gpu-build gpu-check gpu-bench gpu-sanitize clean
all: build

$(VENV)/bin/python:
	tools/system_packages.sh
	$(MACHINE) -m venv --without-pip $(VENV)

INSTALL := install -q --disable-pip-version-check
BUILT := pyproject.toml setup.py $(wildcard tools/native/*.py)
# Folders too, whose times say that a file has gone; and whatever was there, extensions that aren't there are built.
NATIVE := $(shell find csrc) $(if $(wildcard pydarknet/_cpu_*.so),,nothing-built)
.PHONY: nothing-built

# The package in editable form, with what a user needs: what only pip and the build need stays out of the environment.
$(VENV)/.pydarknet: $(BUILT) $(NATIVE) | $(VENV)/bin/python
	PYTHONWARNINGS=ignore tools/pip.sh $(PYTHON) $(MACHINE) $(INSTALL) --no-compile -e .
	touch $@
# And with what tests and linters need besides.
$(VENV)/.tools: $(BUILT) | $(VENV)/bin/python
	$(PYTHON) -m pip --version >/dev/null 2>&1 || $(PYTHON) -m ensurepip >/dev/null
	$(PYTHON) -m pip $(INSTALL) 'pip>=23' 'setuptools>=77' 'pybind11>=2.12'
	PYTHONWARNINGS=ignore $(PYTHON) -m pip $(INSTALL) --no-build-isolation -e '.[test,lint]'
	touch $@

build: $(VENV)/.tools
	$(PYTHON) setup.py -q build_ext --inplace
	touch $(VENV)/.pydarknet

# This machine's instruction set is all that a demo needs; `make` builds the others.
demo: export PYDARKNET_EMU := 0
demo: export PYDARKNET_ISAS := native
demo: $(VENV)/.pydarknet
	$(VENV)/bin/pydarknet detect stamps --path --out predictions-stamps.jpg
	$(VENV)/bin/pydarknet weights get yolov3-tiny coffee.png --folder weights
	$(VENV)/bin/pydarknet detect cfg/yolov3-tiny.cfg weights/yolov3-tiny.weights weights/coffee.png
	@echo "drawn: predictions-stamps.jpg, predictions.jpg"

test: build
	tools/system_packages.sh test
	$(PYTHON) -m pytest -q -n 2

# The answer while one works; everything else is left to `make lint test`.
quick: build
	$(VENV)/bin/ruff check -q .
	$(VENV)/bin/mypy
	PYDARKNET_TEST_BACKENDS=best,emu $(PYTHON) -m pytest -q -n auto -m "not slow and not oracle and not emu"

site: build
	NO_MKDOCS_2_WARNING=1 $(PYTHON) -m mkdocs build --strict --quiet

lint: $(VENV)/.tools
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-cache
	$(PYTHON) tools/check_csrc.py
	$(PYTHON) tools/check_sizes.py
	$(VENV)/bin/clang-format --dry-run --Werror $(SOURCES)

# For Linux of this machine's kind, with what the wheel needs besides the C library in it; tried in an environment of its own.
wheel:
	tools/system_packages.sh
	tools/wheel.sh $(MACHINE)

# What an installation brings, as CycloneDX has it.
sbom:
	tools/sbom.sh $(MACHINE)

bench: build
	$(PYTHON) benchmarks/peers.py $(ARGS)
	$(if $(ARGS),,$(PYTHON) benchmarks/folder.py && $(PYTHON) benchmarks/start.py && $(PYTHON) benchmarks/layers.py)

sanitize: build
	PYTHON=$(PYTHON) sh tests/sanitize.sh

# An environment that has what they need is used as it is; tools/gpu_python.sh says which one. `exec`: who ends make
# ends the program too, which then writes what it knows.
GPU_PYTHON = python=$$(PYTHON='$(GIVEN)' tools/gpu_python.sh)

# Builds, checks and measures within ten minutes.
gpu:
	$(GPU_PYTHON) && PYTHON="$$python" exec tools/gpu.sh

# For the GPUs that are there. Compilers we don't know may warn.
gpu-build:
	$(GPU_PYTHON) && PYDARKNET_CUDA=1 PYDARKNET_EMU=$(if $(EMU),1,0) PYDARKNET_WERROR=0 \
	  PYDARKNET_CUDA_ARCHS="$${PYDARKNET_CUDA_ARCHS:-native}" "$$python" setup.py -q build_ext --inplace

gpu-check: gpu-build
	$(GPU_PYTHON) && exec "$$python" -m tests.gpu_check $(ARGS)

gpu-bench: gpu-build
	$(GPU_PYTHON) && PYTHONPATH=".:$$PYTHONPATH" exec "$$python" benchmarks/gpu.py --json "$${PYDARKNET_GPU_OUT:-.}/gpu.json" $(ARGS)

gpu-sanitize: gpu-build
	$(GPU_PYTHON) && exec "$$python" -m tests.gpu_sanitize $(ARGS)

clean:
	rm -rf build dist *.egg-info compile_commands.json .mypy_cache .ruff_cache .pytest_cache pydarknet/*.so
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
