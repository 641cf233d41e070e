// What pointer and keys ask of the picture area, answered: which pane and which pixel is meant, and what becomes of it.
import { moved, place, toPicture, zoomed } from "./camera.js";
import { cellAt } from "./cells.js";
import { clamp } from "./elements.js";
import { planeOf } from "./frames.js";
import { strips } from "./layout.js";
import { Readout } from "./panes.js";

/** The hand of one view; `hovered` is where the pointer is: {pane, point, picture} or null. */
export class Hand {
  constructor(view) {
    this.view = view;
    this.hovered = null;
    this.readout = new Readout((place) => view.model.send({ type: "read", ...place }));
  }

  /** Let go of panes that are no longer shown. */
  forget() {
    this.hovered = null;
  }

  /** Give the point of the picture under the pointer, wherever the camera has gone meanwhile. */
  over() {
    if (this.hovered) this.hovered.picture = this.under(this.hovered);
    return this.hovered;
  }

  step(planes) {
    this.view.step(planes);
  }

  at(event, fixed) {
    const inside = (pane) => {
      const box = pane.node.getBoundingClientRect();
      return event.clientX >= box.left && event.clientX < box.right && event.clientY >= box.top && event.clientY < box.bottom;
    };
    let pane = fixed ?? this.view.panes.find(inside);
    if (!pane?.box.width) return null;
    const box = pane.node.getBoundingClientRect();
    const point = { x: event.clientX - box.left, y: event.clientY - box.top };
    if (!fixed && this.view.root.dataset.mode === "curtain") {
      pane = this.view.panes[strips(this.view.places(), this.view.panes.length).findIndex(([, to]) => point.x / box.width < to)];
    } else if (!fixed && this.view.root.dataset.mode === "blink") {
      pane = this.view.panes[this.view.front];
    }
    if (!pane) return null;
    return { pane, point, picture: this.under({ pane, point }) };
  }

  /** The point of the picture under a point of a pane. */
  under({ pane, point }) {
    return toPicture(place(this.view.model.get("camera"), pane.told, pane.box), point);
  }

  pan(dx, dy, pane) {
    this.view.set({ camera: moved(this.view.model.get("camera"), dx, dy, pane.told, pane.box) });
  }

  zoom(factor, point, pane) {
    this.view.set({ camera: zoomed(this.view.model.get("camera"), factor, point, pane.told, pane.box) });
  }

  zoomMiddle(factor) {
    const pane = this.view.panes[0];
    if (pane) this.zoom(factor, { x: pane.box.width / 2, y: pane.box.height / 2 }, pane);
  }

  fit() {
    this.view.set({ camera: { zoom: 1, x: 0.5, y: 0.5 } });
  }

  tool() {
    return this.view.model.get("tool");
  }

  planes() {
    return this.view.count;
  }

  hover(spot) {
    const { width, height } = spot?.pane.told ?? {};
    const inside = spot && spot.picture.x >= 0 && spot.picture.y >= 0 && spot.picture.x < width && spot.picture.y < height;
    if (!inside && !this.hovered) return;
    this.hovered = inside ? spot : null;
    this.view.controls.read(this.readout.words(this.hovered));
    this.overCell();
    if (this.view.loupe || this.view.panes.length > 1) this.view.redraw();
  }

  /** Take the values of a pixel that the kernel read. */
  valuesRead(message) {
    this.readout.take(message);
    if (this.hovered) this.view.controls.read(this.readout.words(this.over()));
  }

  /** Tell which cell is under the pointer, once for each cell. */
  overCell() {
    const grid = this.view.grid();
    const cell = grid && this.hovered ? cellAt(grid, this.hovered.picture) : -1;
    if (cell !== this.view.model.get("cell_over")) this.view.set({ cell_over: cell });
  }

  draw(tool, from, to, done) {
    const { width, height } = this.view.panes[0].told;
    const kept = (point) => ({ x: clamp(point.x, 0, width), y: clamp(point.y, 0, height) });
    const [a, b] = [kept(from), kept(to)];
    const round = (numbers) => numbers.map((number) => Math.round(number * 10) / 10);
    const drawn =
      tool === "line"
        ? { line: round([a.x, a.y, b.x, b.y]) }
        : { region: round([Math.min(a.x, b.x), Math.min(a.y, b.y), Math.abs(a.x - b.x), Math.abs(a.y - b.y)]).map(Math.round) };
    this.view.drawing = done ? null : drawn;
    if (done) this.view.set(drawn);
    this.view.redraw();
  }

  pick({ pane, picture }) {
    const { width, height } = pane.told;
    if (picture.x < 0 || picture.y < 0 || picture.x >= width || picture.y >= height) return;
    const grid = this.view.grid();
    if (grid) {
      const cell = cellAt(grid, picture);
      this.view.set({ cell: cell === this.view.model.get("cell") ? -1 : cell });
    }
    const spot = { x: picture.x, y: picture.y, plane: planeOf(pane.told, this.view.index), pane: pane.number };
    this.view.model.send({ type: "pick", ...spot });
  }
}
