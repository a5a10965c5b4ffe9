"""Pickle moto's data, without objects that exist in one process only.

Locks are created again, threads of executions are left out, and a reference to a backend means the
one of the process that reads it. Objects of S3 are pickled without their bytes, and executions
without their events, which are stored beside them. What could not be read again is not pickled.
"""

import _thread
import copyreg
import io
import pickle
import sys
import threading
from collections.abc import Callable
from types import BuiltinFunctionType, FunctionType
from typing import Any

from moto.core.base_backend import BackendDict, BaseBackend
from moto.s3.models import FakeKey
from moto.stepfunctions.models import StateMachineInstance
from moto.stepfunctions.parser.asl.eval.event.event_manager import EventManager
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker

#: Class -> what makes one, by a name that every version of Python has: one may read what another
#: has stored, and from 3.13 on threading.Lock is stored as _thread.lock.
_LOCKS: dict[type, Callable[[], Any]] = {
    type(threading.Lock()): _thread.allocate_lock,
    type(threading.RLock()): threading.RLock,
    threading.Condition: threading.Condition,
}
#: Class -> its members that are stored by themselves, or needed by a running execution only.
_LEFT_OUT: dict[type, dict[str, Any]] = {
    EventManager: {"_history_event_list": [], "_on_full": None},
    StateMachineInstance: {"executions": []},
}
#: What a pickle may refer to beside moto's own classes, by module.
_ALLOWED = {
    "_thread": {"allocate_lock"},
    "builtins": {"bytearray", "complex", "dict", "frozenset", "list", "object", "set", "tuple"},
    "collections": {"Counter", "OrderedDict", "defaultdict", "deque"},
    "datetime": {"date", "datetime", "time", "timedelta", "timezone"},
    "decimal": {"Decimal"},
    "requests.structures": {"CaseInsensitiveDict"},
    "threading": {"Condition", "RLock"},
    "uuid": {"UUID"},
    "kennel.cloud.moto_backend.pickling": {"_backend", "_nothing"},
    "kennel.cloud.moto_backend.step_functions.execution": {"Execution"},
    "kennel.cloud.moto_backend.step_functions.history": {"History"},
}
_NEW: Any = copyreg.__newobj__  # type: ignore[attr-defined]  # makes an object without its __init__
_ATTEMPTS = 10  # other threads may change what is being pickled


class _Pickler(pickle.Pickler):
    def reducer_override(self, obj: Any) -> Any:
        if type(obj) in _LOCKS:
            return _LOCKS[type(obj)], ()
        if isinstance(obj, ExecutionWorker):
            return _nothing, ()
        if isinstance(obj, BaseBackend):
            return _backend, (type(obj), obj.account_id, obj.region_name)
        for kind, members in _LEFT_OUT.items():
            if isinstance(obj, kind):
                return _NEW, (type(obj),), vars(obj) | members
        if isinstance(obj, FakeKey):
            left_out = ("_value_buffer", "lock")
            state = {key: each for key, each in vars(obj).items() if key not in left_out}
            state |= {"value": b"", "size_kept": obj.size}
            return _NEW, (FakeKey,), state
        if isinstance(obj, type | FunctionType | BuiltinFunctionType):
            module, name = str(obj.__module__), obj.__qualname__
            if not _may_be_read(obj, module, name):
                raise pickle.PicklingError(f"{module}.{name} could not be read again")
        return NotImplemented


class _Unpickler(pickle.Unpickler):
    """Makes objects of moto's classes and of plain values only: no other code is called."""

    def find_class(self, module: str, name: str) -> Any:
        if _is_of_moto(module) or name in _ALLOWED.get(module, ()):  # else it is not imported
            member = super().find_class(module, name)
            if _may_be_read(member, module, name):
                return member
        raise pickle.UnpicklingError(f"it refers to {module}.{name}, which moto does not hold")


def _may_be_read(member: Any, module: str, name: str) -> bool:
    """Return whether a pickle may refer to `member` by this name."""
    if _is_of_moto(module):
        return isinstance(member, type) and member.__module__ == module
    return name in _ALLOWED.get(module, ())


def _is_of_moto(module: str) -> bool:
    return module.split(".", maxsplit=1)[0] == "moto"


def _nothing() -> None:
    """Return None, in place of what is left out."""


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
    """Return the value that `dump` pickled.

    Raises
    ------
    pickle.UnpicklingError
        When it refers to anything but moto's classes and plain values.
    """
    return _Unpickler(io.BytesIO(pickled)).load()


def _dump(value: Any) -> bytes:
    file = io.BytesIO()
    _Pickler(file, protocol=pickle.HIGHEST_PROTOCOL).dump(value)
    return file.getvalue()
