// Contrast in the browser: an SVG filter on the pictures, and the panel that sets it over a histogram.
import { clamp, element, iconButton } from "./elements.js";

const SVG = "http://www.w3.org/2000/svg";
const BINS = 128;
let filters = 0;

/** An SVG filter that maps low..high to 0..1 and then applies gamma. */
export class ContrastFilter {
  constructor(root) {
    this.id = `mm-contrast-${(filters += 1)}-${Math.random().toString(36).slice(2, 8)}`;
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("class", "mm-filter");
    svg.setAttribute("aria-hidden", "true");
    svg.setAttribute("width", "0");
    svg.setAttribute("height", "0");
    svg.innerHTML = `<filter id="${this.id}" color-interpolation-filters="sRGB" x="0" y="0" width="1" height="1">${["linear", "gamma"]
      .map((type) => `<feComponentTransfer>${["R", "G", "B"].map((c) => `<feFunc${c} type="${type}"/>`).join("")}</feComponentTransfer>`)
      .join("")}</filter>`;
    root.append(svg);
    this.functions = [...svg.querySelectorAll("feComponentTransfer")].map((transfer) => [...transfer.children]);
  }

  /** Set the filter; give the CSS value for the pictures' `filter`. */
  set([low, high, gamma]) {
    if (low <= 0 && high >= 1 && gamma === 1) return "none";
    const slope = 1 / Math.max(high - low, 1 / 255);
    for (const node of this.functions[0]) {
      node.setAttribute("slope", slope);
      node.setAttribute("intercept", -low * slope);
    }
    for (const node of this.functions[1]) {
      node.setAttribute("amplitude", 1);
      node.setAttribute("exponent", 1 / gamma);
      node.setAttribute("offset", 0);
    }
    return `url(#${this.id})`;
  }
}

/** Count the grey values of a bitmap, seen small, in BINS bins. */
export function histogram(bitmap) {
  const canvas = new OffscreenCanvas(160, 160);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.imageSmoothingEnabled = false;
  context.drawImage(bitmap, 0, 0, 160, 160);
  const pixels = context.getImageData(0, 0, 160, 160).data;
  const counts = new Float64Array(BINS);
  for (let i = 0; i < pixels.length; i += 4) {
    counts[((0.299 * pixels[i] + 0.587 * pixels[i + 1] + 0.114 * pixels[i + 2]) * BINS) >> 8] += 1;
  }
  return counts;
}

/** The panel: a histogram with three sliders; `get` gives the contrast, `set` takes it, `bitmap` gives what is shown. */
export class ContrastPanel {
  constructor({ get, set, bitmap }) {
    this.get = get;
    this.set = set;
    this.bitmap = bitmap;
    this.plot = element("canvas", { class: "mm-histogram", width: 256, height: 72, "aria-hidden": "true" });
    this.low = this.slider("Black point", 0, 0.98, 0.005, 0);
    this.high = this.slider("White point", 0.02, 1, 0.005, 1);
    this.gamma = this.slider("Gamma", 0.3, 3, 0.05, 2);
    this.node = element(
      "div",
      { class: "mm-panel", role: "group", "aria-label": "Contrast", hidden: true },
      this.plot,
      ...[this.low, this.high, this.gamma].map(({ row }) => row),
      element(
        "div",
        { class: "mm-panel-foot" },
        element("button", { type: "button", class: "mm-button mm-worded", onclick: () => this.auto() }, "Auto"),
        element("button", { type: "button", class: "mm-button mm-worded", onclick: () => set([0, 1, 1]) }, "Reset"),
      ),
    );
  }

  slider(label, min, max, step, which) {
    const words = element("output", { class: "mm-value" });
    const input = element("input", {
      type: "range", min, max, step, "aria-label": label,
      oninput: () => {
        const values = [...this.get()];
        values[which] = Number(input.value);
        if (which === 0) values[1] = Math.max(values[1], values[0] + 0.02);
        if (which === 1) values[0] = Math.min(values[0], values[1] - 0.02);
        this.set(values.map((value) => Math.round(value * 1000) / 1000));
      },
    });
    const row = element("label", { class: "mm-row" }, element("span", {}, label), input, words);
    return { row, input, words };
  }

  auto() {
    const bitmap = this.bitmap();
    if (!bitmap) return;
    const counts = histogram(bitmap);
    const total = counts.reduce((sum, count) => sum + count, 0);
    const at = (share) => {
      let sum = 0;
      return counts.findIndex((count) => (sum += count) >= share * total) / BINS;
    };
    const low = clamp(at(0.005), 0, 0.97);
    this.set([low, clamp(at(0.995) + 1 / BINS, low + 0.02, 1), 1].map((value) => Math.round(value * 1000) / 1000));
  }

  /** Show the present values, and the histogram where the panel is open. */
  refresh() {
    const [low, high, gamma] = this.get();
    for (const [slider, value, words] of [
      [this.low, low, String(Math.round(low * 255))],
      [this.high, high, String(Math.round(high * 255))],
      [this.gamma, gamma, gamma.toFixed(2)],
    ]) {
      slider.input.value = value;
      slider.words.textContent = words;
    }
    if (this.node.hidden) return;
    const context = this.plot.getContext("2d");
    const { width, height } = this.plot;
    const style = getComputedStyle(this.plot);
    context.clearRect(0, 0, width, height);
    const bitmap = this.bitmap();
    if (bitmap) {
      const counts = histogram(bitmap).map((count) => Math.sqrt(count));
      const top = Math.max(...counts);
      context.fillStyle = style.color;
      for (let i = 0; i < BINS; i += 1) {
        const tall = (counts[i] / top) * (height - 4);
        context.fillRect((i * width) / BINS, height - tall, width / BINS - 0.4, tall);
      }
    }
    context.strokeStyle = style.caretColor;
    context.lineWidth = 2;
    context.beginPath();
    for (let i = 0; i <= 64; i += 1) {
      const level = clamp((i / 64 - low) / Math.max(high - low, 0.004), 0, 1) ** (1 / gamma);
      context[i ? "lineTo" : "moveTo"]((i / 64) * width, height - 1 - level * (height - 3));
    }
    context.stroke();
  }
}

/** The button that opens a panel and says so. */
export function panelButton(name, label, panel, opened) {
  const button = iconButton(name, label, () => toggle(panel.hidden));
  const toggle = (open) => {
    panel.hidden = !open;
    button.setAttribute("aria-expanded", String(open));
    if (open) opened?.();
  };
  button.setAttribute("aria-expanded", "false");
  button.toggle = toggle;
  return button;
}
