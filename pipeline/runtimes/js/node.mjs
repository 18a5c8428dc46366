// onnxruntime in Node.js: node node.mjs MODEL.onnx; requests on standard input (pipe.mjs).
import { require } from "./packages.mjs";
import { send, serve } from "./pipe.mjs";
import { open } from "./session.mjs";

const ort = require("onnxruntime-node");

try {
  const { description, predict } = await open(ort, process.argv[2]);
  send({ ...description, processes: [process.pid] });
  serve(predict);
} catch (error) {
  send({ error: String(error) });
  process.exitCode = 1;
}
