// A bar for each class.

import { percent } from "./numbers.js";

const DIGITS = Array.from("0123456789");

export class Chart {
  #list;
  #rows = new Map(); // class name -> { item, bar, number }

  constructor(list) {
    this.#list = list;
    this.clear();
  }

  /** Show `probabilities`, a number for each class name. */
  show(probabilities, { best, unsure }) {
    this.#list.classList.toggle("doubtful", unsure);
    this.prepare(Object.keys(probabilities));
    for (const [name, { item, bar, number }] of this.#rows) {
      bar.style.setProperty("--probability", probabilities[name]);
      number.textContent = percent(probabilities[name]);
      item.classList.toggle("best", name === best);
    }
  }

  clear() {
    if (this.#rows.size === 0) this.prepare(DIGITS); // the usual classes, until the server names others
    for (const { item, bar, number } of this.#rows.values()) {
      bar.style.setProperty("--probability", 0);
      number.textContent = "";
      item.classList.remove("best");
    }
  }

  /** Name the classes; the bars of new ones are empty. */
  prepare(names) {
    if (names.join("\n") === [...this.#rows.keys()].join("\n")) return;
    this.#rows = new Map(names.map((name) => [name, row(name)]));
    this.#list.replaceChildren(...[...this.#rows.values()].map(({ item }) => item));
    this.#list.classList.toggle("words", names.some((name) => name.length > 2));
  }
}

function row(name) {
  const item = document.createElement("li");
  const [label, track, bar, number] = ["name", "track", "bar", "number"].map((className) => {
    const element = document.createElement("span");
    element.className = className;
    return element;
  });
  label.textContent = label.title = name;
  track.append(bar);
  item.append(label, track, number);
  return { item, bar, number };
}
