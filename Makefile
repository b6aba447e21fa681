# One-word targets. Everything they need beyond git, make and Python >= 3.11 they install into .venv.

PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
LOCK := constraints.txt
VIDEO ?=

.PHONY: help demo test check coverage bench docs format lock clean

help:
	@echo "make demo              analyze a generated edit (make demo VIDEO=film.mp4: any other)"
	@echo "make test              run the tests"
	@echo "make check             format, lint, types, import rules, dependencies, docs"
	@echo "make bench             print the benchmarks"
	@echo "make coverage          run the tests and say which lines they reach"
	@echo "make docs              write the references that are made from the code"
	@echo "make format            format the code"
	@echo "make lock              resolve the dependencies anew and write $(LOCK)"

$(VENV)/base: pyproject.toml $(LOCK)
	@test -n "$(PYTHON)" || { echo "streamtags needs Python 3.11 or newer on the PATH"; exit 1; }
	@echo "setting up $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c $(LOCK) -e .
	@$(BIN)/python -m compileall -q streamtags server  # as any other package is when it is installed
	@touch $@

$(VENV)/dev: $(VENV)/base
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c $(LOCK) -e '.[dev,server,models]'
	@touch $@

.cache/demo.mp4: $(VENV)/base $(wildcard tools/demo_film/*.py)
	@mkdir -p .cache
	@$(BIN)/python -m tools.demo_film $@

demo: $(if $(VIDEO),$(VENV)/base,.cache/demo.mp4)
	@$(BIN)/streamtags analyze $(if $(VIDEO),"$(VIDEO)",.cache/demo.mp4) --store sqlite:///.cache/demo.db $(DEMO_FLAGS)

test: $(VENV)/dev
	$(BIN)/python -m pytest -n 2 -m "not slow and not vllm" $(TEST_FLAGS)

check: $(VENV)/dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .
	$(BIN)/python docs/make_reference.py --check
	$(BIN)/python -m streamtags_server.reference --check

coverage: $(VENV)/dev
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -m "not slow and not vllm" -n 0 $(TEST_FLAGS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --skip-covered --sort=cover

docs: $(VENV)/dev
	$(BIN)/python docs/make_reference.py
	$(BIN)/python -m streamtags_server.reference --write
	$(BIN)/python -m docs.make_pictures

bench: $(VENV)/dev
	$(BIN)/python -m benchmarks

format: $(VENV)/dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(VENV)/dev
	@{ head -1 $(LOCK); $(BIN)/python -m pip freeze --exclude-editable; } > $(LOCK).new && mv $(LOCK).new $(LOCK)

clean:
	rm -rf $(VENV) .cache build dist
