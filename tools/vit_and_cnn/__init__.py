"""A ViT against a CNN on a robot's task, as `make compare` runs it: docs/vit_and_cnn.md."""
