"""The models of a node, from its parameters: on whichever thread may take the time. Does not import rclpy."""

from __future__ import annotations

from collections.abc import Callable

from vit_perception.hub.build import build_public
from vit_perception.hub.obtain import obtain_model
from vit_perception.nodes.parameters import Parameters
from vit_perception.runtime.task_models import TaskModels


class Loader:
    """Loads the models, at once or ahead of the moment when they are wanted.

    Args:
        parameters: of the node; what chooses the models cannot change meanwhile.
        report: called with each step that takes time.

    Attributes:
        loading: whether `prepare` is under way.
    """

    def __init__(self, parameters: Parameters, report: Callable[[str], None]) -> None:
        self.loading = False
        self._parameters = parameters
        self._report = report
        self._prepared: TaskModels | Exception | None = None

    def prepare(self) -> None:
        """Load the models, or find out why not, for the next `take`."""
        self.loading = True
        try:
            with self._parameters.kept_for_loading():
                self._prepared = self._load()
        except Exception as error:  # no error of a model may end a managed node
            self._prepared = error
        finally:
            self.loading = False

    def take(self) -> TaskModels:
        """The models that were prepared; loaded now where none were.

        Raises:
            Exception: they cannot be loaded.
        """
        found, self._prepared = self._prepared or self._load(), None
        if isinstance(found, Exception):
            raise found
        return found

    def _load(self) -> TaskModels:
        parameters = self._parameters
        model = parameters.text("model")
        names = [parameters.models.get(task) or model for task in parameters.tasks]
        folders = {name: obtain_model(name, self._report) for name in dict.fromkeys(names)}
        self._report(f"loading {', '.join(folders)}")
        models = TaskModels(
            {task: folders[name] for task, name in parameters.models.items() if name in folders},
            folders.get(model, model),
            parameters.tasks,
            engine=parameters.text("engine"),
            device=parameters.text("device"),
            precision=parameters.text("precision"),
            prompts=parameters.prompts,
            build_public=build_public,
            live=bool(parameters.value("compile_beside")),
        )
        # For images of 4:3 in the first input size of a card, the most common case. Other sizes are compiled
        # when they are wanted.
        scale = float(parameters.value("input_scale")) if models.scalable else 1.0
        for count in range(1, len(parameters.cameras) + 1):
            models.warm_up(scale, count)
        return models
