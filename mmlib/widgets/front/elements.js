// Small tools to build the page: elements, icons, and what the reader of the page prefers.

/** Make an element: element("button", {class: "x", onclick: f}, "text", child). */
export function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

// Drawn on a 20 x 20 grid, strokes only.
const ICONS = {
  play: "M7 4.5v11l9-5.5z",
  pause: "M7 4.5v11M13 4.5v11",
  first: "M5 4.5v11M15 5l-7 5 7 5",
  last: "M15 4.5v11M5 5l7 5-7 5",
  back: "M12.5 5l-6 5 6 5",
  next: "M7.5 5l6 5-6 5",
  side: "M3 4.5h14v11H3zM10 4.5v11",
  curtain: "M3 4.5h14v11H3zM10 2v16M7.5 10H5m1.2-1.2L5 10l1.2 1.2M12.5 10H15m-1.2-1.2L15 10l-1.2 1.2",
  blink: "M2.5 10S5.5 5 10 5s7.5 5 7.5 5-3 5-7.5 5-7.5-5-7.5-5zM10 7.8a2.2 2.2 0 1 1 0 4.4 2.2 2.2 0 0 1 0-4.4z",
  pan: "M10 2.5v15M2.5 10h15M8 4.5l2-2 2 2M8 15.5l2 2 2-2M4.5 8l-2 2 2 2M15.5 8l2 2-2 2",
  region: "M4 7V4h3M13 4h3v3M16 13v3h-3M7 16H4v-3M9 4h2M9 16h2M4 9v2M16 9v2",
  line: "M4.5 15.5l11-11M3 15.5a1.5 1.5 0 1 0 3 0 1.5 1.5 0 0 0-3 0zM14 4.5a1.5 1.5 0 1 0 3 0 1.5 1.5 0 0 0-3 0z",
  contrast: "M10 3a7 7 0 1 1 0 14 7 7 0 0 1 0-14zM10 3v14M12 5v10M14 6.5v7",
  layers: "M10 3l7 4-7 4-7-4zM3 10l7 4 7-4M3 13l7 4 7-4",
  loupe: "M8.5 3.5a5 5 0 1 1 0 10 5 5 0 0 1 0-10zM12.2 12.2l4.3 4.3",
  fit: "M3 7V3h4M13 3h4v4M17 13v4h-4M7 17H3v-4",
  plus: "M10 4.5v11M4.5 10h11",
  minus: "M4.5 10h11",
  keys: "M2.5 5.5h15v9h-15zM5.5 8.5h.01M8.5 8.5h.01M11.5 8.5h.01M14.5 8.5h.01M6.5 11.5h7",
  file: "M10 13V4M6.5 7.5L10 4l3.5 3.5M4 13v3h12v-3",
  cross: "M5 5l10 10M15 5L5 15",
};

/** Draw one of the named icons. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 20 20");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", "mm-icon");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** Make a button with an icon; `pressed` makes it a toggle. */
export function iconButton(name, label, onclick, { pressed, text } = {}) {
  return element(
    "button",
    { type: "button", class: "mm-button", title: label, "aria-label": label, "aria-pressed": pressed, onclick },
    icon(name),
    text ? element("span", { class: "mm-button-text" }, text) : null,
  );
}

/** Attributes of an element whose keys are its own: JupyterLab looks for this one before it takes a key for itself. */
export const OWN_KEYS = { "data-lm-suppress-shortcuts": "true" };

/** Keep plain letters and digits from the page around us: in JupyterLab they would cut or add cells. */
export function guardKey(event) {
  const plain = !event.ctrlKey && !event.metaKey && !event.altKey && event.key.length === 1;
  if (plain) event.stopPropagation();
}

/** Keep a number within limits. */
export function clamp(value, low, high) {
  return Math.min(Math.max(value, low), high);
}

/** Whether the reader asked for less motion. */
export function calm() {
  return window.matchMedia("(prefers-reduced-motion: reduce)").matches;
}

/** Call a function at most once per animation frame. */
export function perFrame(work) {
  let waiting = 0;
  const wake = () => {
    if (!waiting) waiting = requestAnimationFrame(() => ((waiting = 0), work()));
  };
  wake.cancel = () => (cancelAnimationFrame(waiting), (waiting = 0));
  return wake;
}
