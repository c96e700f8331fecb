"""What every widget of the course shares: one look, a fixed text, and a picture for pages that can't run it."""

from base64 import b64encode
from collections.abc import Callable
from typing import Any

import anywidget
import traitlets

from vae_lesson.explorer.bundle import style


class LessonWidget(anywidget.AnyWidget):
    """A widget of the course.

    A subclass sets `_esm = bundle("its_module.js")` and writes `snapshot`, `alt` and `summary`. Its state lives in
    synced traits, which merge when they change faster than they can be sent.
    """

    _css = style()

    def snapshot(self) -> bytes:
        """A picture (PNG) of the widget as it stands, drawn without a browser."""
        raise NotImplementedError

    def alt(self) -> str:
        """The picture in words."""
        raise NotImplementedError

    def summary(self) -> str:
        """What stands in the brackets of the widget's text: the same whenever the notebook is run."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.summary()})"

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict, dict]:
        data, metadata = super()._repr_mimebundle_(**kwargs) or ({}, {})
        data |= {"text/plain": repr(self), "image/png": b64encode(self.snapshot()).decode("ascii")}
        return data, metadata | {"image/png": {"alt": self.alt()}}


class Checked(traitlets.TraitType):
    """A trait whose values pass through `check(owner, value)`, which returns the clean value or raises ValueError."""

    def __init__(self, check: Callable[[Any, Any], Any], **kwargs: Any):
        super().__init__(**kwargs)
        self.check = check

    def validate(self, owner: Any, value: Any) -> Any:
        """The clean value."""
        return self.check(owner, value)
