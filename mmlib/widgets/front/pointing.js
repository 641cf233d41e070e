// What mouse, pen and fingers do on the picture area: pan, pinch, wheel, draw a region or a line, pick.

const WHEEL_STEP = 40; // px of wheel travel for one plane (a notch of a mouse wheel is 100 or 120)
const CLICK_SLACK = 4; // px that a click may wander

/**
 * Listen on the picture area. `view` answers: at(event) -> {pane, point, picture} or null, pan(dx, dy, pane),
 * zoom(factor, point, pane), step(planes), fit(), pick(spot), draw(tool, from, to, done), hover(spot), tool(), planes().
 */
export function listen(stage, view) {
  const fingers = new Map(); // pointerId -> {x, y}
  let press = null; // the press that is going on
  let spread = 0; // distance of two fingers
  let travel = 0; // wheel px not yet used

  const middle = () => {
    const points = [...fingers.values()];
    return { x: (points[0].x + points[1].x) / 2, y: (points[0].y + points[1].y) / 2 };
  };
  const apart = () => {
    const [a, b] = [...fingers.values()];
    return Math.hypot(a.x - b.x, a.y - b.y);
  };

  const down = (event) => {
    const spot = view.at(event);
    if (!spot || event.button > 0 || event.target.closest("button, input, .mm-handle")) return;
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    stage.setPointerCapture(event.pointerId);
    if (fingers.size === 2) {
      press = null;
      spread = apart();
    } else if (fingers.size === 1) {
      press = { spot, x: event.clientX, y: event.clientY, moved: false };
    }
  };

  const move = (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return view.hover(view.at(event));
    const then = fingers.size === 2 ? middle() : null;
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (fingers.size === 2) {
      const now = middle();
      const spot = view.at({ clientX: now.x, clientY: now.y, target: event.target });
      if (!spot) return;
      view.pan(now.x - then.x, now.y - then.y, spot.pane);
      if (spread > 0) view.zoom(apart() / spread, spot.point, spot.pane);
      spread = apart();
    } else if (press) {
      press.moved ||= Math.hypot(event.clientX - press.x, event.clientY - press.y) > CLICK_SLACK;
      const spot = view.at(event, press.spot.pane);
      if (press.moved && view.tool() === "pan") view.pan(event.clientX - before.x, event.clientY - before.y, press.spot.pane);
      else if (press.moved) view.draw(view.tool(), press.spot.picture, spot.picture, false);
      view.hover(spot);
    }
  };

  const up = (event) => {
    if (!fingers.delete(event.pointerId)) return;
    if (press && event.type === "pointerup") {
      const spot = view.at(event, press.spot.pane);
      if (!press.moved) view.pick(press.spot);
      else if (view.tool() !== "pan") view.draw(view.tool(), press.spot.picture, spot.picture, true);
    }
    press = null;
  };

  const wheel = (event) => {
    const spot = view.at(event);
    if (!spot) return;
    const px = event.deltaY * (event.deltaMode === 1 ? 33 : event.deltaMode === 2 ? 400 : 1);
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      view.zoom(Math.exp(-Math.max(-120, Math.min(120, px)) / 300), spot.point, spot.pane);
    } else if (view.planes() > 1) {
      event.preventDefault();
      travel = Math.sign(travel) === Math.sign(px) ? travel + px : px;
      const steps = Math.abs(px) >= 100 ? Math.sign(px) : Math.trunc(travel / WHEEL_STEP);
      if (steps) {
        travel = Math.abs(px) >= 100 ? 0 : travel - steps * WHEEL_STEP;
        view.step(steps);
      }
    }
  };

  const leave = () => fingers.size || view.hover(null);
  stage.addEventListener("pointerdown", down);
  stage.addEventListener("pointermove", move);
  stage.addEventListener("pointerup", up);
  stage.addEventListener("pointercancel", up);
  stage.addEventListener("pointerleave", leave);
  stage.addEventListener("wheel", wheel, { passive: false });
  stage.addEventListener("dblclick", (event) => view.at(event) && !event.target.closest("button") && view.fit());
}
