"""``python -m llmlab.corpus.check``: what is wrong with the world, and what it holds."""

from __future__ import annotations

import argparse
import sys
from itertools import islice
from pathlib import Path

from .audit import audit
from .files import CORPUS
from .survey import survey
from .world import World


def main(arguments: list[str] | None = None) -> int:
    """Print problems, counts and, on demand, samples; 1 if there is a problem."""
    parser = argparse.ArgumentParser(prog="python -m llmlab.corpus.check", description=__doc__)
    parser.add_argument("--folder", type=Path, default=CORPUS, help="with words/ and frames/")
    parser.add_argument(
        "--show", metavar="NAME", help="three samples of each frame whose name or file begins so"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--samples", type=int, default=4000, help="pairs that the counts draw")
    options = parser.parse_args(arguments)
    problems = []
    try:
        world = World.load(options.folder, options.seed, "all", problems)
    except ValueError as error:
        for problem in problems:
            print(problem)
        print(f"no world: {error}")
        return 1
    if options.show is not None:
        for problem in problems:
            print(problem)
        return _show(world, options.show)
    problems += audit(world, options.samples)
    for problem in problems:
        print(problem)
    print(f"\n{len(problems)} problems" if problems else "no problem")
    for line in survey(world, options.samples):
        print(line)
    return 1 if problems else 0


def _show(world: World, name: str) -> int:
    scenes = [scene for scene in world.scenes if scene.frame.name.startswith(name)]
    if not scenes:
        print(f"no frame's name begins with {name!r}, or it has a problem")
        return 1
    for scene in scenes:
        print(f"\n== {scene.frame.name} ({scene.frame.register}, weight {scene.frame.weight:g})")
        alone = World(world.seed, world.part, world.lexicon, [scene.frame])
        for pair in islice(alone.pairs(), 3):
            print(f"{pair.zh}\n{pair.en}\n  log p = {pair.log_probability:.1f}; " + "  ".join(
                f"{pair.zh[a:b]}={pair.en[c:d]}" for (a, b), (c, d) in pair.alignments
            ))  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
