// JSON-RPC messages as text: what they say is looked at, what they are passes verbatim.
//
// JavaScript's numbers lose digits beyond 2^53, so ids and arguments are read from the text itself.

export const PARSE_ERROR = -32700;
export const INVALID_REQUEST = -32600;
export const INTERNAL_ERROR = -32603;
export const HEADER_MISMATCH = -32020;

// A failure that becomes the answer to a request; `code` is the JSON-RPC code.
export class Failure extends Error {
  constructor(code, message, hint = "") {
    super(hint ? `${message}; ${hint}` : message);
    this.code = code;
  }
}

// Reads one line or body: a list of messages, and whether they came as a batch.
export function parse(bytes) {
  const text = bytes.toString("utf8");
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Failure(PARSE_ERROR, "the message is no JSON");
  }
  if (!Array.isArray(value)) return { isBatch: false, messages: [read(value, text, bytes)] };
  if (!value.length) throw new Failure(INVALID_REQUEST, "the batch is empty");
  const raws = elements(text);
  const messages = value.map((one, i) => read(one, raws[i], Buffer.from(raws[i])));
  return { isBatch: true, messages };
}

// One message. `id` is raw JSON, undefined when there is none or null; `key` is the same for all
// spellings of an id.
function read(value, text, raw) {
  if (typeof value !== "object" || value === null || Array.isArray(value) || value.jsonrpc !== "2.0")
    throw new Failure(INVALID_REQUEST, "the message is no JSON-RPC 2.0");
  const { id, method, params, result, error } = value;
  const isId = id === null || id === undefined || ["string", "number"].includes(typeof id);
  if (!isId || (method !== undefined && typeof method !== "string"))
    throw new Failure(INVALID_REQUEST, "the message has an id or method of another kind");
  const named = id === null || id === undefined ? undefined : rawId(id, text);
  const kept = typeof params === "object" && params !== null ? params : {};
  return { raw, text, id: named, key: keyOf(id, named), method, params: kept, result, error };
}

// An id as raw JSON; the text is only searched where JavaScript's number may not be the same.
function rawId(id, text) {
  return typeof id === "string" || Number.isSafeInteger(id) ? JSON.stringify(id) : members(text).get("id");
}

// The id as a key: text as it reads, a number by its digits.
export function keyOf(id, raw) {
  return typeof id === "string" ? `"${id}` : raw;
}

// The id of what is no message, as raw JSON, if it shows.
export function readableId(bytes) {
  const text = bytes.toString("utf8");
  try {
    const { id } = JSON.parse(text);
    if (["string", "number"].includes(typeof id)) return rawId(id, text);
  } catch {
    // It does not.
  }
  return "null";
}

export function errorText(id, code, message) {
  return rawErrorText(id, JSON.stringify({ code, message }));
}

export function rawErrorText(id, error) {
  return `{"jsonrpc":"2.0","id":${id},"error":${error}}`;
}

// The members of an object's text (valid JSON) as raw JSON by name; the last of a name counts.
export function members(text) {
  const found = new Map();
  for (const [start, end] of parts(text)) {
    const colon = endOfString(text, skipSpace(text, start));
    const name = JSON.parse(text.slice(start, colon));
    found.set(name, text.slice(text.indexOf(":", colon) + 1, end).trim());
  }
  return found;
}

// The elements of an array's text (valid JSON) as raw JSON.
export function elements(text) {
  return parts(text).map(([start, end]) => text.slice(start, end).trim());
}

// Where the parts between the outermost brackets begin and end.
function parts(text) {
  const found = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === '"') {
      i = endOfString(text, i) - 1;
    } else if (c === "{" || c === "[") {
      if (++depth === 1) start = i + 1;
    } else if (depth === 1 && (c === "," || c === "}" || c === "]")) {
      if (text.slice(start, i).trim()) found.push([start, i]);
      start = i + 1;
      if (c !== ",") depth--;
    } else if (c === "}" || c === "]") {
      depth--;
    }
  }
  return found;
}

function skipSpace(text, i) {
  while (" \t\r\n".includes(text[i])) i++;
  return i;
}

function endOfString(text, i) {
  for (i++; text[i] !== '"'; i++) if (text[i] === "\\") i++;
  return i + 1;
}
