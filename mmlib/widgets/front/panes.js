// One pane of a view: its two canvases, its title, its scale bar; and the values under the pointer.
import { place } from "./camera.js";
import { element } from "./elements.js";
import { paintOver, paintPicture, scaleBar } from "./painting.js";

/** The box of one pane. `told` is what the kernel said of it, `entry` the frame it last painted. */
export class PaneBox {
  constructor(told, number, entry) {
    this.told = told;
    this.number = number;
    this.entry = entry;
    this.box = { width: 0, height: 0 };
    this.picture = element("canvas", { class: "mm-picture", role: "img" });
    this.over = element("canvas", { class: "mm-over", "aria-hidden": "true" });
    this.badge = element("span", { class: "mm-badge" });
    this.labels = element(
      "div",
      { class: "mm-labels" },
      element("span", { class: "mm-title", hidden: !told.title }, told.title),
      element("span", { class: "mm-note", hidden: !told.note }, told.note),
      this.badge,
      (this.words = element("span", { class: "mm-trouble", role: "alert", hidden: true })),
    );
    this.barWords = element("span");
    this.barLine = element("i");
    this.bar = element("div", { class: "mm-scalebar", hidden: true }, this.barLine, this.barWords);
    this.legend = legend(told.legend);
    this.node = element("div", { class: "mm-pane" }, this.picture, this.over, this.labels, this.legend, this.bar);
  }

  measure() {
    this.box = { width: this.node.clientWidth, height: this.node.clientHeight };
  }

  paint(camera, filter, picture, over) {
    const { told, box } = this;
    if (!box.width || !box.height) return;
    this.picture.style.filter = filter;
    if (this.entry) {
      paintPicture(this.picture, this.entry.bitmap, told, box, camera, { ...picture, sharp: told.kind === "map" });
      this.picture.dataset.plane = this.entry.plane;
    } else {
      this.picture.width = 1; // nothing to show
    }
    paintOver(this.over, told, box, camera, over);
    if (told.pixel_um) {
      const { width, words } = scaleBar(told.pixel_um, place(camera, told, box).scale);
      this.bar.hidden = false;
      this.barLine.style.width = `${width}px`;
      this.barWords.textContent = words;
    }
  }

  /** Say whether what is on screen is a preview or exact, or why there is nothing. */
  state(entry, failure) {
    const words = entry ? (entry.exact ? "exact" : "preview") : "loading";
    this.node.dataset.state = failure && !entry ? "failed" : words;
    this.badge.textContent = words;
    this.badge.title =
      words === "exact"
        ? this.told.bit_depth > 8 ? `every pixel, ${this.told.bit_depth} bit shown at 8` : "every pixel as it is"
        : words === "preview" ? "a JPEG; the exact frame follows at rest" : "on its way";
    this.words.hidden = !failure || Boolean(entry);
    this.words.textContent = failure ?? "";
    const name = this.told.title || (this.told.count > 1 ? "Stack" : "Picture");
    const plane = this.told.count > 1 && this.entry ? `, frame ${this.entry.plane + 1} of ${this.told.count}` : "";
    this.picture.setAttribute("aria-label", name + plane);
  }
}

/** The colours of a map and what they mean, or null. */
function legend(told) {
  if (!told) return null;
  const ramp = element("i");
  ramp.style.background = `linear-gradient(90deg, ${told.colours.join(", ")})`;
  const words = element("div", {}, ...told.words.map((word) => element("span", {}, word)));
  return element("div", { class: "mm-map-legend" }, told.name ? element("b", {}, told.name) : null, ramp, words);
}

const READ_MS = 60; // a pointer that rests so long is worth asking the kernel for all bits of its pixel

/** Reads the values of the displayed bitmap; of deep frames `ask` has the kernel read them, and `told` takes its answer. */
export class Readout {
  constructor(ask) {
    this.ask = ask;
    this.known = ""; // the pixel whose values the kernel told
    this.values = [];
    this.canvas = element("canvas", { width: 1, height: 1 });
    this.context = this.canvas.getContext("2d", { willReadFrequently: true });
  }

  /** Say where the pointer is and what is there. */
  words(spot) {
    const entry = spot?.pane.entry;
    if (!entry) return "";
    const { told } = spot.pane;
    const [x, y] = [Math.floor(spot.picture.x), Math.floor(spot.picture.y)];
    const { width, height } = entry.bitmap;
    this.context.clearRect(0, 0, 1, 1);
    this.context.drawImage(entry.bitmap, Math.floor((x * width) / told.width), Math.floor((y * height) / told.height), 1, 1, 0, 0, 1, 1);
    const values = this.context.getImageData(0, 0, 1, 1).data;
    const um = told.pixel_um ? `  ${(x * told.pixel_um).toFixed(1)}, ${(y * told.pixel_um).toFixed(1)} µm` : "";
    const place = { key: told.key, plane: entry.plane, x, y };
    const deep = told.white > 255;
    const exact = deep ? this.known === JSON.stringify(place) : entry.exact;
    const shown = deep ? (exact ? this.values : values.map((value) => Math.round((value * told.white) / 255))) : values;
    clearTimeout(this.timer);
    if (deep && !exact) this.timer = setTimeout(() => this.ask(place), READ_MS);
    const value = told.colour ? `R ${shown[0]}  G ${shown[1]}  B ${shown[2]}` : `${shown[0]}`;
    return `x ${x}  y ${y}${um}  ${exact ? "=" : "≈"} ${value}`;
  }

  /** Take the values that the kernel read. */
  take({ key, plane, x, y, values }) {
    this.known = JSON.stringify({ key, plane, x, y });
    this.values = values;
  }
}
