// A regular grid of cells over a stack, with one code for every cell and plane; cells can be pointed at and chosen.

const HATCH = 7; // CSS px between the lines of a hatched cell
const LABEL_ROOM = 30; // CSS px that a cell needs for its label

/** The grid among the overlays, or undefined. */
export function gridOf(overlays) {
  return overlays.find((overlay) => overlay.type === "cellgrid");
}

/** The number of the cell under a point of the picture, row by row; -1 where there is none. */
export function cellAt(grid, point) {
  const column = nearest(grid.x, point.x, grid.size);
  const row = nearest(grid.y, point.y, grid.size);
  return column < 0 || row < 0 ? -1 : row * grid.x.length + column;
}

function nearest(starts, at, size) {
  let best = -1;
  starts.forEach((start, i) => {
    const inside = at >= start && at < start + size;
    if (inside && (best < 0 || Math.abs(start + size / 2 - at) < Math.abs(starts[best] + size / 2 - at))) best = i;
  });
  return best;
}

/** The cell that lies so many columns and rows from another; the middle one where none was chosen. */
export function cellBeside(grid, cell, columns, rows) {
  const [wide, tall] = [grid.x.length, grid.y.length];
  if (cell < 0) return Math.floor(tall / 2) * wide + Math.floor(wide / 2);
  const column = Math.min(Math.max((cell % wide) + columns, 0), wide - 1);
  const row = Math.min(Math.max(Math.floor(cell / wide) + rows, 0), tall - 1);
  return row * wide + column;
}

function codesOf(grid) {
  const bytes = grid.codes; // a DataView into a message, perhaps at an odd place
  grid.numbers ??= new Uint16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  return grid.numbers;
}

/** Paint the cells of a plane, then the one under the pointer and the chosen one. */
export function paintCells({ context, placed, plane, cells }, grid) {
  const codes = codesOf(grid);
  const wide = grid.x.length;
  const count = wide * grid.y.length;
  const first = Math.min(plane, grid.planes - 1) * count;
  const boxOf = (cell) => [
    placed.left + grid.x[cell % wide] * placed.scale,
    placed.top + grid.y[Math.floor(cell / wide)] * placed.scale,
    grid.size * placed.scale,
  ];
  context.font = "600 11px system-ui, sans-serif";
  context.textBaseline = "top";
  for (let cell = 0; cell < count; cell += 1) {
    const style = grid.styles[codes[first + cell]];
    if (style) paintCell(context, boxOf(cell), style);
  }
  for (const [cell, width] of [[cells.over, 1.5], [cells.chosen, 3]]) {
    if (cell >= 0 && cell < count) frameCell(context, boxOf(cell), width);
  }
}

function paintCell(context, [left, top, size], { fill, edge, hatch, label }) {
  const inner = [left + 1, top + 1, size - 2, size - 2];
  if (fill) {
    context.fillStyle = fill;
    context.fillRect(...inner);
  }
  if (hatch) {
    context.save();
    context.beginPath();
    context.rect(...inner);
    context.clip();
    context.strokeStyle = hatch;
    context.lineWidth = 1.5;
    context.beginPath();
    for (let step = -size; step < size; step += HATCH) {
      context.moveTo(left + step, top + size);
      context.lineTo(left + step + size, top);
    }
    context.stroke();
    context.restore();
  }
  if (edge) {
    context.strokeStyle = edge;
    context.lineWidth = 1.5;
    context.strokeRect(left + 1.5, top + 1.5, size - 3, size - 3);
  }
  if (label && size > LABEL_ROOM) {
    context.strokeStyle = "rgb(0 0 0 / 0.75)";
    context.lineWidth = 3;
    context.lineJoin = "round";
    context.strokeText(label, left + 5, top + 5);
    context.fillStyle = "#fff";
    context.fillText(label, left + 5, top + 5);
  }
}

function frameCell(context, [left, top, size], width) {
  for (const [style, line] of [["rgb(0 0 0 / 0.75)", width + 2.5], ["#fff", width]]) {
    context.strokeStyle = style;
    context.lineWidth = line;
    context.strokeRect(left, top, size, size);
  }
}
