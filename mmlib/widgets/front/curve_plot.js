// CurvePlot in the browser: curves over planes as SVG, a marker for the plane, and keys and pointer to move it.
import { OWN_KEYS, clamp, element, guardKey, perFrame } from "./elements.js";

const SVG_NS = "http://www.w3.org/2000/svg";
const MARGIN = { left: 14, right: 14, top: 22, bottom: 30 };
const DASHES = ["", "7 3", "2 3", "9 3 2 3", "5 2"];
const COLOURS = 8; // --mm-curve-0 ... of the style sheet

function shape(tag, attributes, ...children) {
  const node = document.createElementNS(SVG_NS, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

class Plot {
  constructor(model, el) {
    this.model = model;
    this.off = [];
    this.svg = shape("svg", { "aria-hidden": "true" });
    this.tip = element("div", { class: "mm-tip", hidden: true });
    this.area = element(
      "div",
      { class: "mm-curve-area", tabindex: "0", role: "slider", "aria-label": `${model.get("label")}: frame`, "aria-valuemin": "1", ...OWN_KEYS },
      this.svg, this.tip,
    );
    this.legend = element("div", { class: "mm-legend", role: "group", "aria-label": "Curves" });
    this.root = element("div", { class: "mm-curves", role: "group", "aria-label": model.get("label") }, this.legend, this.area);
    el.append(this.root);
    this.draw = perFrame(() => this.paint());
    this.mark = perFrame(() => this.paintMark());
    for (const name of ["_curves", "_z_um", "hidden", "height"]) this.on(`change:${name}`, () => this.draw());
    this.on("change:index", () => this.mark());
    this.area.addEventListener("keydown", (event) => this.key(event));
    this.area.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      this.area.setPointerCapture(event.pointerId);
      this.go(this.planeAt(event));
    });
    this.area.addEventListener("pointermove", (event) => {
      if (this.area.hasPointerCapture(event.pointerId)) this.go(this.planeAt(event));
      this.explain(this.planeAt(event));
    });
    this.area.addEventListener("pointerleave", () => (this.tip.hidden = true));
    this.watcher = new ResizeObserver(() => this.draw());
    this.watcher.observe(this.area);
    this.draw();
  }

  on(name, work) {
    this.model.on(name, work);
    this.off.push(() => this.model.off(name, work));
  }

  destroy() {
    this.watcher.disconnect();
    this.draw.cancel();
    this.mark.cancel();
    for (const off of this.off) off();
  }

  get count() {
    return this.model.get("_curves")[0]?.values.length ?? 0;
  }

  go(plane) {
    const index = clamp(plane, 0, this.count - 1);
    if (!this.count || index === this.model.get("index")) return;
    this.model.set("index", index);
    this.model.save_changes();
  }

  key(event) {
    guardKey(event);
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageUp: 10, PageDown: -10 }[event.key];
    if (step) this.go(this.model.get("index") + step);
    else if (event.key === "Home") this.go(0);
    else if (event.key === "End") this.go(this.count - 1);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  x(plane) {
    return MARGIN.left + (plane / Math.max(this.count - 1, 1)) * (this.width - MARGIN.left - MARGIN.right);
  }

  planeAt(event) {
    const left = this.area.getBoundingClientRect().left;
    const share = (event.clientX - left - MARGIN.left) / Math.max(this.width - MARGIN.left - MARGIN.right, 1);
    return clamp(Math.round(share * (this.count - 1)), 0, Math.max(this.count - 1, 0));
  }

  paint() {
    const curves = this.model.get("_curves");
    const hidden = new Set(this.model.get("hidden"));
    this.area.style.height = this.model.get("height");
    this.width = this.area.clientWidth;
    this.tall = this.area.clientHeight;
    const floor = this.tall - MARGIN.bottom;
    this.svg.setAttribute("viewBox", `0 0 ${this.width} ${this.tall}`);
    this.svg.replaceChildren(...this.axis(floor));
    this.paintLegend(curves, hidden);
    curves.forEach(({ name, values, best }, i) => {
      if (hidden.has(name)) return;
      const known = values.filter((value) => value !== null);
      const [low, high] = [Math.min(...known), Math.max(...known)];
      const y = (value) => floor - ((value - low) / (high - low || 1)) * (floor - MARGIN.top);
      let path = "";
      values.forEach((value, plane) => {
        if (value !== null) path += `${values[plane - 1] === null || plane === 0 ? "M" : "L"}${this.x(plane).toFixed(1)} ${y(value).toFixed(1)}`;
      });
      const style = `--mm-i-curve: var(--mm-curve-${i % COLOURS})`;
      this.svg.append(shape("path", { class: "mm-curve", d: path, style, "stroke-dasharray": DASHES[Math.floor(i / COLOURS) % DASHES.length] }));
      if (best !== null && values[best] !== null) {
        this.svg.append(shape("circle", { class: "mm-best", cx: this.x(best), cy: y(values[best]), r: 5, style }));
      }
    });
    this.marker = shape("line", { class: "mm-marker", y1: MARGIN.top - 6, y2: floor });
    this.flag = shape("text", { class: "mm-flag", y: MARGIN.top - 10 });
    this.svg.append(this.marker, this.flag);
    this.paintMark();
  }

  axis(floor) {
    const nodes = [shape("line", { class: "mm-axis", x1: MARGIN.left, x2: this.width - MARGIN.right, y1: floor, y2: floor })];
    const room = Math.max(2, Math.floor((this.width - 40) / 56));
    const step = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].find((each) => this.count / each <= room) ?? this.count;
    for (let plane = 0; plane < this.count; plane += plane ? step : Math.max(step - 1, 1)) {
      const x = this.x(plane);
      nodes.push(shape("line", { class: "mm-axis", x1: x, x2: x, y1: floor, y2: floor + 4 }));
      nodes.push(shape("text", { class: "mm-tick", x, y: floor + 17 }, String(plane + 1)));
    }
    return nodes;
  }

  paintLegend(curves, hidden) {
    const said = JSON.stringify([curves.map(({ name, best }) => [name, best]), [...hidden]]);
    if (said === this.said) return;
    this.said = said;
    const focused = [...this.legend.children].indexOf(document.activeElement);
    this.legend.replaceChildren(
      ...curves.map(({ name, best }, i) =>
        element(
          "button",
          {
            type: "button", class: "mm-key", "aria-pressed": String(!hidden.has(name)),
            title: best === null ? name : `${name}: best frame ${best + 1}`,
            style: `--mm-i-curve: var(--mm-curve-${i % COLOURS})`,
            onclick: () => {
              const others = this.model.get("hidden").filter((other) => other !== name);
              this.model.set("hidden", hidden.has(name) ? others : [...others, name]);
              this.model.save_changes();
            },
          },
          element("i"), name,
        ),
      ),
    );
    this.legend.children[focused]?.focus();
  }

  paintMark() {
    if (!this.marker || !this.count) return;
    const plane = clamp(this.model.get("index"), 0, this.count - 1);
    const x = this.x(plane);
    this.marker.setAttribute("x1", x);
    this.marker.setAttribute("x2", x);
    this.flag.textContent = this.planeName(plane);
    const half = this.flag.getComputedTextLength() / 2;
    this.flag.setAttribute("x", clamp(x, half + 2, Math.max(this.width - half - 2, half + 2)));
    this.area.setAttribute("aria-valuemax", String(this.count));
    this.area.setAttribute("aria-valuenow", String(plane + 1));
    this.area.setAttribute("aria-valuetext", [this.planeName(plane), ...this.values(plane)].join(", "));
  }

  planeName(plane) {
    const z = this.model.get("_z_um")?.[plane];
    return `frame ${plane + 1}${z === undefined ? "" : ` · ${z.toFixed(1)} µm`}`;
  }

  values(plane) {
    const hidden = new Set(this.model.get("hidden"));
    return this.model.get("_curves").filter(({ name }) => !hidden.has(name))
      .map(({ name, values }) => `${name} ${values[plane] === null ? "unknown" : Number(values[plane].toPrecision(4))}`);
  }

  explain(plane) {
    if (!this.count) return;
    this.tip.replaceChildren(element("b", {}, this.planeName(plane)), ...this.values(plane).map((words) => element("div", {}, words)));
    this.tip.hidden = false;
    const wide = this.tip.offsetWidth;
    const x = this.x(plane);
    this.tip.style.left = `${x + 14 + wide > this.width ? Math.max(x - 14 - wide, 0) : x + 14}px`;
  }
}

export default {
  render({ model, el }) {
    const plot = new Plot(model, el);
    return () => plot.destroy();
  },
};
