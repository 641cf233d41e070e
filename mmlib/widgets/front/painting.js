// How a pane is painted: the picture on one canvas (the contrast filter acts on it), all that lies over it on another.
import { place, toPane } from "./camera.js";
import { paintCells } from "./cells.js";

const RAMP = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];
const LOUPE_RADIUS = 84; // CSS px
const LOUPE_POWER = 3;
const BAR_STEPS = [1, 2, 5];

/** Give the colour of a level 0..1 as an RGB text. */
export function levelColour(level) {
  const at = Math.min(Math.max(level, 0), 1) * (RAMP.length - 1);
  const low = Math.min(Math.floor(at), RAMP.length - 2);
  const share = at - low;
  return RAMP[low].map((value, i) => Math.round(value + share * (RAMP[low + 1][i] - value))).join(" ");
}

/** Fit a canvas to its pane and the screen; give the pane's size in CSS px and the pixel ratio. */
export function fitCanvas(canvas, box) {
  const ratio = window.devicePixelRatio || 1;
  const width = Math.max(1, Math.round(box.width * ratio));
  const height = Math.max(1, Math.round(box.height * ratio));
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  return ratio;
}

/** Paint a bitmap where the camera sees it, and the loupe over it. */
export function paintPicture(canvas, bitmap, size, box, camera, { moving, sharp, loupe }) {
  const ratio = fitCanvas(canvas, box);
  const context = canvas.getContext("2d");
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, canvas.width, canvas.height);
  const placed = place(camera, size, box);
  const grain = (placed.scale * ratio * size.width) / bitmap.width; // device px per bitmap px
  context.imageSmoothingEnabled = !sharp && grain < 3;
  context.imageSmoothingQuality = moving || grain >= 1 ? "low" : "medium";
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.drawImage(bitmap, placed.left, placed.top, size.width * placed.scale, size.height * placed.scale);
  if (loupe) paintLoupe(context, bitmap, size, placed, loupe);
}

function paintLoupe(context, bitmap, size, placed, point) {
  const at = toPane(placed, point);
  const scale = Math.max(placed.scale * LOUPE_POWER, 2);
  context.save();
  context.beginPath();
  context.arc(at.x, at.y, LOUPE_RADIUS, 0, 2 * Math.PI);
  context.clip();
  context.imageSmoothingEnabled = false;
  context.fillStyle = "#111";
  context.fillRect(at.x - LOUPE_RADIUS, at.y - LOUPE_RADIUS, 2 * LOUPE_RADIUS, 2 * LOUPE_RADIUS);
  context.drawImage(bitmap, at.x - point.x * scale, at.y - point.y * scale, size.width * scale, size.height * scale);
  context.restore();
}

/** Paint overlays, the user's line and region, and the pointer of the other panes. */
export function paintOver(canvas, size, box, camera, { overlays, plane, drawn, pointer, loupe, cells }) {
  const ratio = fitCanvas(canvas, box);
  const context = canvas.getContext("2d");
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  const placed = place(camera, size, box);
  const brush = { context, placed, size, box, plane, cells };
  for (const overlay of overlays) PAINTERS[overlay.type]?.(brush, overlay);
  if (drawn.region) outline(brush, drawn.region, "");
  if (drawn.line) segment(brush, drawn.line, "");
  if (loupe) ring(brush, loupe);
  else if (pointer) cross(brush, pointer);
}

const PAINTERS = {
  grid: paintGrid,
  cellgrid: paintCells,
  tint(brush, overlay) {
    if (!overlay.bitmap) return;
    const { context, placed, size } = brush;
    context.globalAlpha = overlay.opacity;
    context.imageSmoothingEnabled = false;
    context.drawImage(overlay.bitmap, placed.left, placed.top, size.width * placed.scale, size.height * placed.scale);
    context.globalAlpha = 1;
  },
  rectangle: (brush, overlay) => outline(brush, overlay.box, overlay.name),
  line: (brush, overlay) => segment(brush, overlay.ends, overlay.name),
  points(brush, overlay) {
    for (const [x, y] of overlay.points) cross(brush, { x, y });
  },
};

function paintGrid({ context, placed, plane }, overlay) {
  const { scale, left, top } = placed;
  context.font = "600 11px system-ui, sans-serif";
  context.textBaseline = "top";
  context.lineWidth = 1;
  for (const [x, y, width, height, level, label, onPlane] of overlay.cells) {
    if (onPlane !== null && onPlane !== plane) continue;
    const box = [left + x * scale + 0.5, top + y * scale + 0.5, width * scale - 1, height * scale - 1];
    const colour = level === null ? "255 255 255" : levelColour(level);
    if (level !== null) {
      context.fillStyle = `rgb(${colour} / ${overlay.opacity})`;
      context.fillRect(...box);
    }
    context.strokeStyle = `rgb(${colour} / ${Math.min(1, overlay.opacity + 0.35)})`;
    context.strokeRect(...box);
    if (label && width * scale > 36) words(context, label, box[0] + 4, box[1] + 4);
  }
}

function words(context, text, x, y) {
  context.strokeStyle = "rgb(0 0 0 / 0.75)";
  context.lineWidth = 3;
  context.lineJoin = "round";
  context.strokeText(text, x, y);
  context.fillStyle = "#fff";
  context.fillText(text, x, y);
  context.lineWidth = 1;
}

// Light lines with a dark edge are seen on any specimen.
function twice(context, draw) {
  for (const [style, width] of [["rgb(0 0 0 / 0.65)", 3.5], ["#fff", 1.5]]) {
    context.strokeStyle = style;
    context.lineWidth = width;
    context.beginPath();
    draw();
    context.stroke();
  }
}

function outline({ context, placed }, [x, y, width, height], name) {
  const at = toPane(placed, { x, y });
  twice(context, () => context.rect(at.x, at.y, width * placed.scale, height * placed.scale));
  if (name) titled(context, name, at.x + 5, at.y + 5);
}

function segment({ context, placed }, [x0, y0, x1, y1], name) {
  const from = toPane(placed, { x: x0, y: y0 });
  const to = toPane(placed, { x: x1, y: y1 });
  twice(context, () => (context.moveTo(from.x, from.y), context.lineTo(to.x, to.y)));
  for (const end of [from, to]) twice(context, () => context.arc(end.x, end.y, 3.5, 0, 2 * Math.PI));
  if (name) titled(context, name, to.x + 8, to.y - 6);
}

function titled(context, name, x, y) {
  context.font = "600 12px system-ui, sans-serif";
  context.textBaseline = "top";
  words(context, name, x, y);
}

function cross({ context, placed }, point) {
  const at = toPane(placed, point);
  twice(context, () => {
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
      context.moveTo(at.x + 4 * dx, at.y + 4 * dy);
      context.lineTo(at.x + 10 * dx, at.y + 10 * dy);
    }
  });
}

function ring({ context, placed }, point) {
  const at = toPane(placed, point);
  twice(context, () => context.arc(at.x, at.y, LOUPE_RADIUS, 0, 2 * Math.PI));
}

/** Choose a scale bar: its length in CSS px and its words. */
export function scaleBar(pixel_um, scale) {
  const longest = 130 / scale * pixel_um; // um in 130 CSS px
  const power = 10 ** Math.floor(Math.log10(longest));
  const um = power * Math.max(...BAR_STEPS.filter((step) => step * power <= longest));
  const words = um >= 1000 ? `${um / 1000} mm` : um >= 1 ? `${um} µm` : `${Math.round(um * 1000)} nm`;
  return { width: um / pixel_um * scale, words };
}
