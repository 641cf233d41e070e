// Buttons that fetch a file from the kernel in pieces and hand it to the browser's download folder.
function render({ model, el }) {
  el.classList.add("mmp-downloads");
  const row = document.createElement("div");
  row.className = "mmp-row";
  const status = document.createElement("div");
  status.className = "mmp-muted mmp-download-status";
  status.setAttribute("role", "status");
  el.append(row, status);
  let fetching = null;

  const ask = () => model.send({ type: "want", key: fetching.key, offset: fetching.size });

  function start(entry) {
    if (fetching) return;
    fetching = { ...entry, pieces: [], size: 0 };
    status.textContent = `Fetching ${entry.name} …`;
    ask();
  }

  function save() {
    const url = URL.createObjectURL(new Blob(fetching.pieces, { type: "application/octet-stream" }));
    const link = document.createElement("a");
    link.href = url;
    link.download = fetching.name;
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(url), 60000);
    status.textContent = `${fetching.name} saved.`;
    fetching = null;
  }

  const heard = (message, buffers) => {
    if (!fetching || message.key !== fetching.key) return;
    if (message.type === "failed") {
      status.textContent = message.reason;
      fetching = null;
    } else if (message.type === "piece" && message.offset === fetching.size) {
      fetching.pieces.push(buffers[0]);
      fetching.size += buffers[0].byteLength;
      if (fetching.size >= message.total) save();
      else ask();
    }
  };
  model.on("msg:custom", heard);

  function draw() {
    row.replaceChildren(
      ...model.get("entries").map((entry) => {
        const button = document.createElement("button");
        button.type = "button";
        button.className = "lm-Widget jupyter-widgets jupyter-button";
        button.textContent = entry.label;
        button.title = `Download ${entry.name}`;
        button.dataset.name = entry.name;
        button.addEventListener("click", () => start(entry));
        return button;
      }),
    );
    status.textContent = "";
  }
  model.on("change:entries", draw);
  draw();
  return () => {
    model.off("msg:custom", heard);
    model.off("change:entries", draw);
  };
}
export default { render };
