// The pictures that overlays bring along, decoded once and kept while they are laid over.

/** Decodes the PNGs of tints; calls `changed` when one is ready. */
export class Tints {
  constructor(changed) {
    this.changed = changed;
    this.bitmaps = new Map(); // bytes -> bitmap, or null while it is decoded
  }

  /** Give the overlays with the bitmaps of those that are tints. */
  filled(overlays) {
    for (const [png, bitmap] of this.bitmaps) {
      if (!bitmap || overlays.some((overlay) => overlay.png === png)) continue;
      bitmap.close();
      this.bitmaps.delete(png);
    }
    return overlays.map((overlay) => (overlay.png ? { ...overlay, bitmap: this.bitmap(overlay.png) } : overlay));
  }

  bitmap(png) {
    if (!this.bitmaps.has(png)) {
      this.bitmaps.set(png, null);
      createImageBitmap(new Blob([png], { type: "image/png" })).then((bitmap) => {
        this.bitmaps.set(png, bitmap);
        this.changed();
      });
    }
    return this.bitmaps.get(png);
  }
}
