"""Reading and writing: the only room that touches image files."""

from mmlib.io.cache import Cache
from mmlib.io.folder import in_picture_files, looks_like_picture
from mmlib.io.limits import Limits
from mmlib.io.opening import cached, open_stack, read_picture
from mmlib.io.provenance import read_provenance
from mmlib.io.spooling import spool
from mmlib.io.targets import check_target
from mmlib.io.write import read_map, write_map, write_picture, write_table
from mmlib.io.write_stack import write_stack

__all__ = [
    "Cache",
    "Limits",
    "cached",
    "check_target",
    "in_picture_files",
    "looks_like_picture",
    "open_stack",
    "read_map",
    "read_picture",
    "read_provenance",
    "spool",
    "write_map",
    "write_picture",
    "write_stack",
    "write_table",
]
