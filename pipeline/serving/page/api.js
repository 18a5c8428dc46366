// Requests to the model server, and their errors.

const TIMEOUT_MILLISECONDS = 20_000;
const STORAGE_KEY = "dense-pipeline token"; // for this tab, so that a reload does not ask again

/** A failed request; `kind` is "away", "busy", "token" or "refused". */
export class RequestError extends Error {
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
    sessionStorage.setItem(STORAGE_KEY, secret);
  } catch {
    // Without storage, the token lives in memory only.
  }
}

export const listModels = async () => (await fetchJson("v1/models")).models;

export const describeModel = (name) => fetchJson(`v1/models/${encodeURIComponent(name)}`);

/** Return the path of a model; `version` may be "", for the server's default. */
export function pathOf(name, version) {
  const part = version && `/versions/${encodeURIComponent(version)}`;
  return `v1/models/${encodeURIComponent(name)}${part}`;
}

/** Whether the server requires a token, which links cannot send. */
export const usesToken = () => token !== "";

export function classify(name, version, picture) {
  const headers = { "Content-Type": picture.type };
  return fetchJson(`${pathOf(name, version)}:classify-image`, { method: "POST", body: picture, headers });
}

/** Explain the prediction for an image: nested lists of pixels, height × width × channels. */
export async function explain(name, version, image) {
  const body = JSON.stringify({ instances: [image] });
  const found = await fetchJson(`${pathOf(name, version)}:explain`, { method: "POST", body });
  return found.explanations[0];
}

/** Return example pictures as PNG in base64. */
export const listExamples = async (name, version) =>
  (await fetchJson(`${pathOf(name, version)}/examples`)).examples.map(({ b64 }) => b64);

async function fetchJson(path, { headers = {}, ...options } = {}) {
  const sent = token ? { ...headers, Authorization: `Bearer ${token}` } : headers;
  const signal = AbortSignal.timeout?.(TIMEOUT_MILLISECONDS);
  try {
    const response = await fetch(path, { ...options, headers: sent, signal, cache: "no-store" });
    const body = await response.text();
    if (response.ok) return JSON.parse(body);
    throw errorOf(response, body);
  } catch (error) {
    if (error instanceof RequestError) throw error;
    throw new RequestError("away", "The server is not responding. Retrying …");
  }
}

function errorOf({ status, headers }, body) {
  const message = messageIn(body);
  const seconds = Math.max(0.5, Number(headers.get("Retry-After")) || 2);
  if (status === 401) return new RequestError("token", token ? "The server did not accept this token." : "");
  if (status === 429) return new RequestError("busy", "The server is busy. Retrying …", seconds);
  if (status === 503 && headers.has("Retry-After")) {
    return new RequestError("busy", message ?? "The server is not ready. Retrying …", seconds);
  }
  // A proxy responds like this when it cannot reach the server.
  if (!message && status >= 502) return new RequestError("away", "The server is unavailable. Retrying …");
  return new RequestError("refused", message ?? `The server rejected the request with status ${status}.`);
}

function messageIn(body) {
  try {
    return JSON.parse(body).error || null;
  } catch {
    return null;
  }
}

function readToken() {
  try {
    return sessionStorage.getItem(STORAGE_KEY) ?? "";
  } catch {
    return "";
  }
}
