# ruff: noqa: ARG002
"""The device, streams and events: one device, and everything done as soon as it is asked for."""

import time

from cupy.cuda import runtime

__all__ = ["Device", "Event", "Stream", "alloc_pinned_memory", "get_elapsed_time", "runtime"]


class nvrtc:
    @staticmethod
    def getVersion():
        return 0, 0


class Device:
    id = 0
    compute_capability = "80"
    attributes = {"MultiProcessorCount": 2, "L2CacheSize": 1 << 20}  # noqa: RUF012

    def __init__(self, device=0):
        self.id = device

    def synchronize(self):
        return None


class Stream:
    def __init__(self, null=False, non_blocking=False):
        return None

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None

    def synchronize(self):
        return None

    def wait_event(self, event):
        return None

    def record(self, event=None):
        return event or Event()


Stream.null = Stream()


def get_current_stream():
    return Stream.null


class Event:
    def __init__(self, block=False, disable_timing=False):
        self.time = time.perf_counter()

    def record(self, stream=None):
        self.time = time.perf_counter()

    def synchronize(self):
        return None


def get_elapsed_time(start_event, end_event):
    return 1000 * (end_event.time - start_event.time)


def alloc_pinned_memory(size):
    return bytearray(size)
