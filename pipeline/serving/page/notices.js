// What is said in words: to the eye, and to screen readers.

const SETTLED_MILLISECONDS = 800;

/** Notices of the server and of pictures; one at a time. */
export class Notice {
  #element;
  /** Of what the notice speaks: "away", "busy", "refused"; "" when there is none. */
  kind = "";

  constructor(element) {
    this.#element = element;
  }

  show(kind, text) {
    this.kind = kind;
    if (this.#element.textContent === text) return; // repeated, it would be read out again
    const paragraph = document.createElement("p");
    paragraph.textContent = text;
    this.#element.replaceChildren(...(text ? [paragraph] : []));
  }

  clear() {
    this.show("", "");
  }
}

/** Say something once it has not changed for a while: an answer moves with every stroke. */
export class Voice {
  #element;
  #timer = 0;

  constructor(element) {
    this.#element = element;
  }

  say(text) {
    this.hush();
    this.#element.textContent = text;
  }

  sayWhenSettled(text) {
    this.hush();
    this.#timer = setTimeout(() => (this.#element.textContent = text), SETTLED_MILLISECONDS);
  }

  hush() {
    clearTimeout(this.#timer);
  }
}
