// Where the picture lies in a pane. A camera is {zoom, x, y}: zoom 1 shows the whole picture, and (x, y) in 0..1 is the
// point of the picture in the middle of the pane, so that one camera suits panes and pictures of any size.
import { clamp } from "./elements.js";

const LARGEST_PIXEL = 48; // edge of a picture pixel on screen at the greatest zoom, CSS px

/** Give scale (CSS px per picture px) and the place of the picture's corner in the pane. */
export function place(camera, size, pane) {
  const scale = fitting(size, pane) * camera.zoom;
  return {
    scale,
    left: pane.width / 2 - camera.x * size.width * scale,
    top: pane.height / 2 - camera.y * size.height * scale,
  };
}

function fitting(size, pane) {
  return Math.max(Math.min(pane.width / size.width, pane.height / size.height), 1e-6);
}

/** Turn a point of the pane into a point of the picture. */
export function toPicture(placed, point) {
  return { x: (point.x - placed.left) / placed.scale, y: (point.y - placed.top) / placed.scale };
}

/** Turn a point of the picture into a point of the pane. */
export function toPane(placed, point) {
  return { x: placed.left + point.x * placed.scale, y: placed.top + point.y * placed.scale };
}

/** Zoom by a factor and keep the point of the picture under the pointer where it is. */
export function zoomed(camera, factor, point, size, pane) {
  const before = toPicture(place(camera, size, pane), point);
  const zoom = clamp(camera.zoom * factor, 1, Math.max(LARGEST_PIXEL / fitting(size, pane), 1));
  const scale = fitting(size, pane) * zoom;
  const x = (before.x - (point.x - pane.width / 2) / scale) / size.width;
  const y = (before.y - (point.y - pane.height / 2) / scale) / size.height;
  return within({ zoom, x, y }, size, pane);
}

/** Move the picture by so many CSS px. */
export function moved(camera, dx, dy, size, pane) {
  const { scale } = place(camera, size, pane);
  const x = camera.x - dx / (size.width * scale);
  const y = camera.y - dy / (size.height * scale);
  return within({ zoom: camera.zoom, x, y }, size, pane);
}

// Never show emptiness where there could be picture.
function within(camera, size, pane) {
  const scale = fitting(size, pane) * camera.zoom;
  const keep = (centre, shown) => (shown >= 0.5 ? 0.5 : clamp(centre, shown, 1 - shown));
  return {
    zoom: camera.zoom,
    x: keep(camera.x, pane.width / (2 * scale * size.width)),
    y: keep(camera.y, pane.height / (2 * scale * size.height)),
  };
}
