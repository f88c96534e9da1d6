"""YOLO9000's idea on data of our own: boxes for one class in three, a class alone for all.

    python benchmarks/stamps make     # the data set, from Debian's packages, into .cache/stamps
    python benchmarks/stamps train    # all trainings, two at a time, and what the test says of them

Packages: tuxpaint-stamps-default mate-backgrounds plasma-workspace-wallpapers lomiri-wallpapers-16.04 wordnet-base.
"""

from __future__ import annotations

import argparse

from runs import RUNS, train

RUN_NAMES = [run.name for run in RUNS]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("make", help="write the data set")
    training = commands.add_parser("train", help="train and evaluate; what has been trained stays")
    training.add_argument("runs", nargs="*", metavar="RUN", help=f"of {', '.join(RUN_NAMES)} (all)")
    training.add_argument("--jobs", type=int, default=2, help="trainings at a time (2)")
    args = parser.parse_args()
    if args.command == "make":
        from sets import make

        make()
    else:
        from results import report

        train(args.runs or RUN_NAMES, args.jobs)
        report(args.runs or RUN_NAMES)


if __name__ == "__main__":
    main()
