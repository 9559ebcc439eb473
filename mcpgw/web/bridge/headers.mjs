// The headers by which a modern request is routed: they repeat what its body says. Which arguments
// travel in headers stands in the tools' schemas. Source: MCP 2026-07-28, basic/transports.

import { members } from "./message.mjs";

export const LEGACY_VERSIONS = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];
export const META_VERSION = "io.modelcontextprotocol/protocolVersion";

const NAME_BEARING = { "tools/call": "name", "prompts/get": "name", "resources/read": "uri" };
const SUBSCHEMA = new Set(
  ("additionalProperties contains contentSchema else if items not propertyNames then " +
    "unevaluatedItems unevaluatedProperties").split(" "),
);
const SUBSCHEMA_LIST = new Set(["allOf", "anyOf", "oneOf", "prefixItems"]);
const SUBSCHEMA_MAP = new Set(["$defs", "definitions", "dependentSchemas", "patternProperties"]);
const KEYWORD = "x-mcp-header";

// `params._meta` of a modern message, undefined when the message is legacy.
export function modernMeta(message) {
  const meta = message.params._meta;
  const claim = typeof meta === "object" && meta !== null ? meta[META_VERSION] : undefined;
  return claim === undefined || LEGACY_VERSIONS.includes(claim) ? undefined : meta;
}

// `value` as a header can carry it, in base64 where plain text would not survive.
export function encode(value) {
  const isEncoded = value.startsWith("=?base64?") && value.endsWith("?=") && value.length >= 11;
  if (/^[\x20-\x7e]*$/.test(value) && value === value.trim() && !isEncoded) return value;
  return `=?base64?${Buffer.from(value).toString("base64")}?=`;
}

// The schemas of the tools that want arguments in headers.
export class ToolSchemas {
  constructor() {
    this.schemas = new Map();
  }

  // Takes note of the result of a `tools/list`.
  learn(result) {
    if (!Array.isArray(result?.tools)) return;
    for (const tool of result.tools) {
      if (typeof tool?.name !== "string") continue;
      const wanted = headerParameters(tool.inputSchema);
      if (wanted.length) this.schemas.set(tool.name, wanted);
      else this.schemas.delete(tool.name);
    }
  }

  // The routing headers of a modern request.
  headers(method, message, meta) {
    const headers = { "Mcp-Method": encode(method) };
    if (typeof meta[META_VERSION] === "string") headers["MCP-Protocol-Version"] = encode(meta[META_VERSION]);
    const name = message?.params[NAME_BEARING[method]];
    if (typeof name !== "string") return headers;
    headers["Mcp-Name"] = encode(name);
    if (method !== "tools/call") return headers;
    for (const { path, header, isInteger } of this.schemas.get(name) ?? []) {
      const value = argumentText(message.text, ["params", "arguments", ...path], isInteger);
      if (value !== undefined) headers[`Mcp-Param-${header}`] = encode(value);
    }
    return headers;
  }
}

// An argument's value as its header says it, undefined when there is nothing to say.
function argumentText(text, path, isInteger) {
  for (const name of path) {
    if (text === undefined || text[0] !== "{") return undefined;
    text = members(text).get(name);
  }
  if (text === undefined || text === "null" || text[0] === "{" || text[0] === "[") return undefined;
  if (text[0] === '"') return JSON.parse(text);
  return isInteger ? integral(text) : text;
}

// A whole number in its shortest form (`42.0` is `42`), anything else unchanged.
function integral(number) {
  const found = /^(-?)0*(\d+?)(?:\.0*)?$/.exec(number);
  if (!found) return number;
  return found[2] === "0" ? "0" : found[1] + found[2];
}

// The arguments that a tool wants in headers, none when its marks break the rules.
function headerParameters(schema) {
  const found = new Map();
  const waiting = [[[], schema]];
  while (waiting.length) {
    const [path, position] = waiting.pop();
    if (typeof position !== "object" || position === null || Array.isArray(position)) continue;
    if (KEYWORD in position) {
      const { [KEYWORD]: header, type } = position;
      const isToken = typeof header === "string" && /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(header);
      const isKind = ["string", "integer", "boolean"].includes(type);
      if (!path?.length || !isToken || !isKind || found.has(header.toLowerCase())) return [];
      found.set(header.toLowerCase(), { path, header, isInteger: type === "integer" });
    }
    for (const [keyword, value] of Object.entries(position)) {
      const isMap = typeof value === "object" && value !== null && !Array.isArray(value);
      if (keyword === "properties" && isMap)
        for (const [name, one] of Object.entries(value)) waiting.push([path && [...path, name], one]);
      else if (SUBSCHEMA.has(keyword)) waiting.push([undefined, value]);
      else if (SUBSCHEMA_LIST.has(keyword) && Array.isArray(value))
        for (const one of value) waiting.push([undefined, one]);
      else if (SUBSCHEMA_MAP.has(keyword) && isMap)
        for (const one of Object.values(value)) waiting.push([undefined, one]);
    }
  }
  return [...found.values()];
}
