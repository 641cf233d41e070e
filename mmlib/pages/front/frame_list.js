// Frames, one a row: a tick that keeps it, its number that shows it, the verdict and why.
function make(tag, className, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children);
  return node;
}

function render({ model, el }) {
  const list = make("ol", "mmf-frames");
  list.setAttribute("aria-label", "Frames");
  el.append(list);
  let parts = [];

  function add(frame) {
    const tick = make("input");
    tick.type = "checkbox";
    tick.setAttribute("aria-label", `Keep frame ${frame + 1}`);
    tick.addEventListener("change", () => model.send({ type: "keep", frames: [frame], kept: tick.checked }));
    const go = make("button", "mmf-go", String(frame + 1));
    go.type = "button";
    go.title = `Show frame ${frame + 1}`;
    go.setAttribute("aria-label", `Show frame ${frame + 1}`);
    go.addEventListener("click", () => {
      model.set("index", frame);
      model.save_changes();
    });
    const verdict = make("b");
    const height = make("span", "mmf-z");
    const reason = make("span", "mmf-reason");
    const row = make("li", "", tick, go, make("div", "", make("div", "mmf-verdict", verdict, height), reason));
    return { row, tick, verdict, height, reason, go };
  }

  function draw() {
    const rows = model.get("rows");
    const other = rows.length !== parts.length;
    if (other) {
      parts = rows.map((_, frame) => add(frame));
      list.replaceChildren(...parts.map(({ row }) => row));
    }
    rows.forEach((told, i) => {
      const { row, tick, verdict, height, reason } = parts[i];
      row.dataset.kept = String(told.kept);
      row.dataset.verdict = told.verdict;
      tick.checked = told.kept;
      verdict.textContent = told.by_hand ? `${told.verdict}, ${told.kept ? "kept" : "dropped"} by hand` : told.verdict;
      height.textContent = told.z;
      reason.textContent = told.reason;
    });
    mark(false);
    if (other) requestAnimationFrame(() => mark(true));
  }

  function mark(follow) {
    const index = model.get("index");
    parts.forEach(({ row, go }, i) => {
      if (i === index) go.setAttribute("aria-current", "true");
      else go.removeAttribute("aria-current");
      if (i === index && follow && !row.matches(":hover, :focus-within")) {
        list.scrollTop = row.offsetTop - list.offsetTop - (list.clientHeight - row.offsetHeight) / 2;
      }
    });
  }
  const follow = () => mark(true);
  model.on("change:rows", draw);
  model.on("change:index", follow);
  draw();
  return () => {
    model.off("change:rows", draw);
    model.off("change:index", follow);
  };
}
export default { render };
