"""Run trained nets on numpy arrays: fast on a processor, on a graphics card with torch, on pictures of any size.

`Engine` runs a net: through ONNX Runtime on a processor, through torch on a graphics card or where ONNX Runtime cannot.
`tiled` shows it a picture of any size piece by piece. Nothing here imports torch before a net has to be built: a net
whose compiled form is kept on disk runs without it, in a tenth of the time to start and of the memory.
"""

from mmlib.inference.engine import Engine
from mmlib.inference.tiling import tiled

__all__ = ["Engine", "tiled"]
