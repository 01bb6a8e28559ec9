"""asyncio beside filch, on its own loop or uvloop's: the rows it can run, one per process.

    main.py LOOP rows                       the names of the rows
    main.py LOOP version                    the versions
    main.py LOOP row NAME WORKERS SCALE     run one and print its numbers
    main.py LOOP serve echo|http WORKERS    serve until standard input ends

LOOP is `asyncio` or `uvloop`. There is one thread, whatever WORKERS says. Numbers are per operation,
so rows do a tenth of the operations that the others do.
"""

import asyncio
import platform
import sys

import outside
import tasks
import waits
from measure import Ctx

ROWS = tasks.ROWS | waits.ROWS | outside.ROWS


def run(loop, main):
    if loop == "uvloop":
        import uvloop

        uvloop.install()
    return asyncio.run(main)


def version(loop):
    if loop == "uvloop":
        import uvloop

        return f"{uvloop.__version__} on Python {platform.python_version()}"
    return f"of Python {platform.python_version()}"


def main(loop, command, *words):
    match command, words:
        case "rows", ():
            print(*ROWS, sep="\n")
        case "version", ():
            print(version(loop))
        case "row", (name, _, scale):
            print(*run(loop, ROWS[name](Ctx(float(scale)))))
        case "serve", (what, _):
            run(loop, outside.serve(what))
        case _:
            sys.exit(__doc__)


main(*sys.argv[1:])
