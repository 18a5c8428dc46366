// A bar for each class; of many classes, for the likeliest.

import { percent } from "./numbers.js";

const MOST = 10; // of more classes, only the likeliest are shown
const LIKELIEST = 5;
const SLIGHT = 0.01; // below, a bar is dimmed

export class Chart {
  #list;
  #rows = new Map(); // class name -> { item, label, bar, number }
  #names = [];

  constructor(list) {
    this.#list = list;
    this.clear();
  }

  /** Show `probabilities`, a number for each class name. */
  show(probabilities, { best, unsure }) {
    this.#list.classList.toggle("doubtful", unsure);
    this.prepare(Object.keys(probabilities));
    this.#list.classList.toggle("many", this.#names.length > MOST);
    if (this.#names.length > MOST) this.#rename(likeliest(probabilities));
    for (const [name, { item, bar, number }] of this.#rows) {
      bar.style.setProperty("--probability", probabilities[name]);
      number.textContent = percent(probabilities[name]);
      item.classList.toggle("best", name === best);
      item.classList.toggle("slight", probabilities[name] < SLIGHT);
    }
  }

  clear() {
    if (this.#names.length > MOST) this.#rename(Array.from({ length: LIKELIEST }, (_, index) => ` ${index}`), "");
    for (const { item, bar, number } of this.#rows.values()) {
      bar.style.setProperty("--probability", 0);
      number.textContent = "";
      item.classList.remove("best", "slight");
    }
  }

  /** Name the classes; the bars of new ones are empty. */
  prepare(names) {
    if (names.join("\n") === this.#names.join("\n")) return;
    this.#names = names;
    const shown = names.slice(0, names.length > MOST ? LIKELIEST : MOST);
    this.#rows = new Map(shown.map((name) => [name, row(name)]));
    this.#list.replaceChildren(...[...this.#rows.values()].map(({ item }) => item));
    this.#list.classList.toggle("words", names.some((name) => name.length > 2));
    this.clear();
  }

  /** Let the rows, in their order, show other classes; `text` replaces their names. */
  #rename(names, text) {
    const rows = [...this.#rows.values()];
    for (const [index, { label }] of rows.entries()) label.textContent = label.title = text ?? names[index];
    this.#rows = new Map(rows.map((each, index) => [names[index], each]));
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
  return { item, label, bar, number };
}

function likeliest(probabilities) {
  const ranked = Object.entries(probabilities).sort(([, one], [, other]) => other - one);
  return ranked.slice(0, LIKELIEST).map(([name]) => name);
}
