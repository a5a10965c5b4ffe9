"""What scripts that print answers about photos have in common: signals, warnings, errors."""

import signal
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from dogbreeds.package.card import PackageError
from dogbreeds.photos.photo_files import NoPhotosError


@contextmanager
def ending_in_a_sentence() -> Iterator[None]:
    """Run a script's block; a known error ends the script with status 1 and one sentence.

    SIGTERM and Ctrl-C end it with 143 and 130, and the block's temporary folders are removed.
    """
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `| head` ends it without a traceback
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that its temporary folder goes
    warnings.filterwarnings("ignore", module="PIL")  # of odd metadata, which is ignored
    try:
        yield
    except (PackageError, NoPhotosError) as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(f"{error.filename or 'The output cannot be written'}: {error.strerror}.")
    except KeyboardInterrupt:
        sys.exit(130)
