# SPDX-License-Identifier: Apache-2.0
# Every command sets up first; a set-up that is up to date takes a fraction of a second.

# Settings are given after `make`; variables of the shell that happen to have these names do not count.
# The Python to set up with. Without it: the one .venv was made with, else python3.
PYTHON :=
# Passed on to the commands that take them.
INSTRUCTION :=
SCENE :=
NAME :=
N :=
# What the default model learns from.
DEMONSTRATIONS := 1300
PAIRS := 1500
# That train it together; on a CPU, one a core, each with one thread.
PROCESSES := 1
# Training takes and gives back gigabytes at each step: glibc keeps them instead, in large pages.
KEEP_MEMORY := glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=1073741824:glibc.malloc.trim_threshold=4294967296
# All that constraints.txt has to suit, the oldest first.
PYTHONS := python3.11 python3.12 python3.13
export INSTRUCTION

TRAIN = GLIBC_TUNABLES=$(KEEP_MEMORY) $(if $(filter-out 1,$(PROCESSES)),OMP_NUM_THREADS=1) \
	$(BIN)/torchrun --nproc-per-node $(PROCESSES) \
	-m vla_bridge.cli.main train out/demonstrations --pairs out/pairs
BOOTSTRAP = $(or $(PYTHON),python3) -m tools.bootstrap $(if $(PYTHON),--this-python)
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help setup demo test long model lint format bench kill fuzz mutate lock clean

help:  ## Show this
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 16
	@echo 'Settings: PYTHON=python3.12 (any target), INSTRUCTION="…" and SCENE=cluttered (demo), NAME=… (bench), N=… (kill, fuzz)'

setup:  ## Make .venv: pinned wheels, ROS interfaces, commands (done by the others too)
	@$(BOOTSTRAP)

demo: setup  ## Run the graph with the simulated arm [INSTRUCTION="put the green cube in the blue bowl"] [SCENE=cluttered]
	@$(BIN)/vla demo $(if $(INSTRUCTION),--instruction "$$INSTRUCTION") $(if $(SCENE),--scene $(SCENE))

test: lint  ## Run linters, type checker and all tests; installs torch
	@$(BOOTSTRAP) model
	@$(BIN)/python -m pytest -m 'not graph and not long' -n auto
	@$(BIN)/python -m pytest -m graph

long: setup  ## Run the tests that `make test` leaves out, since they take long
	@$(BOOTSTRAP) model
	@$(BIN)/python -m pytest -m long

model: setup  ## Make the default model anew: demonstrations, pairs, training (a night on two cores)
	@$(BOOTSTRAP) model
	@test -f out/demonstrations/meta/info.json || \
		$(BIN)/vla sim record --episodes $(DEMONSTRATIONS) --seed 1 --out out/demonstrations
	@test -f out/pairs/meta/info.json || \
		$(BIN)/vla sim record --episodes $(PAIRS) --seed 2 --sentences 2 --out out/pairs
	@test -d out/train/table_fine || $(TRAIN) --recipe table --out out/train/table \
		$(if $(wildcard out/train/table/resume),--resume)
	@$(TRAIN) --recipe table_fine --start-from out/train/table/model --out out/train/table_fine \
		$(if $(wildcard out/train/table_fine/resume),--resume)

lint: setup  ## Run ruff and mypy
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: setup  ## Format and fix what ruff can fix
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench:  ## Run the benchmarks [NAME=observation]; those of learned policies install torch
	@$(BOOTSTRAP) $(if $(filter-out language model stream,$(NAME)),,model)
	@$(BIN)/python -m benchmarks $(NAME)

kill: setup  ## Kill, suspend and restart nodes while the simulated arm moves [N=500; a quick look without]
	@$(BIN)/python -m benchmarks.kill $(N)

fuzz: setup  ## Send random and hostile chunks through the motion filter [N=2000]
	@$(BIN)/python -m benchmarks.fuzz --chunks $(or $(N),2000)

mutate: setup  ## Take the motion filter's checks out one by one, and see that tests notice
	@$(BIN)/python -m benchmarks.mutation

lock: setup  ## Resolve requirements/constraints.txt anew from the pins beside it
	@$(BIN)/python -m tools.lock $(PYTHONS)

clean:  ## Remove all that these commands have made
	rm -rf .venv .venv.lock out .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
