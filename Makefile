# Every target first makes the environment that it needs in .venv: minutes once, an instant afterwards.
#
#   make demo    replay photographs through all tasks, into out/demo
#   make test [WORKERS=2]
#                all tests, in so many processes (installs torch too: they cover training and export)
#   make lint    ruff and mypy
#   make train DATA=FOLDER [OUTPUT=out/train] [MINUTES=60]
#                a model of your own from labelled pictures (COCO, YOLO, Pascal VOC, masks, a rosbag2)
#   make default-model PICTURES="FOLDER …" [LABELLED="FOLDER …"] TEACHERS=FOLDER [SPLITS=YAML] [MINUTES=…]
#                      [MEGABYTES=200] [OUTPUT=out/default_model]
#                the default model, from photographs to its card: docs/default_model.md
#   make evaluate DATA=FOLDER [MODEL=out/train/model] [SPLITS=out/train/splits.yaml]
#                metrics of a model on labelled pictures; with SPLITS, on those that training held out
#   make compare [OUTPUT=out/compare]
#                a ViT against a CNN on a robot's task, from rendered pictures to tables and charts (20 minutes):
#                docs/vit_and_cnn.md
#   make drive [WORLDS=1] [SEED=1000] [OUTPUT=out/drive] [MODEL=a navigator]
#                a robot drives through a simulated world: a table, a map, a video; docs/navigation.md
#   make bench   measure this machine against the targets for real time, into out/bench.json (28 minutes)
#   make chaos [SECONDS=60] [SEED=0]
#                a live suite among faults that a seed draws, into out/chaos: docs/chaos.md
#   make docker-check [IMAGES="cpu gpu"]
#                build the images, and ask each for answers: docs/docker.md
#   make picture draw docs/answers.png, which the README shows
#   make docs    the documentation as a site, into out/docs: open out/docs/index.html
#   make setup   the light environment, in which nodes run; hub-setup also adopts public models,
#                train-setup trains, test-setup runs the tests

PYTHON ?= python3
VENV ?= .venv
BIN := $(abspath $(VENV))/bin
SET_UP := $(PYTHON) tools/setup_env.py --venv $(VENV)

OUTPUT ?= out/train
MODEL ?= robot_vit_s14
WORKERS ?= 2
WORLDS ?= 1
IMAGES ?= cpu

.PHONY: demo test lint train default-model evaluate named-data compare drive bench chaos docker-check picture docs setup \
	hub-setup train-setup test-setup clean

demo: setup
	$(BIN)/vit-perception demo --output out/demo

# Plugins that a ROS distribution, or colcon, brings along stay out of our pytest. Tests of one file stay together:
# they share live nodes and models. A process that crashes, or hangs for ten minutes, ends the run with the test's name:
# xdist would start another and then wait for ever.
test: test-setup
	PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 $(BIN)/python -m pytest -p xdist.plugin --numprocesses $(WORKERS) --dist loadfile \
		--max-worker-restart 0 -p pytest_timeout --timeout 600 --timeout-method thread $(PYTEST_ARGS)

lint: test-setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

train: named-data train-setup
	$(BIN)/vit-perception train $(DATA) --output $(OUTPUT) $(if $(MINUTES),--minutes $(MINUTES))

default-model: OUTPUT = out/default_model
default-model: train-setup
	$(BIN)/python tools/default_model.py --output $(OUTPUT) $(if $(PICTURES),--pictures $(PICTURES)) \
		$(if $(LABELLED),--labelled $(LABELLED)) $(if $(TEACHERS),--teachers $(TEACHERS)) \
		$(if $(SPLITS),--splits $(SPLITS)) $(if $(MINUTES),--minutes $(MINUTES)) \
		$(if $(MEGABYTES),--megabytes $(MEGABYTES))

evaluate: named-data train-setup
	$(BIN)/python -m vit_perception.training.evaluate --data $(DATA) --model $(MODEL) \
		$(if $(SPLITS),--splits $(SPLITS))

compare: OUTPUT = out/compare
compare: train-setup
	$(BIN)/python tools/compare.py --output $(OUTPUT)

drive: OUTPUT = out/drive
drive: SEED ?= 1000
drive:
	@$(SET_UP) sim
	$(BIN)/vit-perception drive --worlds $(WORLDS) --seed $(SEED) --conditions still --output $(OUTPUT) \
		--model $(MODEL)

# With PyTorch, for the textbook's nodes.
bench: train-setup
	$(BIN)/vit-perception bench --output out/bench.json $(if $(DATA),--data $(DATA)) $(BENCH_ARGS)

chaos: setup
	$(BIN)/vit-perception chaos $(if $(SECONDS),--seconds $(SECONDS)) $(if $(SEED),--seed $(SEED))

docker-check:
	$(PYTHON) tools/check_docker.py $(IMAGES)

picture: setup
	$(BIN)/python tools/draw_answers.py docs/answers.png

# Everything is read anew: the page of parameters changes with the code. A dead link is an error.
docs:
	@$(SET_UP) docs
	$(BIN)/sphinx-build -E -W --keep-going -q -c docs . out/docs

named-data:
	$(if $(DATA),@:,$(error name the photographs, as in make train DATA=my_photographs))

setup:
	@$(SET_UP)

hub-setup:
	@$(SET_UP) train hub

train-setup:
	@$(SET_UP) train

test-setup:
	@$(SET_UP) dev train hub sim view docs

clean:
	rm -rf $(VENV) build install log out
