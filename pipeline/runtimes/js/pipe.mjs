// The protocol with pipeline/runtimes/javascript.py: lines of JSON, each followed by bytes.

export function send(message, body = Buffer.alloc(0)) {
  process.stdout.write(Buffer.concat([Buffer.from(`${JSON.stringify(message)}\n`), body]));
}

/**
 * Respond to every request with `predict(request)`: { seconds, shape, type, body }.
 *
 * The process exits when its standard input is closed; its parent kills it if a run never returns.
 */
export function serve(predict) {
  let waiting = Buffer.alloc(0);
  let last = Promise.resolve();
  process.stdin.on("data", (chunk) => {
    waiting = Buffer.concat([waiting, chunk]);
    for (let request; (request = take()); ) {
      const current = request;
      last = last.then(() => reply(predict, current));
    }
  });
  process.stdin.on("end", () => process.exit(0));

  function take() {
    const end = waiting.indexOf("\n");
    if (end < 0) return null;
    const head = JSON.parse(waiting.subarray(0, end).toString());
    if (waiting.length < end + 1 + head.bytes) return null;
    const body = waiting.subarray(end + 1, end + 1 + head.bytes);
    waiting = waiting.subarray(end + 1 + head.bytes);
    return { ...head, body };
  }
}

async function reply(predict, request) {
  try {
    const { body, ...head } = await predict(request);
    send({ ...head, bytes: body.length }, body);
  } catch (error) {
    send({ error: String(error) });
  }
}
