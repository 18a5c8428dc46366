// The prediction in large type, and the picture that the network actually saw.

import { percent } from "./chart.js";

export class Prediction {
  #elements;

  /** `elements`: canonical, label, probability, unsure, source. */
  constructor(elements) {
    this.#elements = elements;
    this.clear();
  }

  /** Show a prediction and its `image` (see `decodeImage`). */
  show({ model, version, top, unsure }, image) {
    const { label, probability, source } = this.#elements;
    label.textContent = top[0].label;
    label.className = top[0].label.length > 2 ? "word" : "";
    probability.textContent = percent(top[0].probability);
    source.textContent = `${model}, version ${version}`;
    this.#doubt(unsure);
    this.#see(image);
  }

  clear() {
    const { canonical, label, probability, source } = this.#elements;
    canonical.getContext("2d").clearRect(0, 0, canonical.width, canonical.height);
    canonical.setAttribute("aria-label", "What the network sees: nothing yet");
    label.textContent = "?";
    label.className = "none";
    probability.textContent = "";
    source.textContent = "The prediction updates as you draw.";
    this.#doubt(false);
  }

  #doubt(unsure) {
    this.#elements.unsure.hidden = !unsure;
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
export function inWords({ top, unsure }) {
  if (unsure) return `The model is unsure: ${either(top)}.`;
  return `${top[0].label}, ${percent(top[0].probability)}.`;
}

function either(top) {
  const names = top.map(({ label }) => label);
  return names.length > 1 ? `${names.slice(0, -1).join(", ")} or ${names.at(-1)}` : names[0];
}
