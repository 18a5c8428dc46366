// The wiring: what is drawn is asked, what is answered is shown.

import { Answer, decodeImage, inWords } from "./answer.js";
import { Trouble, classify, useToken } from "./api.js";
import { Chart } from "./chart.js";
import { Choice } from "./choice.js";
import { followKeyboard, followShortcuts } from "./keyboard.js";
import { live } from "./live.js";
import { Notice, Voice } from "./notices.js";
import { Paper } from "./paper.js";
import { acceptPictures } from "./picture.js";
import { followPointer } from "./pointer.js";
import { Sketch } from "./sketch.js";

const LOOK_SECONDS = 10; // new versions appear, and a server that went away is noticed

const element = (id) => document.getElementById(id);
const sketch = new Sketch();
const paper = new Paper(element("paper"), sketch);
const chart = new Chart(element("bars"));
const answer = new Answer({
  canonical: element("canonical"),
  label: element("label"),
  probability: element("probability"),
  unsure: element("unsure"),
  source: element("source"),
});
const choice = new Choice({
  models: element("model"),
  versions: element("version"),
  unavailable: element("unavailable"),
});
const notice = new Notice(element("notice"));
const voice = new Voice(element("spoken"));
const request = live(step);
let asked = false; // an answer is wanted

sketch.addEventListener("change", () => {
  element("invitation").hidden = !sketch.empty;
  element("undo").disabled = !sketch.undoable;
  element("clear").disabled = sketch.empty;
  showPicture(sketch.picture);
  if (sketch.empty) forget();
  else want();
});
choice.addEventListener("change", want);
followPointer(element("paper"), sketch);
followKeyboard(element("paper"), sketch, paper, (text) => voice.say(text));
followShortcuts(sketch);
acceptPictures({
  input: element("file"),
  pad: element("pad"),
  sketch,
  refuse: (text) => notice.show("refused", text),
});
element("undo").addEventListener("click", () => sketch.undo());
element("clear").addEventListener("click", () => sketch.clear());
element("token").addEventListener("submit", (event) => {
  event.preventDefault();
  useToken(element("secret").value);
  element("secret").value = "";
  element("token").hidden = true;
  request();
});
setInterval(look, 1000 * LOOK_SECONDS);
document.addEventListener("visibilitychange", look);
request();

function want() {
  asked = !sketch.empty;
  showBusy();
  request();
}

function look() {
  if (document.hidden || !element("token").hidden) return;
  choice.stale = true;
  request();
}

function forget() {
  asked = false;
  showBusy();
  blank();
  if (notice.kind === "refused") notice.clear();
}

function showBusy() {
  element("strip").setAttribute("aria-busy", asked);
}

function blank() {
  answer.clear();
  chart.clear();
  voice.hush();
}

function showPicture(picture) {
  const image = element("picture");
  image.hidden = !picture;
  if (picture && image.src !== picture.url) image.src = picture.url;
}

/** Serve what is wanted; return the seconds after which to try again, or null. */
async function step() {
  try {
    if (choice.stale) await choice.load();
    if (notice.kind !== "refused") notice.clear();
    if (asked) await ask();
    return null;
  } catch (error) {
    if (!(error instanceof Trouble)) throw error;
    return meet(error);
  }
}

async function ask() {
  asked = false;
  const { subject } = sketch;
  try {
    const found = await classify(choice.model, choice.version, await sketch.file());
    const image = await decodeImage(found);
    if (subject !== sketch.subject) return;
    notice.clear();
    answer.show(found, image);
    chart.show(found.probabilities, { best: found.top[0].label, unsure: found.unsure });
    voice.sayWhenSettled(inWords(found));
  } catch (error) {
    const later = error instanceof Trouble && error.kind !== "refused";
    if (later) asked = !sketch.empty;
    else if (subject === sketch.subject) blank();
    throw error;
  } finally {
    showBusy();
  }
}

/** Say what went wrong; return the seconds after which to try again, or null. */
function meet({ kind, message, seconds }) {
  // What is refused about a picture stays to be read; the rest goes when the server answers again.
  notice.show(kind === "refused" && choice.stale ? "away" : kind, message);
  choice.stale ||= kind !== "busy"; // the version may be gone
  if (kind !== "token") return seconds;
  element("token").hidden = false;
  element("secret").focus();
  return null;
}
