"""A worker's process; started by `place`, with the descriptors of its sockets: for calls, then for each feed."""

import gc
import sys

if __name__ == "__main__":
    gc.disable()  # until what is loaded is loaded: see `memory.settle_memory`
    from watchcache.workers.worker import main

    sys.exit(main(*map(int, sys.argv[1:])))
