# One-word targets. Everything they need beyond git, make and Python >= 3.11 they install into .venv.

PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3.14 python3; do command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
LOCK := constraints.txt
VIDEO ?=
# Checked for types in addition to the packages themselves
TYPED := tests tools benchmarks docs examples

.PHONY: help demo test check coverage bench docs reference pictures format lock clean

help:
	@echo "make demo              analyze a generated film (make demo VIDEO=film.mp4: a film of yours)"
	@echo "make test              run the tests"
	@echo "make check             format, lint, types, import rules, sizes, language, dependencies, references"
	@echo "make coverage          run the tests and print which lines they cover"
	@echo "make bench             print the benchmarks"
	@echo "make docs              build the documentation site into build/site; fail on a broken link"
	@echo "make reference         write the reference pages that are generated from the code"
	@echo "make pictures          draw the pictures of the documentation again"
	@echo "make format            format the code"
	@echo "make lock              resolve the dependencies again and write $(LOCK)"

$(VENV)/base: pyproject.toml $(LOCK)
	@test -n "$(PYTHON)" || { echo "streamtags needs Python 3.11 or newer on the PATH"; exit 1; }
	@echo "setting up $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c $(LOCK) -e .
	@$(BIN)/python -m compileall -q streamtags server tools  # as pip does for other packages
	@touch $@

$(VENV)/dev: $(VENV)/base
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c $(LOCK) -e '.[dev,server,models,postgres,ray,objects,traces,aaf,text,hearing,faces,speech,multilingual]'
	@touch $@

$(VENV)/docs: $(VENV)/dev
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c $(LOCK) -e '.[docs]'
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
	$(BIN)/mypy --explicit-package-bases $(TYPED)
	$(BIN)/lint-imports
	$(BIN)/python tools/check_cycles.py
	$(BIN)/python tools/check_sizes.py
	$(BIN)/python tools/check_language.py
	$(BIN)/deptry .
	$(BIN)/python docs/make_reference.py --check
	$(BIN)/python -m streamtags_server.reference --check

coverage: $(VENV)/dev
	$(BIN)/python -m pytest -n 2 -m "not slow and not vllm" --cov --cov-report=term:skip-covered $(TEST_FLAGS)

# Not --quiet: MkDocs then does not count warnings, and builds with broken links.
docs: $(VENV)/docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build
	@echo "open build/site/index.html"

reference: $(VENV)/dev
	$(BIN)/python docs/make_reference.py
	$(BIN)/python -m streamtags_server.reference --write

pictures: $(VENV)/dev
	$(BIN)/python -m docs.make_pictures

bench: $(VENV)/dev
	$(BIN)/python -m benchmarks

format: $(VENV)/dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(VENV)/docs
	@{ head -1 $(LOCK); $(BIN)/python -m pip freeze --exclude-editable; } > $(LOCK).new && mv $(LOCK).new $(LOCK)

clean:
	rm -rf $(VENV) .cache build dist
