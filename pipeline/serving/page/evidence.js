// "Why?": the evidence of each pixel for the likeliest class against the second.

import { explain } from "./api.js";
import { signed } from "./numbers.js";

export class Why {
  #details;
  #canvas;
  #reasons;
  #question = null; // { model, version, image } of the prediction on the page

  /** `details` contains `canvas` and `reasons`. */
  constructor({ details, canvas, reasons }) {
    this.#details = details;
    this.#canvas = canvas;
    this.#reasons = reasons;
    details.addEventListener("toggle", () => this.#answer());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#answer());
  }

  /** Offer to explain a prediction; `image` is what the network saw, `channels` how many it takes. */
  ask({ model, version }, image, channels) {
    this.#question = { model, version, pixels: pixelsOf(image, channels), image };
    this.#details.hidden = false;
    return this.#answer();
  }

  clear() {
    this.#question = null;
    this.#details.hidden = true;
    this.#reasons.replaceChildren();
  }

  async #answer() {
    const question = this.#question;
    if (!this.#details.open || !question) return;
    try {
      const found = await explain(question.model, question.version, question.pixels);
      if (question === this.#question) this.#show(found, question.image);
    } catch (error) {
      if (question === this.#question) this.#refuse(error.message);
    }
  }

  #show(found, image) {
    this.#canvas.hidden = false;
    paint(this.#canvas, image, found.pixels);
    const [first, second] = found.classes;
    this.#canvas.setAttribute("aria-label", `Evidence of each pixel: ${sumText(found)}`);
    const legend = paragraph();
    if (first) {
      legend.append("Pixels that speak ", mark("for", `for ${first}`), " and ", mark("against", `for ${second}`));
    } else {
      legend.append("Pixels that make the value ", mark("for", "larger"), " and ", mark("against", "smaller"));
    }
    this.#reasons.replaceChildren(legend, paragraph(sumText(found)), paragraph(meaning(found)));
  }

  #refuse(message) {
    this.#canvas.hidden = true;
    this.#reasons.replaceChildren(paragraph(message));
  }
}

/** Return the sum of the evidence, which is exact. */
function sumText({ pixels, constant, difference }) {
  const sum = pixels.flat(Infinity).reduce((total, value) => total + value, 0);
  return `Pixels ${signed(sum)}, constant ${signed(constant)}, together ${signed(difference)}`;
}

function meaning({ classes: [first, second], logits }) {
  if (!first) return "This is the value before the output layer.";
  const each = `${signed(logits[0])} for ${first} and ${signed(logits[1])} for ${second} (numbers are rounded)`;
  return `This is exactly the difference of their logits, ${each}: around this picture, the network is linear.`;
}

function pixelsOf(image, channels) {
  const { data, width, height } = readPixels(image);
  const channel = (place) => Array.from(data.subarray(4 * place, 4 * place + channels));
  return Array.from({ length: height }, (_, row) =>
    Array.from({ length: width }, (_, column) => channel(row * width + column)));
}

function readPixels(image) {
  const canvas = document.createElement("canvas");
  canvas.width = image.naturalWidth;
  canvas.height = image.naturalHeight;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, 0);
  return context.getImageData(0, 0, canvas.width, canvas.height);
}

/** Paint evidence in the two colors of the page, over a faint picture. */
function paint(canvas, image, pixels) {
  const sums = pixels.map((row) => row.map((channels) => channels.reduce((total, value) => total + value, 0)));
  const largest = Math.max(...sums.flat().map(Math.abs)) || 1;
  const { color, accentColor } = getComputedStyle(canvas); // against, for
  canvas.width = image.naturalWidth;
  canvas.height = image.naturalHeight;
  const context = canvas.getContext("2d");
  for (const [row, values] of sums.entries()) {
    for (const [column, value] of values.entries()) {
      context.globalAlpha = Math.abs(value) / largest;
      context.fillStyle = value > 0 ? accentColor : color;
      context.fillRect(column, row, 1, 1);
    }
  }
}

function paragraph(text = "") {
  const element = document.createElement("p");
  element.textContent = text;
  return element;
}

function mark(className, text) {
  const element = document.createElement("span");
  element.className = className;
  element.textContent = text;
  return element;
}
