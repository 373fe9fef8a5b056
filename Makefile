# Two commands: `make report` (sets up, evaluates the shipped bank, publishes) and `make test`.
# `make help` lists the rest. Everything is installed into .venv from requirements.lock, once.

PYTHON ?= $(firstword $(foreach p,python3 python3.13 python3.12 python3.11 python,\
	$(shell $(p) -c 'import sys; print("$(p)") if sys.version_info >= (3, 11) else None' 2>/dev/null)))
PERIOD ?= 2026-Q3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
KEPT := $(addprefix notebooks/,period_report.ipynb goal_report.ipynb explore_goal.ipynb compare_periods.ipynb) \
	$(sort $(wildcard notebooks/tutorial/*.ipynb)) \
	$(if $(wildcard $(or $(EVALKIT_TRIALS),../shared/trials)),$(sort $(wildcard notebooks/case_studies/*.ipynb)))

.DEFAULT_GOAL := help
.PHONY: help setup hooks report reports-anew notebooks-anew reference validate test test-fast test-all test-versions \
	coverage bench lint audit lab lock clean

help: ## List the targets.
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' Makefile | expand -t 20

setup: $(READY) ## Install everything into .venv from the lock file.

# the stamp is made last: an interrupted set-up starts anew instead of half-working
$(READY): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "evalkit needs Python 3.11 or newer; none was found. Install one, or run: make PYTHON=/path/to/python $(MAKECMDGOALS)" >&2; exit 1; }
	rm -rf $(VENV)
	$(PYTHON) -m venv $(VENV) || { echo "This Python cannot make virtual environments; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $(READY)

hooks: $(READY) ## Have git check style, types and hosts before each commit.
	$(BIN)/pre-commit install

report: $(READY) ## Evaluate the shipped bank's latest period and publish the report.
	$(BIN)/evalkit run --period $(PERIOD) --out reports
	@echo "Open reports/$(PERIOD)/index.html in a browser."

reports-anew: $(READY) ## Render the two published periods and the notebooks anew, after a change of code.
	rm -rf reports/index*.html reports/ledger.jsonl reports/study.json reports/2026-Q2 reports/2026-Q3
	$(BIN)/evalkit run --period 2026-Q2 --out reports
	$(BIN)/evalkit run --period 2026-Q3 --out reports
	$(MAKE) notebooks-anew

notebooks-anew: $(READY) ## Execute the notebooks that keep their outputs, in place.
	$(BIN)/jupyter nbconvert --to notebook --execute --inplace --ExecutePreprocessor.record_timing=False $(KEPT)
	$(BIN)/jupyter nbconvert --to notebook --inplace --coalesce-streams $(KEPT)

reference: $(READY) ## Write docs/reference.md from the code.
	$(BIN)/python docs/reference.py > docs/reference.new && mv docs/reference.new docs/reference.md

validate: $(READY) ## Run the calibration study (about 20 minutes) and publish it in reports/method-validation.
	PYTHONPATH=tests $(BIN)/python -m calibration --replicates 2000 --out reports/method-validation

test: $(READY) ## Run the tests and compare the notebooks with their stored outputs.
	$(BIN)/python -m pytest -m "not slow" -n 2 --dist loadfile --doctest-modules src tests
	$(BIN)/python -m pytest --nbval --nbval-current-env -p no:cacheprovider -n 2 --dist loadfile notebooks/*.ipynb notebooks/tutorial

coverage: $(READY) ## The same tests, with the lines that none of them runs.
	$(BIN)/python -m pytest -m "not slow" -n 2 --dist loadfile --doctest-modules src tests --cov --cov-report=term:skip-covered

test-fast: $(READY) ## Statistics, study file, whole evaluations and the command line, under a minute.
	$(BIN)/python -m pytest -m "not slow and not seconds" -n 2 tests/inference tests/estimands tests/study \
		tests/evaluation/test_conductor.py tests/test_cli.py

test-all: $(READY) ## All tests, the long ones too, with Spark (which needs Java 17; else its tests are skipped).
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r tests/engines/spark.lock
	$(BIN)/python -m pytest --hypothesis-profile searching --doctest-modules src tests
	$(BIN)/python -m pytest --nbval --nbval-current-env -p no:cacheprovider -rs notebooks

test-versions: ## The library's tests on each Python found, with the lowest and the newest versions that pyproject.toml claims.
	tests/versions.sh tests/inference tests/estimands tests/study tests/records tests/evaluation tests/starter tests/engines \
		tests/test_cli.py

bench: $(READY) ## Measure speed beside other tools and write the README's table (BENCH_MAX=1e8 for the largest).
	$(BIN)/python tests/benchmarks --most $(or $(BENCH_MAX),1e7) --readme README.md $(BENCH_SIZES)

lint: $(READY) ## Style and types.
	$(BIN)/ruff check src tests docs/*.py
	$(BIN)/ruff format --check src tests docs/*.py
	$(BIN)/mypy

audit: $(READY) ## Look for known vulnerabilities in the locked packages (needs the network).
	@set -e; dir=$$(mktemp -d); trap 'rm -rf "$$dir"' EXIT; $(BIN)/python -m venv "$$dir"; \
	"$$dir/bin/python" -m pip install --quiet --disable-pip-version-check --retries 1 --timeout 20 pip-audit || \
		{ echo "make audit fetches pip-audit and the list of vulnerabilities: it needs a network, and found none." >&2; exit 1; }; \
	"$$dir/bin/pip-audit" --requirement requirements.lock --require-hashes --disable-pip --timeout 30 --progress-spinner off

lab: $(READY) ## Open the notebooks in JupyterLab.
	$(BIN)/jupyter lab notebooks

lock: ## Resolve the dependencies anew (needs uv).
	uv pip compile --quiet --no-strip-extras --generate-hashes --universal --python-version 3.11 --extra dev pyproject.toml -o requirements.lock
	echo "pyspark>=4.0,<4.1" | uv pip compile --quiet --no-header --generate-hashes --universal --python-version 3.11 - \
		-o tests/engines/spark.lock

clean: ## Remove the environment and everything made.
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage .coverage.* data/.evalkit
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
