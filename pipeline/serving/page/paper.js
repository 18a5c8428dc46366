// The canvas that shows the strokes, in the page's colors and at the resolution of the screen.

import { PEN, draw } from "./strokes.js";

export class Paper {
  #canvas;
  #sketch;
  #due = false;
  /** Position of the keyboard's pen, { x, y, down }; null when it is not in use. */
  cursor = null;

  constructor(canvas, sketch) {
    this.#canvas = canvas;
    this.#sketch = sketch;
    new ResizeObserver(() => this.refresh()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.refresh());
    sketch.addEventListener("change", () => this.refresh());
  }

  /** Redraw with the next animation frame. */
  refresh() {
    if (this.#due) return;
    this.#due = true;
    requestAnimationFrame(() => {
      this.#due = false;
      this.#draw();
    });
  }

  #draw() {
    const side = Math.max(1, Math.round(this.#canvas.clientWidth * devicePixelRatio));
    this.#canvas.width = this.#canvas.height = side; // which also clears it
    const context = this.#canvas.getContext("2d");
    const colors = getComputedStyle(this.#canvas);
    draw(context, this.#sketch.strokes, { side, ink: colors.color });
    if (this.cursor) drawCursor(context, this.cursor, { side, ink: colors.accentColor });
    this.#canvas.setAttribute("aria-label", describe(this.#sketch));
  }
}

function drawCursor(context, { x, y, down }, { side, ink }) {
  context.beginPath();
  context.arc(x * side, y * side, PEN * side * (down ? 0.3 : 0.5), 0, 2 * Math.PI);
  context.fillStyle = context.strokeStyle = ink;
  context.lineWidth = side / 150;
  if (down) context.fill();
  else context.stroke();
}

function describe({ strokes, picture }) {
  if (picture) return `Your picture: ${picture.name}`;
  const count = strokes.length;
  return count ? `Your drawing: ${count} ${count === 1 ? "stroke" : "strokes"}` : "Nothing drawn yet";
}
