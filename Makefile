# make demo      install into a virtual environment, then compare dhns with PyKEEN's bernoulli sampler (a few minutes)
# make test      install, then run the fast tests, in as many processes as there are cores: under 3 minutes on 2 cores
# make test-all  install, then run all tests
# make check     install, then run linters and the type checker, and build the documentation
# make docs      install, then build the documentation's site: docs/_build/html/index.html
# make dist      install, then build what is uploaded, and check it: dist/

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
# more than one thread per process only slows small tensors down
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

# On Linux, PyPI's wheel of PyTorch brings gigabytes of CUDA. Without a GPU, prefer the CPU wheel, which PyTorch's own
# index has, if that can be reached. Elsewhere, or with a mirror that only has CPU wheels, there is nothing to do.
TORCH_INDEX := https://download.pytorch.org/whl/cpu
EXTRA_INDEX = $(shell command -v nvidia-smi >/dev/null 2>&1 || \
	{ curl --silent --fail --head --max-time 10 --output /dev/null $(TORCH_INDEX)/torch/ && echo --extra-index-url $(TORCH_INDEX); })

.PHONY: demo test test-all check docs dist format clean

demo: $(INSTALLED)
	$(BIN)/python examples/quickstart.py

test: $(INSTALLED)
	$(PYTEST) -m "not slow"

test-all: $(INSTALLED)
	$(PYTEST)

check: $(INSTALLED)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pydoclint --quiet pykeen_dhns pykeen_dhns_plugin.py
	$(BIN)/mypy
	$(MAKE) docs

# What was built before is removed, since pages that are gone would still be there. Warnings are errors.
docs: $(INSTALLED)
	rm -rf docs/_build docs/reference/api
	$(BIN)/sphinx-build --fail-on-warning --keep-going --quiet --builder html docs docs/_build/html

# The wheel is built from the source distribution, so both are complete.
dist: $(INSTALLED)
	rm -rf build dist
	$(BIN)/python -m build --outdir dist
	$(BIN)/python -m twine check --strict dist/*

format: $(INSTALLED)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

$(INSTALLED): setup.cfg pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt $(EXTRA_INDEX) --editable '.[dev]'
	touch $(INSTALLED)

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache
