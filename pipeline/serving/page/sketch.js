// The user's input: strokes or a picture. Every change can be undone.

import { encode } from "./strokes.js";

const EMPTY = { strokes: [], picture: null };
const MAX_UNDO = 200;

export class Sketch extends EventTarget {
  #now = EMPTY;
  #before = [];
  #open = null; // the stroke that is being drawn
  /** Changes when other input replaces this one, whose late predictions must be dropped. */
  subject = 0;

  get strokes() {
    return this.#now.strokes;
  }

  get picture() {
    return this.#now.picture;
  }

  get empty() {
    return !this.picture && this.strokes.length === 0;
  }

  /** Whether a stroke is being drawn. */
  get drawing() {
    return this.#open !== null;
  }

  get undoable() {
    return this.#before.length > 0;
  }

  begin(point) {
    this.#open = [point];
    if (this.picture) this.subject++;
    this.#become({ strokes: [...this.strokes, this.#open], picture: null });
  }

  extend(points) {
    if (!this.#open) return; // undone or cleared while the pen was down
    this.#open.push(...points);
    this.#changed();
  }

  end() {
    this.#open = null;
  }

  /** Show a picture: { blob, url, name }. */
  place(picture) {
    this.#replace({ strokes: [], picture });
  }

  clear() {
    if (!this.empty) this.#replace(EMPTY);
  }

  undo() {
    if (!this.undoable) return;
    this.#open = null;
    this.subject++;
    this.#now = this.#before.pop();
    this.#changed();
  }

  /** Return a file to send: the picture as it is, or the strokes as PNG, see `encode`. */
  file(options) {
    return this.picture ? this.picture.blob : encode(this.strokes, options);
  }

  #replace(next) {
    this.#open = null;
    this.subject++;
    this.#become(next);
  }

  #become(next) {
    this.#before.push(this.#now);
    if (this.#before.length > MAX_UNDO) this.#before.shift();
    this.#now = next;
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}
