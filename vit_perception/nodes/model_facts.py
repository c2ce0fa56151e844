"""What /diagnostics says of the models."""

from __future__ import annotations

from vit_perception.runtime.task_models import TaskModels


def model_facts(models: TaskModels) -> dict[str, str]:
    """Names, engines and what is being compiled; of several models, one value each unless all are alike."""
    facts = {"model": ", ".join(predictor.card.name for predictor in models.predictors)}
    for fact, name in (("engine", "name"), ("device", "device"), ("precision", "precision")):
        values = [getattr(predictor.engine, name) for predictor in models.predictors]
        facts[fact] = ", ".join(values if len(set(values)) > 1 else values[:1])
    return facts | {"compiling": ", ".join(models.compiling)}
