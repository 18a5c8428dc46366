// The part of a prediction below its label: bars for several classes, a gauge for two classes or for
// a value whose range is known, nothing for other values.

import { Chart } from "./chart.js";
import { Balance, NumberLine } from "./gauges.js";

export class Scores {
  #section;
  #elements;
  #views;
  #kind = "bars";

  /** `elements`: bars, balance, line, all in `section`. */
  constructor(section, elements) {
    this.#section = section;
    this.#elements = elements;
    this.#views = {
      bars: new Chart(elements.bars),
      balance: new Balance(elements.balance),
      line: new NumberLine(elements.line),
    };
  }

  /** Show an empty view for a task, as the server describes it, until there is a prediction. */
  prepare({ name, class_names: names, range }) {
    const kind = name === "regression" ? kindOfValue(range) : kindOfClasses(names);
    this.#use(kind);
    if (kind) this.#views[kind].prepare(kind === "line" ? range : names);
  }

  show({ probabilities, top, value, range, unsure }) {
    const kind = probabilities ? kindOfClasses(Object.keys(probabilities)) : kindOfValue(range);
    this.#use(kind);
    if (kind === "line") this.#views.line.show(value, { range, unsure });
    else if (kind) this.#views[kind].show(probabilities, { best: top[0].label, unsure });
  }

  clear() {
    if (this.#kind) this.#views[this.#kind].clear();
  }

  #use(kind) {
    if (kind === this.#kind) return;
    this.clear();
    this.#kind = kind;
    for (const [name, element] of Object.entries(this.#elements)) element.hidden = name !== kind;
    this.#section.hidden = kind === null;
    this.#section.setAttribute("aria-label", kind === "line" ? "Value" : "Probability of each class");
    this.clear();
  }
}

const kindOfClasses = (names) => (names.length === 2 ? "balance" : "bars");
const kindOfValue = (range) => (range ? "line" : null);
