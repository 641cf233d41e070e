// How planes follow each other: presses of a held key are kept in a queue, so that each plane is seen before the next one
// comes, and playing moves on by the clock, to and fro.
import { clamp } from "./elements.js";

const PATIENCE_MS = 400; // how long a step waits for its frame before it goes on
const LONGEST_QUEUE = 24; // presses kept

/**
 * Steps through planes. `view` answers: index, count, held(index), painted (the plane last seen), playing(), fps(),
 * show(index) and hurry(way), which asks for the frames ahead.
 */
export class Stepper {
  constructor(view) {
    this.view = view;
    this.queue = 0; // planes still to step
    this.stepped = 0; // when the last step was made
    this.played = 0;
    this.way = 1; // of playing
  }

  /** Ask for so many steps. */
  push(planes) {
    if (!this.queue) this.stepped = performance.now();
    this.queue = clamp(this.queue + planes, -LONGEST_QUEUE, LONGEST_QUEUE);
  }

  /** Forget what was asked for. */
  clear() {
    this.queue = 0;
  }

  /** Do what this animation frame asks for. */
  tick(now) {
    if (this.queue) this.advance(now);
    else if (this.view.playing() && this.view.count > 1) this.play(now);
  }

  /** Whether there is more to do. */
  get busy() {
    return this.queue !== 0 || this.view.playing();
  }

  advance(now) {
    const way = Math.sign(this.queue);
    const next = clamp(this.view.index + way, 0, this.view.count - 1);
    if (next === this.view.index) return this.clear();
    const ready = this.view.painted === this.view.index && this.view.held(next);
    if (!ready && now - this.stepped < PATIENCE_MS) return this.view.hurry(way);
    this.stepped = now;
    this.queue -= way;
    this.view.show(next);
  }

  play(now) {
    if (now - this.played < 1000 / this.view.fps() - 4) return;
    if (this.view.index + this.way < 0 || this.view.index + this.way >= this.view.count) this.way = -this.way;
    const next = this.view.index + this.way;
    if (!this.view.held(next) && now - this.played < 4 * PATIENCE_MS) return this.view.hurry(this.way);
    this.played = now;
    this.view.show(next);
  }
}
