// How panes share the picture area: side by side, under a curtain with a handle between neighbours, or one at a time.
import { place } from "./camera.js";
import { clamp } from "./elements.js";

const GAP = 2; // CSS px between panes
const LEAST = 150; // CSS px that a picture is wide at least, side by side: the area grows rather than show it smaller
const NARROWEST = 0.02; // share of the width that a strip of the curtain keeps

/** Choose the number of columns that shows the pictures largest. */
export function columns(count, size, area) {
  let best = 1;
  let largest = 0;
  for (let across = 1; across <= count; across += 1) {
    const down = Math.ceil(count / across);
    const width = (area.width - GAP * (across - 1)) / across;
    const height = (area.height - GAP * (down - 1)) / down;
    const scale = Math.min(width / size.width, height / size.height);
    if (scale > largest * 1.001) [best, largest] = [across, scale];
  }
  return best;
}

/** Give the height that an area of this width must have at least, so that no picture is too small to be judged. */
export function leastHeight(count, size, area) {
  const across = columns(count, size, area);
  const wide = (area.width - GAP * (across - 1)) / across;
  const tall = (area.height - GAP * (Math.ceil(count / across) - 1)) / Math.ceil(count / across);
  if (Math.min(wide, (tall * size.width) / size.height) >= LEAST) return area.height;
  const most = Math.max(1, Math.min(count, Math.floor((area.width + GAP) / (LEAST + GAP))));
  const down = Math.ceil(count / most);
  const each = ((area.width - GAP * (most - 1)) / most) * (size.height / size.width);
  return Math.max(area.height, down * Math.min(each, area.height) + GAP * (down - 1));
}

/** Give the part [from, to] of a pane's width, 0..1, that the picture covers: the curtain hangs over that. */
export function span(pane, camera) {
  const { left, scale } = place(camera, pane.told, pane.box);
  const width = Math.max(pane.box.width, 1);
  return [clamp(left / width, 0, 1), clamp((left + pane.told.width * scale) / width, 0, 1)];
}

/** Turn the handles of the curtain, 0..1 of the span, into places on the pane, 0..1. */
export function handlePlaces(curtain, [from, to]) {
  return curtain.map((share) => from + share * (to - from));
}

/** Give each pane its strip [from, to] of the width, 0..1. */
export function strips(places, count) {
  const edges = [0, ...places.slice(0, count - 1), 1];
  return edges.slice(1).map((to, i) => [edges[i], to]);
}

/** Move one handle and keep the order of all. */
export function moveHandle(curtain, which, to) {
  const least = (which ? curtain[which - 1] : 0) + NARROWEST;
  const most = (which + 1 < curtain.length ? curtain[which + 1] : 1) - NARROWEST;
  return curtain.map((value, i) => (i === which ? Math.round(clamp(to, least, most) * 1000) / 1000 : value));
}

/** Put panes and handles where the mode wants them. */
export function arrange(stage, panes, { mode, placesNow, handles, front }) {
  const over = mode !== "side";
  const area = stage.getBoundingClientRect();
  const across = panes.length && area.width ? columns(panes.length, panes[0].told, area) : 1;
  stage.style.gridTemplateColumns = over ? "1fr" : `repeat(${across}, minmax(0, 1fr))`;
  for (const pane of panes) pane.node.style.gridArea = over ? "1 / 1" : "";
  for (const pane of panes) pane.measure();
  const places = placesNow();
  const parts = strips(places, panes.length);
  panes.forEach((pane, i) => {
    const { style } = pane.node;
    const [from, to] = mode === "curtain" ? parts[i] : [0, 1];
    style.clipPath = mode === "curtain" ? `inset(0 ${100 * (1 - to)}% 0 ${100 * from}%)` : "";
    style.visibility = mode === "blink" && i !== front ? "hidden" : "";
    pane.labels.style.left = mode === "curtain" ? `${100 * from}%` : "";
    pane.labels.style.right = mode === "curtain" ? `${100 * (1 - to)}%` : "";
    if (pane.legend) pane.legend.style.left = mode === "curtain" ? `calc(${100 * from}% + 12px)` : "";
    pane.bar.style.visibility = over && i ? "hidden" : "";
  });
  handles.forEach((handle, i) => {
    handle.hidden = mode !== "curtain";
    handle.style.left = `${100 * (places[i] ?? 0.5)}%`;
  });
}
