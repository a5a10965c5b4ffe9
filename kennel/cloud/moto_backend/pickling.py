"""Pickle what moto holds, without what cannot outlive its process.

Locks are made anew, threads of executions are left out, and a reference to a backend means the one
of the process that reads it. Objects of S3 are pickled without their bytes, and executions without
their events, which are stored beside them.
"""

import io
import pickle
import sys
import threading
from typing import Any

from moto.core.base_backend import BackendDict, BaseBackend
from moto.s3.models import FakeKey
from moto.stepfunctions.models import StateMachineInstance
from moto.stepfunctions.parser.asl.eval.event.event_manager import EventManager
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker

_LOCKS = {type(threading.Lock()): threading.Lock, type(threading.RLock()): threading.RLock}
#: Class -> its list of what is stored by itself.
_LEFT_EMPTY = {EventManager: "_history_event_list", StateMachineInstance: "executions"}
_ATTEMPTS = 10  # other threads may change what is being pickled


class _Pickler(pickle.Pickler):
    def reducer_override(self, obj: Any) -> Any:
        if type(obj) in _LOCKS:
            return _LOCKS[type(obj)], ()
        if isinstance(obj, ExecutionWorker):
            return type(None), ()
        if isinstance(obj, BaseBackend):
            return _backend, (type(obj), obj.account_id, obj.region_name)
        for kind, member in _LEFT_EMPTY.items():
            if isinstance(obj, kind):
                return obj.__class__.__new__, (obj.__class__,), vars(obj) | {member: []}
        if isinstance(obj, FakeKey):
            left_out = ("_value_buffer", "lock")
            state = {key: each for key, each in vars(obj).items() if key not in left_out}
            return FakeKey.__new__, (FakeKey,), state | {"value": b"", "size_kept": obj.size}
        return NotImplemented


def _backend(kind: type, account: str, region: str) -> Any:
    """Return this process's backend of a class."""
    in_module = vars(sys.modules[kind.__module__]).values()
    (backends,) = (
        each for each in in_module if isinstance(each, BackendDict) and each.backend is kind
    )
    return backends[account][region]


def dump(value: Any) -> bytes:
    """Return a pickle of `value`."""
    for _ in range(_ATTEMPTS - 1):
        try:
            return _dump(value)
        except RuntimeError:  # a collection changed its size during the iteration
            continue
    return _dump(value)


def load(pickled: bytes) -> Any:
    """Return what `dump` was given; the checksum of its row has been verified."""
    return pickle.loads(pickled)  # noqa: S301 - written by this program


def _dump(value: Any) -> bytes:
    file = io.BytesIO()
    _Pickler(file, protocol=pickle.HIGHEST_PROTOCOL).dump(value)
    return file.getvalue()
