"""Run a command behind everything else on this machine, and show what it said when it has ended.

It gets what the others leave of the processor, so that tests that wait for real time may run beside
it.
"""

import subprocess
import sys

from edge.priority import go_last


def main(command: list[str]) -> int:
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    ) as process:
        go_last(process.pid)
        try:
            said, _ = process.communicate()
        finally:
            process.terminate()  # a session of its own does not hear the terminal's Ctrl-C
    sys.stdout.buffer.write(b"\n" + said)
    return process.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
