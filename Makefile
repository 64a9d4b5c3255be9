# The commands of this repository; `make` alone lists them. Each brings what it needs first (see localcloud/toolchain).

define HELP
make demo                  deploy to a local cloud, replay CloudTrail records, show the Slack messages
make demo VERBOSE=1        the same with every message, instead of one for each evidence path
make demo RECORDS=DIR      the same with your own records: one CloudTrail record a file, an optional .expect beside it
make demo BREAK=all        break the alert path in every way, with each delivery, and show what notices each fault
make demo BREAK=FAULT,...  the same for some faults, e.g. slack-archived; an unknown name lists all
make local-up, local-down  keep the local cloud running with stack `local` deployed; stop it
make check                 for every commit: format, lint, types, and the tests without an engine, in a minute
make test                  everything that CI checks: format, lint, types, and all tests
make bench                 measure and print; nothing is asserted by time
make mutants               change the code that decides, bit by bit, and show what no test notices (docs/proof.md)
make docs                  regenerate what the code knows: reference, schema, component arguments, tables, diagrams, images
make lint, fmt             check format, lint, types, imports, language and stack files; repair format and lint
make clean                 delete build products and caches (not .tools, which takes minutes to bring again)
endef

# The first Python on PATH that is new enough; PYTHON=/path/to/python overrules it.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
TOOLCHAIN = $(or $(PYTHON),$(error Python 3.11 or newer is needed and not on PATH)) -m localcloud.toolchain
VENV := .venv/bin
# Programs that run Pulumi find the tools by PATH.
WITH_TOOLS := PATH="$(CURDIR)/.tools/bin:$(CURDIR)/.venv/bin:$$PATH"

# No engine test may be skipped where CI says so; tests/no_skips.py reads the variable.
ifeq ($(CI),true)
export BREAKGLASS_REQUIRE_ENGINE := 1
endif

# Without a cache of bytecode each command compiles a thousand modules of the AWS provider's SDK first.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo local-up local-down check test bench mutants docs lint fmt clean

help:
	$(info $(HELP))
	@:

demo:
	@$(TOOLCHAIN)
	@$(WITH_TOOLS) python -m localcloud.demo $(if $(RECORDS),--records "$(RECORDS)") $(if $(BREAK),--break "$(BREAK)") $(if $(VERBOSE),--verbose)

local-up:
	@$(TOOLCHAIN)
	@$(WITH_TOOLS) python -m localcloud.up

# Brings nothing: what runs can be stopped even while the environment is broken.
local-down:
	@$(WITH_TOOLS) python -m localcloud.down

# Generated examples are few here, and tests of the benchmarks wait for `make test`.
check: lint
	@echo "== unit, component and function tests"
	@$(WITH_TOOLS) pytest --numprocesses 2 --quiet --hypothesis-profile=quick --ignore=tests/unit/benchmarks \
		-m "not engine and not local"

# Without the Pulumi CLI the tests that need it are skipped, unless that is forbidden.
test: lint
	@$(TOOLCHAIN) slack pulumi || test -z "$$BREAKGLASS_REQUIRE_ENGINE"
	@echo "== tests"
	@$(WITH_TOOLS) pytest --numprocesses 3

bench:
	@$(TOOLCHAIN)
	@$(WITH_TOOLS) python -m benchmarks

mutants:
	@$(TOOLCHAIN) mutants
	@.tools/mutants/bin/python -m tests.mutants $(if $(ONLY),--only $(ONLY))

docs:
	@$(TOOLCHAIN) python
	@$(VENV)/python -m breakglass.stack_file.schema
	@$(VENV)/python -m docs.generate_arguments
	@$(VENV)/python -m docs.generate_reference
	@$(VENV)/python -m docs.generate_tables
	@$(VENV)/python -m docs.draw_messages

lint:
	@$(TOOLCHAIN) python
	@echo "== lock file"
	@.tools/bin/uv lock --quiet --check --offline
	@echo "== lint"
	@$(VENV)/ruff check
	@echo "== format"
	@$(VENV)/ruff format --check
	@echo "== types"
	@$(VENV)/pyrefly check
	@echo "== imports"
	@$(VENV)/lint-imports --no-logo --no-cache
	@echo "== language"
	@$(VENV)/python -m tests.language
	@echo "== stack files"
	@$(VENV)/breakglass check --without-secrets stacks/Pulumi.*.yaml

fmt:
	@$(TOOLCHAIN) python
	@$(VENV)/ruff check --fix
	@$(VENV)/ruff format

clean:
	rm -rf build dist .hypothesis .pytest_cache .ruff_cache
