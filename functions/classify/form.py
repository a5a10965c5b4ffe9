"""Take the one file out of a form, as browsers, ``curl -F`` and axios send it."""

from common.problem import BadRequest

__all__ = ["file_of_form"]

_MAX_PARTS = 16  # a form with a photo needs one, and few have more than a handful of fields
_SEND = "send one photo as the form's only file, or the photo itself as the body"


def file_of_form(body: bytes, content_type: str) -> bytes:
    """Return the bytes of a form's only file; its other fields are skipped.

    Parameters
    ----------
    body
        ``multipart/form-data`` (RFC 7578).
    content_type
        The whole header, with the boundary.

    Raises
    ------
    BadRequest
        The form is broken, or has no file or several.
    """
    # Not at import: it takes a tenth of a cold start, and most clients send no form.
    import multipart  # noqa: PLC0415

    boundary = multipart.parse_options_header(content_type)[1].get("boundary", "")
    files: list[bytearray] = []
    try:
        with multipart.PushMultipartParser(boundary, max_segment_count=_MAX_PARTS) as parser:
            is_file = False
            for event in parser.parse(body):
                if isinstance(event, multipart.MultipartSegment):
                    is_file = _is_file(event.filename, event.content_type)
                    if is_file:
                        files.append(bytearray())
                elif event is not None and is_file:
                    files[-1] += event
    except (multipart.MultipartError, ValueError) as error:  # ValueError: a boundary beyond Latin-1
        raise BadRequest(
            f"The body is no valid form of the type multipart/form-data; {_SEND}.", reason="form"
        ) from error
    # A browser sends an empty field as an empty file.
    contents = [bytes(file) for file in files if file]
    if len(contents) != 1:
        raise BadRequest(
            f"The form has {len(contents) or 'no'} files, expected one; {_SEND}.", reason="form"
        )
    return contents[0]


def _is_file(filename: str | None, content_type: str | None) -> bool:
    """Return whether a part is a file: it has a name or, with curl's ``-F a=<b``, only a type."""
    return filename is not None or (content_type or "text/plain") != "text/plain"
