// Wiring: sends drawings to the server and shows its predictions.

import { Prediction, decodeImage, inWords, isSingle } from "./prediction.js";
import { RequestError, classify, useToken } from "./api.js";
import { Boxes } from "./boxes.js";
import { Choice } from "./choice.js";
import { Why } from "./evidence.js";
import { Examples } from "./examples.js";
import { followKeyboard, followShortcuts } from "./keyboard.js";
import { live } from "./live.js";
import { Notice, Voice } from "./notices.js";
import { Paper } from "./paper.js";
import { acceptPictures } from "./picture.js";
import { followPointer } from "./pointer.js";
import { Program } from "./program.js";
import { Scores } from "./scores.js";
import { Sketch } from "./sketch.js";
import { SENT_PIXELS } from "./strokes.js";
import { adaptTexts, framing } from "./words.js";

const SMALL_PIXELS = 65; // enlarged, pictures below show their pixels
const POLL_SECONDS = 10; // for new versions, and to notice an unavailable server

const element = (id) => document.getElementById(id);
const sketch = new Sketch();
const paper = new Paper(element("paper"), sketch);
const scores = new Scores(element("scores"), {
  bars: element("bars"),
  balance: element("balance"),
  line: element("line"),
});
const prediction = new Prediction({
  canonical: element("canonical"),
  label: element("label"),
  probability: element("probability"),
  unsure: element("unsure"),
  source: element("source"),
});
const boxes = new Boxes(element("boxes"));
const choice = new Choice({
  models: element("model"),
  versions: element("version"),
  unavailable: element("unavailable"),
});
const why = new Why({
  details: element("why"),
  canvas: element("evidence"),
  reasons: element("reasons"),
});
const examples = new Examples(element("examples"), (picture) => sketch.place(picture));
const program = new Program({ code: element("curl"), copy: element("copy"), links: element("links") });
const notice = new Notice(element("notice"));
const voice = new Voice(element("spoken"));
const request = live(step);
let pending = false; // a prediction is wanted
let unshown = null; // the address of a picture that the browser cannot show

sketch.addEventListener("change", () => {
  element("invitation").hidden = !sketch.empty;
  element("undo").disabled = !sketch.undoable;
  element("clear").disabled = sketch.empty;
  showPicture(sketch.picture);
  if (sketch.empty) forget();
  else want();
});
choice.addEventListener("change", () => {
  adapt();
  want();
});
element("picture").addEventListener("load", ({ target }) =>
  target.classList.toggle("small", target.naturalWidth < SMALL_PIXELS));
element("picture").addEventListener("error", ({ target }) => {
  unshown = target.src;
  showPicture(sketch.picture);
});
followPointer(element("paper"), sketch);
followKeyboard(element("paper"), sketch, paper, (text) => voice.say(text));
followShortcuts(sketch);
acceptPictures({
  inputs: [element("file"), element("camera")],
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
setInterval(poll, 1000 * POLL_SECONDS);
document.addEventListener("visibilitychange", poll);
request();

function want() {
  pending = !sketch.empty;
  showBusy();
  request();
}

function adapt() {
  if (choice.model) program.show(choice.model, choice.version, choice.documents);
  element("give").setAttribute("aria-busy", !choice.task);
  if (!choice.task) return;
  const { task, pictures } = choice;
  adaptTexts(task, pictures);
  prediction.prepare(pictures);
  scores.prepare(task);
  if (!pictures.drawn && sketch.strokes.length) sketch.clear();
  if (sketch.empty) blank();
  examples.show(choice.model, choice.version);
}

function poll() {
  if (document.hidden || !element("token").hidden) return;
  choice.stale = true;
  request();
}

function forget() {
  pending = false;
  showBusy();
  blank();
  if (notice.kind === "refused") notice.clear();
}

function showBusy() {
  element("strip").setAttribute("aria-busy", pending);
}

function blank() {
  prediction.clear();
  boxes.clear();
  scores.clear();
  why.clear();
  voice.hush();
}

/** Show the picture, or say that the browser cannot: TIFF in most, or a damaged file. */
function showPicture(picture) {
  const image = element("picture");
  const cannot = picture?.url === unshown;
  image.hidden = !picture || cannot;
  element("unshown").hidden = !cannot;
  if (picture && image.src !== picture.url) image.src = picture.url;
}

/** Return the size of the picture that was sent; 0 if the browser cannot read it. */
async function sizeSent() {
  if (!sketch.picture) return { width: SENT_PIXELS, height: SENT_PIXELS };
  const image = element("picture");
  await image.decode().catch(() => {});
  return { width: image.naturalWidth, height: image.naturalHeight };
}

/** Load the models and predict, if necessary; return the seconds after which to retry, or null. */
async function step() {
  try {
    if (choice.stale) await choice.load();
    if (choice.stale) return null; // another model was chosen while it loaded, and requested
    if (notice.kind !== "refused") notice.clear();
    if (pending) await predict();
    return null;
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    return report(error);
  }
}

async function predict() {
  pending = false;
  const { subject } = sketch;
  try {
    const found = await classify(choice.model, choice.version, await sketch.file(framing(choice.pictures ?? {})));
    const [image, size] = [await decodeImage(found), await sizeSent()];
    if (subject !== sketch.subject) return;
    notice.clear();
    prediction.show(found, image);
    boxes.show(found, size);
    if (isSingle(found)) {
      scores.show(found);
      why.ask(found, image, choice.pictures?.channels ?? 1);
    } else {
      scores.clear();
      why.clear();
    }
    voice.sayWhenSettled(inWords(found));
  } catch (error) {
    const later = error instanceof RequestError && error.kind !== "refused";
    if (later) pending = !sketch.empty;
    else if (subject === sketch.subject) blank();
    throw error;
  } finally {
    showBusy();
  }
}

/** Show what went wrong; return the seconds after which to retry, or null. */
function report({ kind, message, seconds }) {
  // Why a picture was refused stays on the page; other notices go once the server responds again.
  notice.show(kind === "refused" && choice.stale ? "away" : kind, message);
  choice.stale ||= kind !== "busy"; // the version may be gone
  if (kind !== "token") return seconds;
  element("token").hidden = false;
  element("secret").focus();
  return null;
}
