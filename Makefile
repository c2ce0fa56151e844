# Every target first makes the environment that it needs in .venv: minutes once, an instant afterwards.
#
#   make demo    replay photographs through all tasks, into out/demo
#   make test    all tests (installs torch too: they cover training and export)
#   make lint    ruff and mypy
#   make train DATA=FOLDER [OUTPUT=out/train] [MINUTES=60]
#                a model of your own from labelled pictures (COCO, YOLO, Pascal VOC, masks, a rosbag2)
#   make default-model PICTURES=FOLDER [LABELLED=FOLDER] TEACHERS=FOLDER [SPLITS=YAML] [MINUTES=…]
#                      [MEGABYTES=200] [OUTPUT=out/default_model]
#                the default model, from photographs to its card: docs/default_model.md
#   make evaluate DATA=FOLDER [MODEL=out/train/model] [SPLITS=out/train/splits.yaml]
#                metrics of a model on labelled pictures; with SPLITS, on those that training held out
#   make compare [OUTPUT=out/compare]
#                a ViT against a CNN on a robot's task, from rendered pictures to tables and charts (20 minutes):
#                docs/vit_and_cnn.md
#   make drive [WORLDS=1] [SEED=1000] [OUTPUT=out/drive] [MODEL=a navigator]
#                a robot drives through a simulated world: a table, a map, a video; docs/navigation.md. Without a
#                navigator of yours, an expert and follow-the-gap drive
#   make bench   measure this machine against the targets for real time, into out/bench.json (25 minutes)
#   make chaos [SECONDS=60] [SEED=0]
#                a live suite among faults that a seed draws, into out/chaos: docs/chaos.md
#   make picture draw docs/answers.png, which the README shows
#   make setup   the light environment, in which nodes run; hub-setup also adopts public models,
#                train-setup trains, test-setup runs the tests

PYTHON ?= python3
VENV ?= .venv
BIN := $(abspath $(VENV))/bin
SET_UP := $(PYTHON) tools/setup_env.py --venv $(VENV)

OUTPUT ?= out/train
MODEL ?= robot_vit_s14
WORLDS ?= 1
comma := ,

.PHONY: demo test lint train default-model evaluate named-data compare drive bench chaos picture setup hub-setup \
	train-setup test-setup clean

demo: setup
	$(BIN)/vit-perception demo --output out/demo

# Plugins that a ROS distribution, or colcon, brings along stay out of our pytest.
test: test-setup
	PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 $(BIN)/python -m pytest $(PYTEST_ARGS)

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
		$(if $(filter robot_vit_s14,$(MODEL)),--policies expert$(comma)follow_the_gap,--model $(MODEL))

# With PyTorch, for the textbook's nodes.
bench: train-setup
	$(BIN)/vit-perception bench --output out/bench.json $(if $(DATA),--data $(DATA)) $(BENCH_ARGS)

chaos: setup
	$(BIN)/vit-perception chaos $(if $(SECONDS),--seconds $(SECONDS)) $(if $(SEED),--seed $(SEED))

picture: setup
	$(BIN)/python tools/draw_answers.py docs/answers.png

named-data:
	$(if $(DATA),@:,$(error name the photographs, as in make train DATA=my_photographs))

setup:
	@$(SET_UP)

hub-setup:
	@$(SET_UP) train hub

train-setup:
	@$(SET_UP) train

test-setup:
	@$(SET_UP) dev train hub sim

clean:
	rm -rf $(VENV) build install log out
