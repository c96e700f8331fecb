# make lab: set up and open the course.  make test: set up and run every test.  make help: the rest.
PYTHON ?= python3
VENV   := .venv
READY  := $(VENV)/.ready

# A virtual environment has its programs in bin/, on Windows in Scripts/.
BIN := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
PY  := $(BIN)/python

.PHONY: help lab test bench faults pages notebooks lock clean
.DEFAULT_GOAL := help

help:
	@echo "make lab        set up once, then open the course in JupyterLab"
	@echo "make test       set up once, then run every test, the notebooks included"
	@echo "make bench      measure what the README says of speed; take nothing else in hand meanwhile"
	@echo "make faults     the long run of tests/faults: what a power cut, a full disk or a hostile server may do"
	@echo "make pages      write the course as web pages that need no Python, in build/pages"
	@echo "make notebooks  run the notebooks afresh and store their outputs"
	@echo "make lock       write requirements.lock anew from the newest versions that pyproject.toml allows"
	@echo "make clean      remove everything that these made, but not your copies of the lessons in work/"

lab: $(READY)
	@$(PY) -m vae_lesson lab

test: $(READY)
	$(PY) -m ruff check .
	$(BIN)/oxlint vae_lesson
	$(PY) -m mypy
	$(PY) -m pytest
	OMP_NUM_THREADS=1 $(PY) -m pytest --nbval --nbval-current-env --nbval-cell-timeout=900 -n 2 --dist loadscope notebooks

bench: $(READY)
	$(PY) benchmarks/all.py

faults: $(READY)
	$(PY) -m pytest --whole -n 2 --dist worksteal tests/faults

pages: $(READY)
	$(PY) -m vae_lesson export

notebooks: $(READY)
	$(PY) tools/notebooks.py notebooks/*.ipynb

# The locked versions, then the package itself where it stands. Only a change of either file makes pip run again.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" || \
	  { echo "Python 3.11 or newer is needed: make PYTHON=python3.11 lab"; exit 1; }
	@test -x $(PY) || $(PYTHON) -m venv $(VENV) || \
	  { echo "No virtual environment could be made (Debian, Ubuntu: apt install python3-venv)"; exit 1; }
	$(PY) -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $(READY)

lock:
	$(PYTHON) tools/lock.py

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis runs
	find . -name __pycache__ -prune -exec rm -rf {} +
	find . -path ./work -prune -o -name .ipynb_checkpoints -prune -exec rm -rf {} +
