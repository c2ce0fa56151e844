#!/usr/bin/env python3
"""Drives a navigator through simulated worlds in process, on all cores, for quick trials.

    python tools/try_navigator.py run/model --worlds 40 --conditions still,people
    python tools/try_navigator.py --worlds 100 --conditions still,people --kinds rooms,office

Without a model, its map drives by a scan of the plan, and nothing is rendered: six times as fast, for trials
of `nodes/navigation/`. What counts is `vit-perception drive`, where a real node drives over DDS. This prints
the same table.
"""

from __future__ import annotations

import argparse
import os
import threading
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from planar_pilot import PlanarPilot
from vit_perception.data.labelling.work import end_with_parent, stay_on_a_core
from vit_perception.sim.driving import NAVIGATOR
from vit_perception.sim.driving.conditions import CONDITIONS
from vit_perception.sim.driving.episode import Episode, drive
from vit_perception.sim.driving.folder import Asked, Job
from vit_perception.sim.driving.observation import Senses
from vit_perception.sim.driving.pilot import Pilot
from vit_perception.sim.driving.report import summary, table
from vit_perception.sim.learner import Learner
from vit_perception.sim.route import Route
from vit_perception.sim.simulation import Simulation
from vit_perception.sim.world import KINDS
from vit_perception.sim.worlds.make import make_world


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path, nargs="?", help="folder; without it, the map alone")
    parser.add_argument("--worlds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--conditions", default="still", help=f"of {', '.join(CONDITIONS)}")
    parser.add_argument("--kinds", default=",".join(KINDS), help=f"of {', '.join(KINDS)}")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    options = parser.parse_args()
    learner = Learner(options.model.resolve()) if options.model else None
    conditions, kinds = (tuple(names.split(",")) for names in (options.conditions, options.kinds))
    asked = Asked(options.worlds, options.seed, conditions=conditions, kinds=kinds, policies=(NAVIGATOR,))
    if learner is None and (others := set(conditions) - {"still", "people"}):
        parser.error(f"{', '.join(sorted(others))}: a condition of pictures or depth, which needs a model")
    context = get_context("spawn")
    cores = context.Queue()
    for core in range(options.workers):
        cores.put(core)
    done: dict[str, dict[str, list[Episode]]] = {}
    with ProcessPoolExecutor(options.workers, context, start, (cores,)) as pool:
        found = [pool.submit(drive_one, learner, job, asked.kind(job.seed)) for job in asked.jobs]
        for job, future in zip(asked.jobs, found, strict=True):
            episode = future.result()
            end = "arrived" if episode.success else "did not arrive"
            print(f"{job.name} {episode.kind}: {end}, {episode.collisions} collisions", flush=True)
            done.setdefault(job.condition, {}).setdefault(job.policy, []).append(episode)
    print(f"\n{table(summary(done, NAVIGATOR))}")


def drive_one(learner: Learner | None, job: Job, kind: str) -> Episode:
    """One drive."""
    condition = CONDITIONS[job.condition]
    world = condition.seen(make_world(job.seed, kind, condition.people))
    simulation = Simulation(world)
    try:
        route = Route(simulation.plan, world.goal)
        shortest = route.distance(world.start[:2])
        if learner is None:
            return drive(simulation, shortest, PlanarPilot(simulation).command)
        senses, pilot = Senses(simulation, route, condition), Pilot(learner.predictor)
        return drive(simulation, shortest, lambda: pilot.command(senses.observe()))
    finally:
        simulation.close()


def start(cores: Any) -> None:
    """Make this process a worker on one core."""
    threading.Thread(target=end_with_parent, daemon=True).start()
    stay_on_a_core(cores)
    os.environ["LP_NUM_THREADS"] = "1"


if __name__ == "__main__":
    main()
