"""What code reads in `flags`; the stub's models read nothing."""

from types import SimpleNamespace


def get_flag_obj() -> SimpleNamespace:
    return SimpleNamespace()
