"""A notebook of widgets for a browser to try, and how to read which frame it shows."""

# 8 blocks of 32 px along the upper edge of every frame are the bits of its number; below lies a grey ramp.
FRAMES = """
import dataclasses
import json
import ipywidgets
import numpy as np
from mmlib.stacks import from_array
from mmlib.widgets import Cell, ChunkedUpload, CurvePlot, Grid, Pane, StackView

def coded(number):
    frame = np.tile(np.linspace(40, 200, 320).astype(np.uint8), (240, 1))
    for bit in range(8):
        frame[:32, 32 * bit:32 * bit + 32] = 255 * (number >> bit & 1)
    return frame

class Damaged:
    def __init__(self, stack):
        self.stack = stack

    def __len__(self):
        return len(self.stack)

    def __getitem__(self, plane):
        if plane == 12:
            raise OSError("frame 12 is damaged")
        return self.stack[plane]

def make_stack(first=0, count=60):
    planes = np.stack([coded(first + plane) for plane in range(count)])
    return from_array(planes, z_um=tuple(0.5 * p for p in range(count)), pixel_um=0.5)
"""
PAGE = """
view = StackView([Pane(stack=make_stack(), title="Stack"), Pane(picture=coded(200), title="Fused")], index=30)
view.overlays = [Grid([Cell(0, 100, 84, 84, 1.0, "A")])]
picked, told = [], ipywidgets.Label()
picked_label = ipywidgets.Label()
def tell(*_):
    names = ("index", "badge", "camera", "region", "line", "layout_mode", "curtain", "contrast", "playing")
    told.value = json.dumps({**{name: getattr(view, name) for name in names}, "picked": picked})
view.observe(tell)
view.on_pick(lambda pick: (picked.append(list(pick)), tell()))
told.add_class("told")
plot = CurvePlot({"sharp": [-abs(p - 41) for p in range(60)], "other": [p % 7 for p in range(60)]})
link = ipywidgets.jslink((view, "index"), (plot, "index"))
other = ipywidgets.Button(description="other specimen")
damaged = dataclasses.replace(make_stack(100, 60), frames=Damaged(make_stack(100, 60)))
other.on_click(lambda _: view.show([Pane(stack=damaged)], index=10))
up = ChunkedUpload("UPLOADS", suffixes=(".bin",), limit_bytes=20_000_000)
done = ipywidgets.Label()
done.add_class("done")
up.on_done(lambda path: setattr(done, "value", str(path)))
tell()
ipywidgets.VBox([view, plot, other, told, up, done])
"""
# The plane that a pane shows, read from the pixels of its canvas; -1 where there is nothing yet.
READ = """
window.shown = (pane = 0) => {
  const canvas = document.querySelectorAll('.mm-picture')[pane];
  const scale = Math.min(canvas.width / 320, canvas.height / 240);
  const left = (canvas.width - 320 * scale) / 2, top = (canvas.height - 240 * scale) / 2;
  const context = canvas.getContext('2d');
  let number = 0;
  for (let bit = 0; bit < 8; bit += 1) {
    const pixel = context.getImageData(left + (32 * bit + 16) * scale, top + 16 * scale, 1, 1).data;
    if (!pixel[3]) return -1;
    if (pixel[0] > 127) number |= 1 << bit;
  }
  return number;
};
window.pixel = (x, y, pane = 0) => {
  const canvas = document.querySelectorAll('.mm-picture')[pane];
  const scale = Math.min(canvas.width / 320, canvas.height / 240);
  const place = [(canvas.width - 320 * scale) / 2 + x * scale, (canvas.height - 240 * scale) / 2 + y * scale];
  return canvas.getContext('2d').getImageData(...place, 1, 1).data[0];
};
void 0;
"""
