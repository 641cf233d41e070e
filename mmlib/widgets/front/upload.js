// ChunkedUpload in the browser: files go to the kernel piece by piece, each after the one before has been acknowledged.
import { element, icon, iconButton } from "./elements.js";

const SILENCE_S = 8; // after which we ask the kernel how far it got

/** One file on its way. */
class Sending {
  constructor(file, send, piece_bytes, shown) {
    this.file = file;
    this.id = Math.random().toString(36).slice(2) + Date.now().toString(36);
    this.post = send;
    this.piece_bytes = piece_bytes;
    this.shown = shown;
    this.finished = new Promise((resolve) => (this.finish = resolve));
  }

  start() {
    this.started = performance.now();
    this.send({ type: "open", name: this.file.name, size: this.file.size });
    return this.finished;
  }

  send(message, buffers) {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => this.send({ type: "where" }), 1000 * SILENCE_S);
    this.post({ ...message, id: this.id }, buffers);
  }

  async receive(message) {
    clearTimeout(this.silence);
    if (message.type === "got") {
      this.shown.progress(message.at, this.file.size, performance.now() - this.started);
      if (message.at >= this.file.size) this.send({ type: "close" });
      else await this.piece(message.at);
    } else {
      this.over = true;
      this.shown.end(message);
      this.finish(message.type);
    }
  }

  async piece(at) {
    try {
      const bytes = await this.file.slice(at, at + this.piece_bytes).arrayBuffer();
      const sha256 = await digest(bytes);
      if (!this.over) this.send({ type: "piece", at, sha256 }, [bytes]);
    } catch {
      this.post({ type: "cancel", id: this.id });
      await this.receive({ type: "refused", reason: `${this.file.name} can no longer be read; choose it again` });
    }
  }

  cancel() {
    if (this.over) return;
    this.post({ type: "cancel", id: this.id });
    this.receive({ type: "cancelled" });
  }
}

// Absent on pages that come over plain http from another machine; then the kernel's own sum must do.
async function digest(bytes) {
  if (!globalThis.crypto?.subtle) return "";
  const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [...sum].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The line of one file: name, bar, words, cancel. */
class FileLine {
  constructor(name, cancel) {
    this.name = name;
    this.words = element("span", { class: "mm-file-words", role: "status" }, "waiting");
    this.bar = element("progress", { max: 1, value: 0, "aria-label": `${name}: sent` });
    this.cancel = iconButton("cross", `Cancel ${name}`, cancel);
    this.node = element("li", { class: "mm-file" }, element("span", { class: "mm-file-name", title: name }, name), this.words, this.bar, this.cancel);
  }

  progress(done, size, ms) {
    this.bar.value = done / size;
    const left = done > 0 ? ((ms / done) * (size - done)) / 1000 : 0;
    this.words.textContent = `${megabytes(done)} of ${megabytes(size)}${left > 3 ? `, ${Math.ceil(left)} s left` : ""}`;
  }

  end({ type, reason, name }) {
    this.node.dataset.state = type;
    this.words.textContent = type === "done" ? (name === this.name ? "done" : `done, as ${name}`) : type === "cancelled" ? "cancelled" : reason;
    this.cancel.remove();
    if (type === "done") this.bar.value = 1;
    else this.bar.remove();
  }
}

function megabytes(bytes) {
  return bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

class Upload {
  constructor(model, el) {
    this.model = model;
    this.queue = [];
    this.current = null;
    this.input = element("input", {
      type: "file", class: "mm-hidden", tabindex: "-1", "aria-label": model.get("label"),
      accept: model.get("_accept"), multiple: model.get("_several"),
      onchange: () => (this.take(this.input.files), (this.input.value = "")),
    });
    const button = element("button", { type: "button", class: "mm-button mm-choose", onclick: () => this.input.click() }, icon("file"), model.get("label"));
    this.list = element("ul", { class: "mm-files" });
    this.root = element(
      "div",
      { class: "mm-upload", role: "group", "aria-label": "Upload" },
      element("div", { class: "mm-drop" }, button, element("span", { class: "mm-hint" }, model.get("hint")), this.input),
      this.list,
    );
    const over = (event) => {
      event.preventDefault();
      this.root.dataset.over = String(event.type === "dragover");
    };
    this.root.addEventListener("dragover", over);
    this.root.addEventListener("dragleave", over);
    this.root.addEventListener("drop", (event) => (over(event), this.take(event.dataTransfer.files)));
    this.receive = (message) => message.id === this.current?.id && this.current.receive(message);
    model.on("msg:custom", this.receive);
    el.append(this.root);
  }

  take(files) {
    for (const file of this.model.get("_several") ? files : [...files].slice(0, 1)) {
      const line = new FileLine(file.name, () => sending.cancel());
      const sending = new Sending(file, (message, buffers) => this.model.send(message, undefined, buffers), this.model.get("_piece_bytes"), line);
      this.list.append(line.node);
      this.queue.push(sending);
    }
    if (!this.current) this.work();
  }

  async work() {
    this.busy(true);
    while ((this.current = this.queue.shift())) if (!this.current.over) await this.current.start();
    this.busy(false);
  }

  busy(busy) {
    this.model.set("busy", busy);
    this.model.save_changes();
  }

  destroy() {
    this.model.off("msg:custom", this.receive);
    for (const sending of [this.current, ...this.queue]) sending?.cancel();
  }
}

export default {
  render({ model, el }) {
    const upload = new Upload(model, el);
    return () => upload.destroy();
  },
};
