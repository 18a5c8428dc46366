// Requests to the model server, and what can go wrong with them.

const PATIENCE_MILLISECONDS = 20_000;
const STORED = "dense-pipeline token"; // for this tab only, so that a reload does not ask again

/** A request without an answer; `kind` is "away", "busy", "token" or "refused". */
export class Trouble extends Error {
  constructor(kind, message, seconds = 2) {
    super(message);
    this.kind = kind;
    this.seconds = seconds; // after which to try again
  }
}

let token = readToken();

export function useToken(secret) {
  token = secret;
  try {
    sessionStorage.setItem(STORED, secret);
  } catch {
    // A browser that stores nothing keeps it in memory.
  }
}

export const listModels = async () => (await ask("v1/models")).models;

export const describeModel = (name) => ask(`v1/models/${encodeURIComponent(name)}`);

/** Ask a model; `version` may be "", which is the server's choice. */
export function classify(name, version, picture) {
  const part = version && `/versions/${encodeURIComponent(version)}`;
  const path = `v1/models/${encodeURIComponent(name)}${part}:classify-image`;
  return ask(path, { method: "POST", body: picture, headers: { "Content-Type": picture.type } });
}

async function ask(path, { headers = {}, ...options } = {}) {
  const sent = token ? { ...headers, Authorization: `Bearer ${token}` } : headers;
  const signal = AbortSignal.timeout?.(PATIENCE_MILLISECONDS);
  try {
    const response = await fetch(path, { ...options, headers: sent, signal, cache: "no-store" });
    const body = await response.text();
    if (response.ok) return JSON.parse(body);
    throw troubleOf(response, body);
  } catch (error) {
    if (error instanceof Trouble) throw error;
    throw new Trouble("away", "The server does not answer. Trying again …");
  }
}

function troubleOf({ status, headers }, body) {
  const words = sentenceIn(body);
  const seconds = Math.max(0.5, Number(headers.get("Retry-After")) || 2);
  if (status === 401) return new Trouble("token", token ? "The server did not accept this token." : "");
  if (status === 429) return new Trouble("busy", "The server is busy. Trying again …", seconds);
  if (status === 503 && headers.has("Retry-After")) {
    return new Trouble("busy", words ?? "The server is not ready. Trying again …", seconds);
  }
  // A proxy in between answers so when there is no server behind it.
  if (!words && status >= 502) return new Trouble("away", "The server is away. Trying again …");
  return new Trouble("refused", words ?? `The server refused this with status ${status}.`);
}

function sentenceIn(body) {
  try {
    return JSON.parse(body).error || null;
  } catch {
    return null;
  }
}

function readToken() {
  try {
    return sessionStorage.getItem(STORED) ?? "";
  } catch {
    return "";
  }
}
