// Methods that judge, one a row: its colour in the plot, whether the grid shows it, how far it is, and a way to drop it.
let lists = 0;

function make(tag, className, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children);
  return node;
}

function render({ model, el }) {
  const group = `mmf-method-${(lists += 1)}`;
  const list = make("div", "mmf-methods mm-curve-colours");
  list.setAttribute("role", "radiogroup");
  list.setAttribute("aria-label", "The grid shows what this method says");
  el.append(list);
  const rows = new Map(); // name -> the parts of its row

  function add(name) {
    const radio = make("input");
    Object.assign(radio, { type: "radio", name: group, value: name, id: `${group}-${name}` });
    radio.addEventListener("change", () => model.send({ type: "show", name }));
    const swatch = make("i");
    const title = make("span", "mmf-method-title");
    const label = make("label", "", swatch, title);
    label.htmlFor = radio.id;
    const words = make("div", "mmf-method-words");
    words.setAttribute("role", "status");
    const bar = make("div", "mmf-method-bar", make("div"));
    const away = make("button", "mmf-away", "×");
    away.type = "button";
    away.addEventListener("click", () => model.send({ type: "remove", name }));
    const row = make("div", "mmf-method", radio, label, away, words, bar);
    rows.set(name, { row, radio, swatch, title, words, bar, away });
    return rows.get(name);
  }

  function draw() {
    const told = model.get("rows");
    for (const [name, { row }] of rows) {
      if (told.some((each) => each.name === name)) continue;
      row.remove();
      rows.delete(name);
    }
    told.forEach((each, i) => {
      const parts = rows.get(each.name) ?? add(each.name);
      if (list.children[i] !== parts.row) list.insertBefore(parts.row, list.children[i] ?? null);
      parts.row.dataset.state = each.state;
      parts.radio.checked = each.chosen;
      parts.swatch.style.background = each.colour < 0 ? "var(--mm-border)" : `var(--mm-curve-${each.colour % 8})`;
      parts.title.textContent = each.title;
      if (parts.words.textContent !== each.words) parts.words.textContent = each.words;
      parts.bar.hidden = !["waiting", "running"].includes(each.state);
      parts.bar.firstChild.style.width = `${Math.round(100 * each.share)}%`;
      parts.away.hidden = !each.removable;
      parts.away.setAttribute("aria-label", `Take ${each.title} away`);
      parts.away.title = `Take ${each.title} away`;
    });
  }
  model.on("change:rows", draw);
  draw();
  return () => model.off("change:rows", draw);
}
export default { render };
