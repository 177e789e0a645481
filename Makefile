# The few words a person types. Everything lands in .venv/ and .cache/ below this folder.

SHELL := /bin/sh
PYTHON ?= python3
BIN := .venv/bin
export PYTHON
# No setting of the person's own ansible.cfg or inventory may change what is tested.
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg

.PHONY: help setup demo demo-down test check lint types unit mutants sanity molecule faults fuzz fuzz-jails bench bench-modules bench-fleet bench-peers bench-crowding bench-bans hosts docs clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

setup: .venv/.ready  ## the tools into .venv/

.venv/.ready: pyproject.toml tools/machine.sh tools/setup.sh tools/unpack.py
	@tools/machine.sh
	@tools/setup.sh

demo: setup  ## one disposable host, hardened and proven
	@$(BIN)/python -m tools.demo up

demo-down: setup  ## remove the demo's host
	@$(BIN)/python -m tools.demo down

test: setup  ## lint, types, unit, sanity and molecule
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target sanity lint types unit
	@$(MAKE) --no-print-directory molecule

check: setup  ## lint, types and unit (without coverage) side by side, in about two minutes
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target lint types unit COVERAGE=no

lint: setup  ## ruff, yamllint, pymarkdown, ansible-lint, shellcheck, the workflow's schema, known vulnerabilities of the tools
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/yamllint --strict .
	$(BIN)/pymarkdown scan $$(git ls-files '*.md')
	$(BIN)/shellcheck tools/*.sh tests/hosts/registry/*.sh .ci/run
	$(BIN)/antsibull-changelog lint
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-actions .github/actions/*/action.yml
	$(BIN)/ansible-lint --profile production --offline
	$(BIN)/python -m tools.audit

types: setup  ## mypy
	tools/types.sh

COVERAGE ?= yes

unit: setup  ## pytest over tests/unit, the coverage of plugins/ by branch, and its weakest files; COVERAGE=no
	@mkdir -p .cache
ifeq ($(COVERAGE),yes)
	$(BIN)/python -m pytest tests/unit --numprocesses=auto --cov --cov-report=
	@$(BIN)/python -m coverage report --skip-covered --sort=cover --fail-under=0 | sed -n '1,17p'
else
	$(BIN)/python -m pytest tests/unit --numprocesses=auto
endif

mutants: setup  ## changes of one operator that no unit test sees, of what access depends on; SOURCE=
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --group mutants
	$(BIN)/python -m tools.mutants $(SOURCE)

sanity: setup  ## ansible-test sanity on the built collection
	tools/sanity.sh

molecule: setup  ## the scenarios but those of faults, or one: make molecule SCENARIO=sshd
	$(BIN)/python -m tools.scenarios $(SCENARIO)

COUNT ?= 20000

faults: setup  ## the scenarios that provoke attacks, faults and foreign configurations case by case
	$(BIN)/python -m tools.scenarios --faults

fuzz: setup  ## generated sshd configurations against three versions of sshd; COUNT=, SEED=
	PYTHONPATH=.venv/collections $(BIN)/python -m tests.differential --count $(COUNT) $(if $(SEED),--seed $(SEED))

fuzz-jails: setup  ## generated trees of jail files against two versions of fail2ban; COUNT=, SEED=
	PYTHONPATH=.venv/collections $(BIN)/python -m tests.jail_trees $(if $(filter command line,$(origin COUNT)),--count $(COUNT)) $(if $(SEED),--seed $(SEED))

hosts: setup  ## build the test hosts' images; SYSTEM= for one that is built where a scenario asks for it
	$(BIN)/python -m tests.hosts build $(SYSTEM)

bench: setup  ## what a no-change run costs, as ratios; SYSTEM=
	$(BIN)/python -m bench.no_change $(or $(SYSTEM),debian13)

bench-fleet: setup  ## runs without changes for several hosts at once; HOSTS="1 5 20 50"
	$(BIN)/python -m bench.fleet $(HOSTS)

bench-peers: setup  ## the same with pyinfra, other roles and a shell script; PEERS=FOLDER, SYSTEM=
	$(BIN)/python -m bench.peers "$(PEERS)" $(or $(SYSTEM),debian13)

bench-modules: setup  ## what each module sends, imports and takes without a change; SYSTEM=
	$(BIN)/python -m bench.modules $(or $(SYSTEM),debian13)

bench-crowding: setup  ## the admin's logins while a stranger crowds sshd
	$(BIN)/python -m bench.crowding

bench-bans: setup  ## attackers, bans of many sources at once, and what many bans cost; COUNT=, SYSTEM=
	@$(BIN)/python -m bench.bans $(if $(filter command line,$(origin COUNT)),$(COUNT),2000) $(or $(SYSTEM),debian12)

docs: setup  ## docs/platforms.md from its data
	PYTHONPATH=.venv/collections $(BIN)/python -m tools.platforms

clean:  ## remove the hosts, .venv/ and .cache/
	@[ ! -x $(BIN)/python ] || $(BIN)/python -m tests.hosts down
	rm -rf .venv .cache
