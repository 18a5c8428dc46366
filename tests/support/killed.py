"""A module that crashes when it is run, as libraries in C do on damaged files."""

import os
import signal

if __name__ == "__main__":
    os.kill(os.getpid(), signal.SIGSEGV)
