// Strokes -> pixels. A stroke is a list of points { x, y }, 0 to 1 from the left and from the top.

// Pen width in sides: a digit that fills two thirds of a side gets lines of 2 to 3 of MNIST's 20
// pixels.
export const PEN = 0.075;
export const SENT_PIXELS = 280; // each side of the picture that is sent
// EMNIST leaves 2 of 28 pixels on each side (Cohen et al., 2017, "EMNIST: an extension of MNIST").
const BOX = 24 / 28;
const MOST_ENLARGED = 3; // so that a dot remains one

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

/** Return strokes as a PNG, light on dark; `framed` if they should fill the picture. */
export function encode(strokes, { framed }) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SENT_PIXELS;
  const context = canvas.getContext("2d", { alpha: false });
  draw(context, framed ? frame(strokes) : strokes, { side: SENT_PIXELS, ink: "white" });
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

/** Move and scale strokes to fill a box in the center; the width of the pen stays. */
function frame(strokes) {
  const [x, y] = ["x", "y"].map((axis) => {
    const places = strokes.flat().map((point) => point[axis]);
    const [least, most] = [Math.min(...places), Math.max(...places)];
    return { middle: (least + most) / 2, length: most - least };
  });
  const scale = Math.min(MOST_ENLARGED, (BOX - PEN) / Math.max(x.length, y.length, PEN));
  const move = (place, { middle }) => 0.5 + scale * (place - middle);
  return strokes.map((stroke) => stroke.map((point) => ({ x: move(point.x, x), y: move(point.y, y) })));
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
