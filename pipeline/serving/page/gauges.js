// Gauges for a prediction that is one number: a marker on a track.

import { percent, valueText } from "./numbers.js";

const MAX_INTERVALS = 10;

/** A track with a marker; positions are 0 to 1 from the left. */
class Gauge {
  #element;
  #meter;

  constructor(element) {
    this.#element = element;
    this.#meter = element.querySelector("[role=meter]");
  }

  /** Name the gauge for screen readers, with the numbers at its ends. */
  label(text, [least, most]) {
    this.#set({ "aria-label": text, "aria-valuemin": least, "aria-valuemax": most });
  }

  /** Mark the number `now` at the position `at`. */
  mark({ now, text, at, unsure }) {
    this.#meter.style.setProperty("--at", at);
    this.#set({ "aria-valuenow": now, "aria-valuetext": text });
    this.#element.classList.toggle("doubtful", unsure);
    this.#element.classList.remove("empty");
  }

  clear() {
    this.#set({ "aria-valuenow": this.#meter.ariaValueMin, "aria-valuetext": "no prediction yet" });
    this.#element.classList.add("empty");
  }

  #set(attributes) {
    for (const [name, value] of Object.entries(attributes)) this.#meter.setAttribute(name, value);
  }
}

/** The probability of the second of two classes, between the names of both. */
export class Balance {
  #gauge;
  #ends;

  constructor(element) {
    this.#gauge = new Gauge(element);
    this.#ends = [...element.querySelectorAll(".end")];
  }

  prepare(names) {
    for (const [index, end] of this.#ends.entries()) end.querySelector(".name").textContent = names[index];
    this.#gauge.label(`Probability of ${names[1]}`, [0, 100]);
  }

  show(probabilities, { best, unsure }) {
    const names = Object.keys(probabilities);
    this.prepare(names);
    for (const [index, end] of this.#ends.entries()) {
      end.querySelector(".number").textContent = percent(probabilities[names[index]]);
      end.classList.toggle("best", names[index] === best);
    }
    const at = probabilities[names[1]];
    const text = `${percent(at)} ${names[1]}`;
    this.#gauge.mark({ now: Math.round(1000 * at) / 10, text, at, unsure });
  }

  clear() {
    for (const end of this.#ends) {
      end.querySelector(".number").textContent = "";
      end.classList.remove("best");
    }
    this.#gauge.clear();
  }
}

/** A value on a line that covers the range of the labels. */
export class NumberLine {
  #gauge;
  #ticks;
  #outside;
  #range;

  constructor(element) {
    this.#gauge = new Gauge(element);
    this.#ticks = element.querySelector(".ticks");
    this.#outside = element.querySelector(".outside");
  }

  prepare(range) {
    if (String(range) === String(this.#range)) return;
    this.#range = range;
    this.#gauge.label("Value", range);
    this.#ticks.replaceChildren(...ticksOf(range).map((number) => tick(number, position(number, range))));
  }

  show(value, { range, unsure }) {
    this.prepare(range);
    const [least, most] = range;
    const now = Math.min(most, Math.max(least, value));
    const note = now === value ? "" : `Outside of the labels’ range, ${least} to ${most}`;
    this.#outside.textContent = note;
    const text = [valueText(value, range), note].filter(Boolean).join(". ");
    this.#gauge.mark({ now, text, at: position(now, range), unsure });
  }

  clear() {
    this.#outside.textContent = "";
    this.#gauge.clear();
  }
}

const position = (number, [least, most]) => (number - least) / (most - least);

/** Return all integers of a short range, or else its ends. */
function ticksOf([least, most]) {
  const intervals = most - least;
  if (![least, most].every(Number.isInteger) || intervals > MAX_INTERVALS) return [least, most];
  return Array.from({ length: intervals + 1 }, (_, index) => least + index);
}

function tick(number, at) {
  const item = document.createElement("li");
  item.textContent = number;
  item.style.setProperty("--at", at);
  return item;
}
