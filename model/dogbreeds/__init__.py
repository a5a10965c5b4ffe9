"""Dog breeds from photos: data, training, evaluation, packages and serving.

    from dogbreeds import load

    model = load("trained/model.tar.gz")
    model.classify("photo.jpg")["breeds"][0]   # {"breed": "Beagle", "probability": 0.93}

`load`, `Classifier`, `Answer` and the errors `PackageError` and `PhotoError` are imported at their
first use, because parts of this package run where Pillow or numpy are not installed.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dogbreeds.package.card import PackageError
    from dogbreeds.photos.decoding import PhotoError
    from dogbreeds.serving.local import Answer, Classifier, load

__all__ = ["Answer", "Classifier", "PackageError", "PhotoError", "load"]

if not TYPE_CHECKING:  # so that a type checker still finds a misspelt name

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module 'dogbreeds' has no attribute {name!r}")
        return getattr(import_module("dogbreeds.serving.local"), name)
