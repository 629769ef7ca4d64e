# make repro                                    install and run the pipeline (at first on the demo corpus)
# make repro CORPUS=ravdess CORPUS_ROOT=path    the same on another corpus, which params.yaml names from then on
# make test                                     install what is missing and run every test
# make evaluate-conversion                      converters on RAVDESS and nEMO, to studies/conversion
# make study STUDY=scarce-ravdess               a study of when synthetic emotion helps, to studies/
# make study STUDY=recognition                  how well emotion is recognised, within corpora and across them
# make thresholds CORPUS=ravdess                thresholds as DVC experiments, to studies/threshold/experiments.md
# make docs                                     the documentation as web pages, to build/site
# make dag                                      bring the code in dvc.yaml's deps up to date with the imports
# make bench                                    measurements that are committed with the code

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CORPUS ?=
STUDY ?= scarce-ravdess
CORPUS_ROOT ?= data/corpora/$(CORPUS)
export PATH := $(CURDIR)/$(BIN):$(PATH)
export DVC_NO_ANALYTICS := 1

.PHONY: repro test docs dag keep bench evaluate-conversion study thresholds lock clean
.DELETE_ON_ERROR:

repro: $(VENV)/.installed
ifeq ($(CORPUS),)
	dvc repro --keep-going
else
	emoforge corpora import "$(CORPUS)" "$(CORPUS_ROOT)"
	dvc repro --keep-going
endif

test: $(VENV)/.installed-test
	ruff check .
	ruff format --check .
	lint-imports
	mypy
	python -m pytest -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

# The documentation as web pages, to build/site.
docs: $(VENV)/.installed-test
	NO_MKDOCS_2_WARNING=1 mkdocs build --strict

dag: $(VENV)/.installed
	PYTHONPATH=. python tests/dag.py

# Figures of a run on another corpus, to be committed: make keep NAME=ravdess
keep:
	mkdir -p metrics/$(NAME)
	cp metrics/*.json metrics/$(NAME)/
	printf '{"command": "make repro CORPUS=%s", "commit": "%s"}\n' $(NAME) $$(git rev-parse HEAD) > metrics/$(NAME)/run.json

bench: $(VENV)/.installed-test
	python bench/f0.py
	python bench/transparency.py
	python bench/rendering.py
	python bench/conversion.py
	python bench/encoder.py
	python bench/formats.py
	python bench/packed.py

# Every converter on the same clips of RAVDESS and nEMO, whose downloads lie where studies/conversion.yaml says.
evaluate-conversion: $(VENV)/.installed-test
	emoforge evaluate-conversion

# A study of studies/: make study STUDY=scarce-ravdess
study: $(VENV)/.installed-test
	emoforge study "$(STUDY)"

# One experiment a threshold, on the corpus that `make repro` takes; params.yaml is put back as it was.
thresholds: repro
	cp params.yaml params.yaml.before
	for confidence in 0.1 0.2 0.3 0.5 0.7 0.0; do \
	    dvc exp run --quiet --set-param select.min_confidence=$$confidence || break; done; \
	mv params.yaml.before params.yaml; test "$$confidence" = 0.0
	{ printf '# Thresholds as DVC experiments\n\n`make thresholds CORPUS=%s` at commit `%s`.\n\n' \
	    "$(or $(CORPUS),demo)" "$$(git rev-parse HEAD)"; \
	  dvc exp show --md --no-pager --only-changed --hide-workspace --precision 3 \
	      --drop '.*/|models|Created' --sort-by select.min_confidence; \
	} > studies/threshold/experiments.md

# The lock files hold exact versions; the ranges are in pyproject.toml.
lock: $(VENV)/.uv
	uv pip compile pyproject.toml --universal --fork-strategy fewest --python-version 3.11 \
	    --no-header --no-annotate --quiet --upgrade -o requirements.lock
	uv pip compile pyproject.toml --extra test -c requirements.lock --universal --fork-strategy fewest \
	    --python-version 3.11 --no-header --no-annotate --quiet --upgrade -o requirements-test.lock

$(VENV)/.uv:
	$(PYTHON) -c 'import sys; sys.exit("emoforge needs Python 3.11 or newer: make PYTHON=python3.12 ...") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	touch $@

$(VENV)/.installed: requirements.lock pyproject.toml | $(VENV)/.uv
	$(BIN)/uv pip install --python $(BIN)/python -r requirements.lock
	$(BIN)/uv pip install --python $(BIN)/python --no-deps --no-build-isolation --editable .
	touch $@

$(VENV)/.installed-test: requirements-test.lock $(VENV)/.installed | $(VENV)/.uv
	$(BIN)/uv pip install --python $(BIN)/python -r requirements-test.lock
	touch $@

clean:
	rm -rf $(VENV)
