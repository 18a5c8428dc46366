// Boxes around the digits of a picture, where it does not show a single, whole digit.

import { isSingle } from "./prediction.js";

const SVG = "http://www.w3.org/2000/svg";

export class Boxes {
  #svg;

  /** `svg` covers the pad; as the picture on it, it is scaled to fit. */
  constructor(svg) {
    this.#svg = svg;
  }

  /** Show the boxes of a prediction, which are in pixels of a picture of this size, 0 if unknown. */
  show(found, { width, height }) {
    const isWhole = isSingle(found) && found.reason !== "cut off at the edge";
    const digits = isWhole || !width ? [] : (found.digits ?? []);
    this.#svg.setAttribute("viewBox", `0 0 ${width || 1} ${height || 1}`);
    this.#svg.replaceChildren(...digits.map(({ box }) => rectangle(box)));
  }

  clear() {
    this.#svg.replaceChildren();
  }
}

function rectangle([left, top, right, bottom]) {
  const element = document.createElementNS(SVG, "rect");
  const places = { x: left, y: top, width: right - left, height: bottom - top };
  for (const [name, value] of Object.entries(places)) element.setAttribute(name, value);
  return element;
}
