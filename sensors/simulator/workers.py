"""Work in several processes, its results in order."""

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

from rich.console import Console
from rich.progress import track

Task = TypeVar("Task")
Result = TypeVar("Result")


def in_order(
    work: Callable[[Task], Result], tasks: Sequence[Task], jobs: int, label: str
) -> Iterator[Result]:
    """`work` of every task, a few ahead of whoever takes them; its progress on a terminal."""
    done = _done(work, tasks, jobs)
    console = Console(stderr=True)
    if not console.is_terminal:
        return done
    return iter(track(done, label, total=len(tasks), console=console, transient=True))


def _done(work: Callable[[Task], Result], tasks: Sequence[Task], jobs: int) -> Iterator[Result]:
    if jobs == 1 or len(tasks) < 2:
        yield from map(work, tasks)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(jobs, len(tasks)), mp_context=context) as workers:
        ahead = 2 * jobs
        waiting = [workers.submit(work, task) for task in tasks[:ahead]]
        for index in range(len(tasks)):
            result = waiting.pop(0).result()
            if index + ahead < len(tasks):
                waiting.append(workers.submit(work, tasks[index + ahead]))
            yield result
