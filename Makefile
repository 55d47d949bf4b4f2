.PHONY: sync test lint format bench demo clean

UV ?= uv

sync:
	$(UV) sync --quiet

test: sync
	$(UV) run pytest -q

lint: sync
	$(UV) run ruff format --check .
	$(UV) run ruff check .
	$(UV) run mypy
	$(UV) run lint-imports
	cd proto && $(UV) run buf lint
