// Example pictures of a version, to click.

import { listExamples } from "./api.js";

export class Examples {
  #element;
  #choose;
  #shown = "";

  /** `choose` is called with { blob, url, name } of the picture that is clicked. */
  constructor(element, choose) {
    this.#element = element;
    this.#choose = choose;
  }

  /** Show the examples of a version, which may be "", for the server's default. */
  async show(model, version) {
    const wanted = `${model}/${version}`;
    if (wanted === this.#shown || !model) return;
    this.#shown = wanted;
    this.#element.setAttribute("aria-busy", "true");
    try {
      const found = await listExamples(model, version);
      if (wanted !== this.#shown) return; // another one was chosen in the meantime
      this.#element.replaceChildren(...found.map((base64, index) => this.#button(base64, `Example ${index + 1}`)));
      this.#element.hidden = found.length === 0;
    } catch {
      if (wanted !== this.#shown) return;
      this.#shown = ""; // the page works without them, and asks again
      this.#element.hidden = true;
    }
    this.#element.setAttribute("aria-busy", "false");
  }

  #button(base64, name) {
    const image = new Image();
    image.src = `data:image/png;base64,${base64}`;
    image.alt = "";
    const button = document.createElement("button");
    button.type = "button";
    button.title = name;
    button.setAttribute("aria-label", name);
    button.append(image);
    button.addEventListener("click", () => this.#choose({ blob: blobOf(base64), url: image.src, name }));
    return button;
  }
}

function blobOf(base64) {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  return new Blob([bytes], { type: "image/png" });
}
