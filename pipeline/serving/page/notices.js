// Messages on the page and for screen readers.

const SETTLED_MILLISECONDS = 800;

/** Notices about the server or a picture, one at a time. */
export class Notice {
  #element;
  /** The kind of the notice, as of `RequestError`; "" when there is none. */
  kind = "";

  constructor(element) {
    this.#element = element;
  }

  show(kind, text) {
    this.kind = kind;
    if (this.#element.textContent === text) return; // set again, it would be read out again
    const paragraph = document.createElement("p");
    paragraph.textContent = text;
    this.#element.replaceChildren(...(text ? [paragraph] : []));
  }

  clear() {
    this.show("", "");
  }
}

/** Announcements for screen readers; predictions, which change with every stroke, once settled. */
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
