// The buttons, the plane slider and the status line of a view.
import { ContrastPanel, panelButton } from "./contrast.js";
import { OWN_KEYS, element, iconButton } from "./elements.js";
import { KEYS } from "./keys.js";

const SPEEDS = [2, 5, 10, 15, 25];

/** All controls of one view; they read the model when refreshed and tell the view what is wanted. */
export class Controls {
  constructor(view) {
    this.view = view;
    const { model } = view;
    const choose = (trait, value, name, label) =>
      iconButton(name, label, () => view.set({ [trait]: value }), { pressed: "false" });
    this.modes = new Map([
      ["side", choose("layout_mode", "side", "side", "Side by side")],
      ["curtain", choose("layout_mode", "curtain", "curtain", "Curtain (c)")],
      ["blink", choose("layout_mode", "blink", "blink", "Blink (b)")],
    ]);
    this.tools = new Map([
      ["pan", choose("tool", "pan", "pan", "Move the picture")],
      ["region", choose("tool", "region", "region", "Draw a region")],
      ["line", choose("tool", "line", "line", "Draw a line")],
    ]);
    this.modeGroup = group("Layout", this.modes.values());
    this.panel = new ContrastPanel({
      get: () => model.get("contrast"),
      set: (contrast) => view.set({ contrast }),
      bitmap: () => view.panes[0]?.entry?.bitmap,
    });
    this.contrastButton = panelButton("contrast", "Contrast", this.panel.node, () => this.panel.refresh());
    this.overlayButton = iconButton("layers", "Overlays (o)", () => view.set({ overlays_shown: !model.get("overlays_shown") }), { pressed: "true" });
    this.loupeButton = iconButton("loupe", "Loupe (l)", () => this.toggleLoupe(), { pressed: "false" });
    this.zoomWords = element("span", { class: "mm-zoom", title: "Zoom" });
    this.sheet = keySheet(() => this.toggleSheet());
    this.keysButton = iconButton("keys", "Keys (?)", () => this.toggleSheet());
    this.bar = element(
      "div",
      { class: "mm-bar", role: "toolbar", "aria-label": "View" },
      this.modeGroup,
      group("Pointer", this.tools.values()),
      group("Display", [this.contrastButton, this.overlayButton, this.loupeButton]),
      element("span", { class: "mm-space" }),
      group("Zoom", [
        iconButton("minus", "Zoom out (−)", () => view.hand.zoomMiddle(0.8)),
        this.zoomWords,
        iconButton("plus", "Zoom in (+)", () => view.hand.zoomMiddle(1.25)),
        iconButton("fit", "Fit (0)", () => view.hand.fit()),
      ]),
      this.keysButton,
      this.panel.node,
    );
    this.foot = this.makeFoot();
  }

  makeFoot() {
    const { view } = this;
    this.playButton = iconButton("play", "Play (space)", () => view.set({ playing: !view.model.get("playing") }));
    this.slider = element("input", {
      type: "range", class: "mm-plane", min: 0, max: 0, step: 1, "aria-label": "Frame", ...OWN_KEYS,
      oninput: () => view.go(Number(this.slider.value)),
    });
    this.speed = element(
      "select",
      { class: "mm-speed", "aria-label": "Frames a second", title: "Frames a second", onchange: () => view.set({ fps: Number(this.speed.value) }) },
      ...SPEEDS.map((fps) => element("option", { value: fps }, `${fps}/s`)),
    );
    this.plane = element("output", { class: "mm-plane-words" });
    this.loaded = element("i", { class: "mm-loaded" });
    this.reading = element("span", { class: "mm-reading" });
    this.planeRow = element(
      "div",
      { class: "mm-planes", role: "group", "aria-label": "Step through the frames" },
      this.playButton,
      iconButton("back", "One frame down (←)", () => view.step(-1)),
      element("div", { class: "mm-track" }, this.loaded, this.slider),
      iconButton("next", "One frame up (→)", () => view.step(1)),
      this.plane,
      this.speed,
    );
    return element("div", { class: "mm-foot" }, this.planeRow, element("div", { class: "mm-status" }, this.reading));
  }

  /** Fit the controls to what is shown. */
  show(told) {
    const count = Math.max(1, ...told.map((pane) => pane.count));
    this.stack = told.find((pane) => pane.count === count);
    this.modeGroup.hidden = told.length < 2;
    this.planeRow.hidden = count < 2;
    this.slider.max = count - 1;
    this.read("");
    if (![...this.speed.options].some((option) => Number(option.value) === this.view.model.get("fps"))) {
      const fps = this.view.model.get("fps");
      this.speed.append(element("option", { value: fps }, `${fps}/s`));
    }
  }

  /** Say the number of the frame and its height. */
  planeWords() {
    if (!this.stack || this.stack.count < 2) return "";
    const { index } = this.view;
    const z = this.stack.z_um?.[Math.min(index, this.stack.count - 1)];
    return `frame ${index + 1} of ${this.stack.count}${z === undefined ? "" : `, ${micrometres(z)}`}`;
  }

  /** Show the values of the model. */
  refresh() {
    const { view } = this;
    const { model } = view;
    const { index } = view;
    if (Number(this.slider.value) !== index) this.slider.value = index;
    if (this.said !== index || this.saidOf !== this.stack) {
      this.said = index;
      this.saidOf = this.stack;
      const z = this.stack?.z_um?.[Math.min(index, this.stack.count - 1)];
      this.plane.replaceChildren(
        element("b", {}, String(index + 1)), ` / ${this.stack?.count ?? 1}`,
        z === undefined ? "" : element("span", { class: "mm-height" }, micrometres(z)),
      );
      this.slider.setAttribute("aria-valuetext", this.planeWords());
      const last = Math.max((this.stack?.count ?? 1) - 1, 1);
      this.slider.style.setProperty("--mm-i-at", `${(100 * index) / last}%`);
    }
    this.progress();
    const playing = model.get("playing");
    if (playing !== this.playing) {
      this.playing = playing;
      const made = iconButton(playing ? "pause" : "play", "", () => {});
      this.playButton.replaceChildren(...made.children);
      this.playButton.setAttribute("aria-label", playing ? "Pause (space)" : "Play (space)");
      this.playButton.title = playing ? "Pause (space)" : "Play (space)";
    }
    this.speed.value = String(model.get("fps"));
    this.zoomWords.textContent = `${Math.round(100 * model.get("camera").zoom)} %`;
    const mode = view.root.dataset.mode;
    for (const [name, button] of this.modes) button.setAttribute("aria-pressed", String(name === mode));
    for (const [name, button] of this.tools) button.setAttribute("aria-pressed", String(name === model.get("tool")));
    this.overlayButton.hidden = !model.get("overlays").length;
    this.overlayButton.setAttribute("aria-pressed", String(model.get("overlays_shown")));
    view.stage.dataset.tool = model.get("tool");
    view.stage.dataset.zoomed = String(model.get("camera").zoom > 1.001);
    const contrast = model.get("contrast").join();
    if (contrast !== this.contrast || !this.panel.node.hidden) this.panel.refresh();
    this.contrast = contrast;
    this.contrastButton.dataset.changed = String(contrast !== "0,1,1");
  }

  /** Show how many frames the browser holds. */
  progress() {
    const held = this.stack ? this.view.frames.held(this.stack) / this.stack.count : 1;
    if (held === this.held) return;
    this.held = held;
    this.loaded.style.width = `${100 * held}%`;
    this.loaded.dataset.all = String(held >= 1);
  }

  /** Show what is under the pointer, or where it is nowhere, what is shown. */
  read(words) {
    const told = this.view.panes[0]?.told;
    const rest = told ? `${told.width} × ${told.height} px  ${told.bit_depth} bit` : "";
    this.reading.textContent = words || rest;
  }

  toggleLoupe() {
    this.view.loupe = !this.view.loupe;
    this.loupeButton.setAttribute("aria-pressed", String(this.view.loupe));
    this.view.redraw();
  }

  toggleSheet() {
    this.contrastButton.toggle(false);
    this.sheet.hidden = !this.sheet.hidden;
    if (this.sheet.hidden) this.view.stage.focus();
    else this.sheet.querySelector("button").focus();
  }

  /** Close what is open over the view; say whether anything was. */
  close() {
    const open = !this.panel.node.hidden || !this.sheet.hidden;
    if (!this.panel.node.hidden) this.contrastButton.toggle(false);
    if (!this.sheet.hidden) this.toggleSheet();
    return open;
  }
}

function group(label, buttons) {
  return element("div", { class: "mm-group", role: "group", "aria-label": label }, ...buttons);
}

function micrometres(z) {
  return `${z.toFixed(Math.abs(z) >= 100 ? 0 : 1)} µm`;
}

function keySheet(close) {
  const rows = KEYS.flatMap(([key, words]) => [element("dt", {}, key), element("dd", {}, words)]);
  return element(
    "div",
    { class: "mm-sheet", role: "dialog", "aria-label": "Keys", hidden: true },
    iconButton("cross", "Close", close),
    element("dl", {}, ...rows),
  );
}
