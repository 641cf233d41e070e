// A handle of the curtain: dragged, or moved by the arrow keys.
import { element } from "./elements.js";
import { moveHandle } from "./layout.js";

const KEY_STEPS = { ArrowLeft: -0.02, ArrowDown: -0.02, ArrowRight: 0.02, ArrowUp: 0.02, PageDown: -0.1, PageUp: 0.1 };

/** Make the handle between two panes; `view` has the stage, the model, span() and set(). */
export function makeHandle(which, view) {
  const move = (to) => view.set({ curtain: moveHandle(view.model.get("curtain"), which, to) });
  const node = element(
    "div",
    {
      class: "mm-handle", role: "slider", tabindex: "0", "aria-label": `Curtain ${which + 1}`,
      "aria-valuemin": "0", "aria-valuemax": "100", "aria-valuenow": "50",
      onpointerdown: (event) => (node.setPointerCapture(event.pointerId), event.preventDefault(), node.focus()),
      onpointermove: (event) => {
        if (!node.hasPointerCapture(event.pointerId)) return;
        const box = view.stage.getBoundingClientRect();
        const [from, to] = view.span();
        move(((event.clientX - box.left) / box.width - from) / Math.max(to - from, 0.01));
      },
      onkeydown: (event) => {
        if (!(event.key in KEY_STEPS)) return;
        move(view.model.get("curtain")[which] + KEY_STEPS[event.key]);
        event.preventDefault();
        event.stopPropagation();
      },
    },
    element("span", { class: "mm-grip", "aria-hidden": "true" }),
  );
  return node;
}
