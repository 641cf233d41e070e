// What the keys do, in one table: the sheet that "?" shows is made of it.
import { cellBeside } from "./cells.js";

export const KEYS = [
  ["←  →", "one frame down or up"],
  ["Page ↑ ↓", "ten frames"],
  ["Home  End", "first or last frame"],
  ["Space", "play or pause"],
  ["wheel", "frames; with Ctrl: zoom"],
  ["+  −", "zoom in or out"],
  ["0", "fit the whole picture"],
  ["drag", "move the picture (or draw)"],
  ["c", "curtain"],
  ["b", "blink"],
  ["1 – 9", "that pane in front, blinking"],
  ["l", "loupe"],
  ["o", "overlays"],
  ["Shift ← → ↑ ↓", "choose a cell, where a grid is shown; Esc lets go"],
  ["?", "this sheet"],
];

const CELLS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const PLANES = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageUp: 10, PageDown: -10 };

/** Give what a key asks for, or null where the key is not ours. */
export function keyAction(event, view) {
  if (event.ctrlKey || event.metaKey || event.altKey) return null;
  const target = event.target;
  const plane = target.classList?.contains("mm-plane");
  const { key } = event;
  if (key === "Escape") {
    if (view.controls.close()) return () => {};
    return view.grid() && view.model.get("cell") >= 0 ? () => view.set({ cell: -1 }) : null;
  }
  if (!plane && target.matches?.("input, select, textarea")) return null;
  if (key === " " && target.matches?.("button")) return null;
  const several = view.panes.length > 1;
  const mode = (name) => () => view.set({ layout_mode: view.model.get("layout_mode") === name ? "side" : name });
  if (event.shiftKey && key in CELLS && view.grid()) {
    return () => view.set({ cell: cellBeside(view.grid(), view.model.get("cell"), ...CELLS[key]) });
  }
  if (view.count > 1) {
    if (key in PLANES) return () => view.step(PLANES[key]);
    if (key === "Home") return () => view.go(0);
    if (key === "End") return () => view.go(view.count - 1);
    if (key === " ") return () => view.set({ playing: !view.model.get("playing") });
  }
  if (several && key === "c") return mode("curtain");
  if (several && key === "b") return mode("blink");
  if (several && key >= "1" && key <= String(Math.min(view.panes.length, 9))) {
    return () => (view.set({ layout_mode: "blink" }), clearInterval(view.blinking), view.turn(Number(key) - 1));
  }
  if (key === "+" || key === "=") return () => view.hand.zoomMiddle(1.25);
  if (key === "-") return () => view.hand.zoomMiddle(0.8);
  if (key === "0") return () => view.hand.fit();
  if (key === "l") return () => view.controls.toggleLoupe();
  if (key === "o") return () => view.set({ overlays_shown: !view.model.get("overlays_shown") });
  if (key === "?") return () => view.controls.toggleSheet();
  return null;
}
