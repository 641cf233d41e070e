"""Reading and writing: the only room that touches image files."""

from mmlib.io.cache import Cache
from mmlib.io.limits import Limits
from mmlib.io.opening import cached, open_stack, read_picture

__all__ = ["Cache", "Limits", "cached", "open_stack", "read_picture"]
