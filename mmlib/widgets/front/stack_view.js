// StackView in the browser: one view ties the model of the kernel, the frames, the panes and the controls together.
import { gridOf } from "./cells.js";
import { ContrastFilter } from "./contrast.js";
import { Controls } from "./controls.js";
import { OWN_KEYS, calm, clamp, element, guardKey, perFrame } from "./elements.js";
import { Frames, planeOf } from "./frames.js";
import { Hand } from "./hand.js";
import { makeHandle } from "./handle.js";
import { keyAction } from "./keys.js";
import { PaneBox } from "./panes.js";
import { arrange, handlePlaces, leastHeight, span } from "./layout.js";
import { listen } from "./pointing.js";
import { Stepper } from "./stepper.js";
import { Tints } from "./tints.js";

const REST_MS = 220; // after which a view counts as at rest
const BLINK_MS = 700;

class View {
  constructor(model, frames, el) {
    this.model = model;
    this.frames = frames;
    this.panes = [];
    this.stepper = new Stepper(this);
    this.hand = new Hand(this);
    this.tints = new Tints(() => this.redraw());
    this.front = 0; // the pane on top while blinking
    this.loupe = false;
    this.drawing = null;
    this.off = [];
    this.wake = perFrame(() => this.tick());
    this.build(el);
    this.connect();
    this.rebuild();
  }

  build(el) {
    this.live = element("div", { class: "mm-hidden", "aria-live": "polite" });
    this.stage = element("div", { class: "mm-stage", tabindex: "0", role: "group", "aria-label": "Pictures", ...OWN_KEYS });
    this.root = element("div", { class: "mm-view", role: "group", "aria-label": this.model.get("label") });
    this.filter = new ContrastFilter(this.root);
    this.controls = new Controls(this);
    this.root.append(this.controls.bar, this.stage, this.controls.foot, this.controls.sheet, this.live);
    this.root.addEventListener("keydown", (event) => this.key(event));
    listen(this.stage, this.hand);
    el.append(this.root);
    this.watcher = new ResizeObserver(() => this.resized());
    this.watcher.observe(this.stage);
  }

  connect() {
    const on = (name, work) => {
      this.model.on(name, work);
      this.off.push(() => this.model.off(name, work));
    };
    on("change:_token", () => this.rebuild());
    on("change:index", () => this.planeChanged());
    on("change:camera", () => (this.hang(), this.redraw()));
    on("change:playing", () => (this.rest(), this.redraw()));
    for (const name of ["layout_mode", "curtain"]) on(`change:${name}`, () => (this.arrange(), this.redraw()));
    for (const name of ["contrast", "tool", "line", "region", "overlays_shown", "fps", "cell", "cell_over"]) on(`change:${name}`, () => this.redraw());
    on("change:overlays", () => this.redraw());
    on("change:height", () => this.arrange());
    on("msg:custom", (message) => message.type === "value" && this.hand.valuesRead(message));
    const told = () => this.wake();
    this.frames.listeners.add(told);
    this.off.push(() => this.frames.listeners.delete(told));
  }

  destroy() {
    this.wake.cancel();
    clearTimeout(this.restTimer);
    clearInterval(this.blinking);
    this.watcher.disconnect();
    this.frames.pins.delete(this);
    for (const off of this.off) off();
  }

  // ---- what is shown

  get index() {
    return this.model.get("index");
  }

  get count() {
    return Math.max(1, ...this.frames.panes.map((pane) => pane.count));
  }

  /** Build the panes anew, because other things are shown. */
  rebuild() {
    const told = this.frames.panes;
    this.stepper.clear();
    this.hand.forget();
    this.front = Math.min(this.front, Math.max(told.length - 1, 0));
    for (const pane of this.panes) pane.node.remove();
    for (const handle of this.handles ?? []) handle.remove();
    const kept = new Map(this.panes.map((pane) => [pane.told.key, pane.entry]));
    this.panes = told.map((pane, i) => new PaneBox(pane, i, kept.get(pane.key)));
    this.handles = told.slice(1).map((_, i) => makeHandle(i, this));
    this.stage.append(...this.panes.map((pane) => pane.node), ...this.handles);
    this.controls.show(told);
    this.arrange();
    this.planeChanged();
  }

  arrange() {
    const mode = this.panes.length > 1 ? this.model.get("layout_mode") : "side";
    this.stage.style.height = this.model.get("height");
    this.root.dataset.mode = mode;
    if (mode === "side" && this.panes.length > 2) {
      const area = { width: this.stage.clientWidth, height: this.stage.clientHeight };
      const least = area.width ? leastHeight(this.panes.length, this.panes[0].told, area) : 0;
      if (least > area.height) this.stage.style.height = `${Math.ceil(least)}px`;
    }
    this.place(mode);
    clearInterval(this.blinking);
    if (mode === "blink" && !calm()) this.blinking = setInterval(() => this.turn(), BLINK_MS);
  }

  place(mode) {
    arrange(this.stage, this.panes, { mode, placesNow: () => this.places(), handles: this.handles, front: this.front });
    const curtain = this.model.get("curtain");
    this.handles.forEach((handle, i) => handle.setAttribute("aria-valuenow", String(Math.round(100 * (curtain[i] ?? 0.5)))));
  }

  /** Where the handles of the curtain are, 0..1 of the width. */
  places() {
    return this.panes.length > 1 ? handlePlaces(this.model.get("curtain"), this.span()) : [];
  }

  span() {
    return span(this.panes[0], this.model.get("camera"));
  }

  /** Hang the curtain where the picture is now. */
  hang() {
    if (this.root.dataset.mode === "curtain") this.place("curtain");
  }

  /** Bring the next pane to the front while blinking. */
  turn(to) {
    this.front = (to ?? this.front + 1) % this.panes.length;
    this.place("blink");
  }

  resized() {
    this.arrange();
    this.redraw();
  }

  /** The grid of cells that lies over the pictures, if it is shown. */
  grid() {
    return this.model.get("overlays_shown") ? gridOf(this.model.get("overlays")) : undefined;
  }

  // ---- change

  /** Set attributes of the model and tell the kernel. */
  set(values) {
    for (const [name, value] of Object.entries(values)) this.model.set(name, value);
    this.model.save_changes();
  }

  /** Show a plane at once. */
  go(index) {
    this.stepper.clear();
    this.set({ index: clamp(Math.round(index), 0, this.count - 1) });
  }

  /** Step so many planes, each of them seen. */
  step(planes) {
    if (this.model.get("playing")) this.set({ playing: false });
    this.stepper.push(planes);
    this.wake();
  }

  planeChanged() {
    const way = Math.sign(this.index - this.frames.index);
    this.frames.look(this.index, way);
    this.rest();
    this.redraw();
  }

  /** Count as moving now, and as resting a little later. */
  rest() {
    clearTimeout(this.restTimer);
    this.frames.rest(false);
    this.restTimer = setTimeout(() => {
      if (this.model.get("playing")) return;
      this.frames.rest(true);
      this.live.textContent = this.controls.planeWords();
      this.redraw();
    }, REST_MS);
  }

  redraw() {
    this.dirty = true;
    this.wake();
  }

  /** One animation frame: step if something waits to be stepped, and paint. */
  tick() {
    this.stepper.tick(performance.now());
    this.paint();
    if (this.stepper.busy) this.wake();
  }

  show(index) {
    this.painted = undefined;
    this.set({ index });
  }

  hurry(way) {
    this.frames.look(this.index, way);
  }

  playing() {
    return this.model.get("playing");
  }

  fps() {
    return this.model.get("fps");
  }

  held(index) {
    return this.panes.every((pane) => this.frames.get(pane.told, index) || this.frames.failure(pane.told, index));
  }

  // ---- painting

  paint() {
    const model = this.model;
    const camera = model.get("camera");
    const overlays = model.get("overlays_shown") ? this.tints.filled(model.get("overlays")) : [];
    const drawn = { line: model.get("line"), region: model.get("region"), ...this.drawing };
    const cells = { chosen: model.get("cell"), over: model.get("cell_over") };
    const moving = this.stepper.busy;
    const hovered = this.hand.over();
    const filter = this.filter.set(model.get("contrast"));
    const entries = [];
    let complete = true;
    let painted = this.dirty;
    for (const pane of this.panes) {
      const entry = this.frames.get(pane.told, this.index);
      complete &&= Boolean(entry);
      const fresh = entry && entry !== pane.entry;
      const failure = this.frames.failure(pane.told, this.index);
      if (entry || failure) pane.entry = entry;
      entries.push(pane.entry);
      if (!this.dirty && !fresh && entry) continue;
      painted = true;
      const point = hovered?.picture;
      pane.paint(camera, filter, { moving, loupe: this.loupe ? point : null }, {
        overlays: overlays.filter((overlay) => overlay.pane === null || overlay.pane === pane.number),
        plane: planeOf(pane.told, this.index),
        drawn,
        cells,
        pointer: point && hovered.pane !== pane && this.root.dataset.mode === "side" ? point : null,
        loupe: this.loupe ? point : null,
      });
      pane.state(entry, failure);
    }
    this.frames.pins.set(this, entries.filter(Boolean));
    if (complete) this.painted = this.index;
    else this.frames.look(this.index);
    this.dirty = false;
    if (painted) this.controls.refresh();
    else this.controls.progress();
    this.tellBadge(complete, entries);
  }

  tellBadge(complete, entries) {
    const badge = !complete ? "loading" : entries.every((entry) => entry.exact) ? "exact" : "preview";
    this.root.dataset.badge = badge;
    clearTimeout(this.badgeTimer);
    if (badge !== this.model.get("badge")) this.badgeTimer = setTimeout(() => this.set({ badge }), 120);
  }

  key(event) {
    const work = keyAction(event, this);
    guardKey(event);
    if (!work) return;
    event.preventDefault();
    event.stopPropagation();
    work();
  }
}

export default () => {
  let frames;
  return {
    initialize({ model }) {
      frames = new Frames((message) => model.send(message));
      const show = () => frames.show(model.get("_panes"), model.get("_token"), model.get("index"));
      const receive = (message, buffers) => frames.receive(message, buffers);
      model.on("msg:custom", receive);
      model.on("change:_token", show);
      model.send({ type: "ready", client: frames.client });
      if (model.get("_token")) show();
      return () => (model.off("msg:custom", receive), model.off("change:_token", show), frames.close());
    },
    render({ model, el }) {
      const view = new View(model, frames, el);
      return () => view.destroy();
    },
  };
};
