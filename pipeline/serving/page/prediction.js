// The prediction in large type, and the picture that the network actually saw.

import { percent, valueText } from "./numbers.js";
import { nothingSeen } from "./words.js";

const MOST_LINES = 40; // of a grid that can be seen

export class Prediction {
  #elements;
  #nothing = "No picture seen.";

  /** `elements`: canonical, label, probability, unsure, source. */
  constructor(elements) {
    this.#elements = elements;
    this.clear();
  }

  /** Adapt the empty view to the pictures of a model, as the server describes them. */
  prepare(pictures) {
    const { canonical } = this.#elements;
    const { width, height } = pictures;
    this.#nothing = nothingSeen(pictures);
    canonical.style.setProperty("--columns", width);
    canonical.style.setProperty("--rows", height);
    canonical.classList.toggle("fine", Math.max(width, height) > MOST_LINES);
  }

  /** Show a prediction and its `image` (see `decodeImage`). */
  show(found, image) {
    const { label, probability, source } = this.#elements;
    label.textContent = labelOf(found);
    label.className = sizeOf(label.textContent);
    probability.textContent = found.top?.length ? percent(found.top[0].probability) : "";
    source.textContent = `${found.model}, version ${found.version}`;
    this.#doubt(found.unsure, doubtOf(found));
    this.#see(image);
  }

  clear() {
    const { canonical, label, probability, source } = this.#elements;
    canonical.getContext("2d").clearRect(0, 0, canonical.width, canonical.height);
    canonical.setAttribute("aria-label", "What the network sees: nothing yet");
    label.textContent = "?";
    label.className = "none";
    probability.textContent = "";
    source.textContent = this.#nothing;
    this.#doubt(false);
  }

  #doubt(unsure, words = "") {
    this.#elements.unsure.hidden = !unsure;
    if (unsure) this.#elements.unsure.textContent = words;
    this.#elements.label.classList.toggle("doubtful", unsure);
  }

  #see(image) {
    const { canonical } = this.#elements;
    canonical.width = image.naturalWidth;
    canonical.height = image.naturalHeight;
    canonical.getContext("2d").drawImage(image, 0, 0);
    const size = `${image.naturalWidth} × ${image.naturalHeight} pixels`;
    canonical.setAttribute("aria-label", `What the network sees: ${size}`);
  }
}

/** Return the picture in a response, decoded: drawing one that still loads would flicker. */
export async function decodeImage({ canonical }) {
  const image = new Image();
  image.src = `data:image/png;base64,${canonical.b64}`;
  await image.decode();
  return image;
}

/** Return a prediction as a sentence for screen readers. */
export function inWords(found) {
  const { top, unsure } = found;
  if (!isSingle(found)) return `${doubtOf(found)}${found.digits?.length ? `: ${labelOf(found)}` : ""}.`;
  if (unsure) return `The model is unsure: ${top ? either(top) : labelOf(found)}.`;
  return top ? `${labelOf(found)}, ${percent(top[0].probability)}.` : `${labelOf(found)}.`;
}

/** Whether a single digit, or image, was seen. */
export const isSingle = ({ digits }) => !digits || digits.length === 1;

/** Return the likeliest class, or the value; of several digits, all of them from left to right. */
function labelOf(found) {
  if (isSingle(found)) return found.top ? found.top[0].label : valueText(found.value, found.range);
  const labels = found.digits.map(({ label, value }) => label ?? valueText(value, found.range));
  return labels.join(found.top ? "" : " ") || "?";
}

const DOUBTS = {
  "no digit here": "No digit seen",
  "more than one digit": "More than one digit",
  "cut off at the edge": "Cut off at the edge",
  "unlike the pictures that the model was trained on": "Unlike the training pictures",
};

const doubtOf = ({ reason }) => DOUBTS[reason] ?? "The model is unsure";

function sizeOf({ length }) {
  if (length <= 2) return "";
  return length <= 6 ? "short" : "word";
}

function either(top) {
  const names = top.map(({ label }) => label);
  return names.length > 1 ? `${names.slice(0, -1).join(", ")} or ${names.at(-1)}` : names[0];
}
