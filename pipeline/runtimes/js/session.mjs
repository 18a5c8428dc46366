// An ONNX file in either build of onnxruntime: `ort` is onnxruntime-node or onnxruntime-web.

/** Return { description, predict } for a model; `predict` runs a request. */
export async function open(ort, model) {
  const started = performance.now();
  const opened = new Map();
  const session = async (threads) => {
    if (!opened.has(threads)) {
      const options = { intraOpNumThreads: threads, logSeverityLevel: 4 };
      opened.set(threads, await ort.InferenceSession.create(model, options));
    }
    return opened.get(threads);
  };
  const { inputMetadata, outputMetadata } = await session(1);
  const description = {
    inputs: inputMetadata,
    outputs: outputMetadata,
    load_seconds: (performance.now() - started) / 1000,
  };
  const predict = async (request) => run(ort, await session(request.threads), request);
  return { description, predict };
}

async function run(ort, session, request) {
  const [input] = session.inputNames;
  const [output] = session.outputNames;
  const image = new ort.Tensor("uint8", new Uint8Array(request.body), request.shape);
  const seconds = [];
  const end = performance.now() + 1000 * request.budget_seconds;
  let result;
  do {
    const started = performance.now();
    result = (await session.run({ [input]: image }))[output];
    seconds.push((performance.now() - started) / 1000);
  } while (seconds.length < request.calls && performance.now() < end);
  const { data, dims, type } = result;
  return { seconds, shape: dims, type, body: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) };
}
