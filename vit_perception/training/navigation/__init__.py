"""A navigator on the frozen trunk of a model, trained on frames of drives."""
