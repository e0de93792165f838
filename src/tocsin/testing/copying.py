"""Values sent through pickle and back."""

import pickle
from typing import TypeVar

import cloudpickle

_T = TypeVar("_T")


def pickled(value: _T) -> _T:
    """A copy of the value, as another process would get it: by cloudpickle, which takes lambdas as well."""
    copied: _T = pickle.loads(cloudpickle.dumps(value))  # noqa: S301 - it was pickled here
    return copied
