// Buttons that put a text on the clipboard: a link to this view, or the same work as Python or as a command.
function render({ model, el }) {
  const row = document.createElement("div");
  row.className = "mmp-row";
  const status = document.createElement("div");
  status.className = "mmp-muted";
  status.setAttribute("role", "status");
  el.append(row, status);

  async function copy(text) {
    if (navigator.clipboard && window.isSecureContext) return navigator.clipboard.writeText(text);
    const box = document.createElement("textarea"); // plain http on a network: the old way
    box.value = text;
    el.append(box);
    box.select();
    const done = document.execCommand("copy");
    box.remove();
    if (!done) throw new Error("refused");
  }

  function draw() {
    row.replaceChildren(
      ...model.get("entries").map(({ label, text }) => {
        const button = document.createElement("button");
        button.type = "button";
        button.className = "lm-Widget jupyter-widgets jupyter-button mmp-quiet";
        button.textContent = label;
        button.dataset.text = text;
        button.addEventListener("click", async () => {
          const words = text || location.href;
          try {
            await copy(words);
            status.textContent = "Copied.";
          } catch (refused) {
            status.textContent = words;
          }
        });
        return button;
      }),
    );
  }
  model.on("change:entries", () => {
    draw();
    status.textContent = "";
  });
  draw();
}
export default { render };
