"""Code to be read on the page: the source of the very functions that ran."""

import inspect
from collections.abc import Callable


class Listing(str):
    """Source code; a notebook shows it in colours."""

    def __repr__(self) -> str:
        return str(self)

    def _repr_markdown_(self) -> str:
        return f"```python\n{self}\n```"


def listing(*functions: Callable) -> Listing:
    """The source of functions, one below the other."""
    return Listing("\n\n".join(inspect.getsource(function).rstrip() for function in functions))
