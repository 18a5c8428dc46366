// Strokes -> pixels. A stroke is a list of points { x, y }, 0 to 1 from the left and from the top.

// Pen width in sides: a digit that fills two thirds of a side gets lines of 2 to 3 of MNIST's 20
// pixels.
export const PEN = 0.075;
const SENT_PIXELS = 280;

/** Draw strokes over a square of `side` pixels. */
export function draw(context, strokes, { side, ink }) {
  context.save();
  context.scale(side, side);
  context.lineCap = context.lineJoin = "round";
  context.lineWidth = PEN;
  context.strokeStyle = ink;
  for (const stroke of strokes) context.stroke(smooth(stroke));
  context.restore();
}

/** Return strokes as a PNG, light on dark. */
export function encode(strokes) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SENT_PIXELS;
  const context = canvas.getContext("2d", { alpha: false });
  draw(context, strokes, { side: SENT_PIXELS, ink: "white" });
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

// Quadratic curves between midpoints, with the points as control points: no corner appears where
// none was drawn.
function smooth(points) {
  const path = new Path2D();
  const last = points.at(-1);
  path.moveTo(points[0].x, points[0].y);
  for (let index = 1; index < points.length - 1; index++) {
    const { x, y } = points[index];
    const next = points[index + 1];
    path.quadraticCurveTo(x, y, (x + next.x) / 2, (y + next.y) / 2);
  }
  path.lineTo(last.x, last.y + 1e-4); // a line of zero length may not be drawn
  return path;
}
