#!/usr/bin/env python3
"""Runs a command and writes what it took of the machine, by the kernel's own account of it and of its children.

usage: measured_run.py REPORT COMMAND [ARGUMENT...]

REPORT becomes JSON: exitCode (negative: minus the signal), seconds, cpuSeconds, peakRssBytes. Standard streams are
those of this process; it ends with the exit code of the command.
"""

import json
import os
import sys
import time


def main():
    report, command = sys.argv[1], sys.argv[2:]
    start = time.monotonic()
    child = os.posix_spawnp(command[0], command, os.environ)
    _, status, usage = os.wait4(child, 0)
    seconds = time.monotonic() - start
    code = os.waitstatus_to_exitcode(status)
    with open(report, "w") as file:
        measured = {"exitCode": code, "seconds": seconds, "cpuSeconds": usage.ru_utime + usage.ru_stime}
        json.dump({**measured, "peakRssBytes": usage.ru_maxrss * 1024}, file)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())
