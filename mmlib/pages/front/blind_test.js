// Keys of the blind test (1, 2 and space), and the name that this browser votes under.
const KEYS = { 1: "left", 2: "right", " ": "tie" };
const NAME = "mmlib-voter";

function remembered() {
  try {
    return { voter: localStorage.getItem(NAME) || "", kept: true };
  } catch (refused) {
    return { voter: "", kept: false };
  }
}

function render({ model, el }) {
  el.hidden = true;
  const remember = () => {
    const voter = model.get("voter");
    if (!voter) return;
    try {
      localStorage.setItem(NAME, voter);
    } catch (refused) { /* then the name is in the link */ }
  };
  const press = (event) => {
    if (!model.get("voting") || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
    const choice = KEYS[event.key];
    const target = event.target;
    if (!choice || target.matches?.("input, textarea, select, [contenteditable=true]")) return;
    if (event.key === " " && target.matches?.("button, a, summary")) return;
    if (!el.isConnected) return;
    event.preventDefault();
    event.stopPropagation(); // the view of the pictures knows these keys too
    model.send({ type: "vote", choice, place: model.get("place") });
  };
  window.addEventListener("keydown", press, true);
  model.on("change:voter", remember);
  model.send({ type: "hello", ...remembered() });
  return () => {
    window.removeEventListener("keydown", press, true);
    model.off("change:voter", remember);
  };
}

export default { render };
