"""`python -m tests.campaign.struck FOLDER EVENT MILLISECONDS SIGNAL ARGUMENTS...`: the command line, which gets the
signal so long after its EVENTth change of a name below FOLDER (0: none; the number of changes is printed)."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.chmod", "os.link", "os.symlink")


def main() -> int:
    folder, event, milliseconds, number = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
    seen = 0
    strike, done = threading.Event(), os.kill

    def wait() -> None:
        strike.wait()
        time.sleep(milliseconds / 1000)
        done(os.getpid(), number)

    def hook(name: str, values: tuple[object, ...]) -> None:
        nonlocal seen
        if not (name in CHANGES or (name == "open" and _writes(values))):
            return
        if not any(isinstance(each, str | bytes) and folder in os.fsdecode(each) for each in values):
            return
        seen += 1
        if seen == event:
            if not milliseconds:
                done(os.getpid(), number)
            strike.set()

    if event:
        threading.Thread(target=wait, daemon=True).start()
    sys.addaudithook(hook)
    from pydarknet.cli.main import main as command_line

    code = command_line(sys.argv[5:])
    if not event:
        print(f"\nchanges: {seen}")
    return code


def _writes(values: tuple[object, ...]) -> bool:
    flags = values[2]
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.exit(main())
