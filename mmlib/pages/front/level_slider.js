// The level up to which a cell counts as sharp: a slider, and a box for the method's own word.
let sliders = 0;

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

function render({ model, el }) {
  const id = `mmf-level-${(sliders += 1)}`;
  const slider = make("input", { type: "range", min: 0, max: 9, step: 1, id, "data-lm-suppress-shortcuts": "true" });
  const shown = make("output", { for: id });
  const own = make("input", { type: "checkbox", id: `${id}-own` });
  const words = make("label", { for: `${id}-own` }, "as the method itself says");
  el.append(
    make("div", { class: "mmf-level" }, make("label", { for: id }, "Sharp up to level"), slider, shown),
    make("div", { class: "mmf-own" }, own, words),
  );
  const draw = () => {
    const level = model.get("level");
    own.checked = level < 0;
    if (level >= 0) slider.value = level;
    else slider.value = model.get("usual");
    shown.textContent = level < 0 ? "own" : String(level);
    slider.setAttribute("aria-valuetext", level < 0 ? "as the method itself says" : `level ${level}`);
  };
  const set = (level) => {
    model.set("level", level);
    model.save_changes();
    draw();
  };
  slider.addEventListener("input", () => set(Number(slider.value)));
  own.addEventListener("change", () => set(own.checked ? -1 : Number(slider.value)));
  model.on("change:level", draw);
  draw();
  return () => model.off("change:level", draw);
}
export default { render };
