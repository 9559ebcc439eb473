#!/usr/bin/env node
// MCP on stdin and stdout, forwarded to a workspace of an mcpgw gateway: what npx starts for
//
//     {"command": "npx", "args": ["-y", "https://gateway.example.com/ws/team"]}
//
// The URL is the one that npm fetched this package from; the token is in MCPGW_TOKEN, never in the
// arguments. Ends when stdin does, when nobody reads stdout, when the parent is gone, and by signal.

import { readFileSync } from "node:fs";

import { Channel } from "./channel.mjs";
import { lines } from "./events.mjs";
import { Relay } from "./relay.mjs";

const NAME = "mcpgw-bridge";
const MAX_MESSAGE_BYTES = 16 << 20;
const LAST_ANSWERS_MS = 5_000; // how long answers under way are waited for after the last request
const PARENT_CHECK_MS = 500;

const say = (text) => process.stderr.write(`mcpgw bridge: ${text}\n`);

function json(path) {
  try {
    return JSON.parse(readFileSync(new URL(path, import.meta.url), "utf8"));
  } catch {
    return {};
  }
}

// Where npm says that it got this package from: its lock beside us, else what npx was asked for.
function ownSource() {
  const { packages } = json("../.package-lock.json");
  const { dependencies } = json("../../package.json");
  return packages?.[`node_modules/${NAME}`]?.resolved ?? dependencies?.[NAME];
}

function readUrl(text) {
  let url;
  try {
    url = new URL(text);
  } catch {
    return undefined;
  }
  const isClean = !url.username && !url.password && !url.search && !url.hash;
  if (!["http:", "https:"].includes(url.protocol) || !isClean || url.pathname === "/") return undefined;
  url.pathname = url.pathname.replace(/\/+$/, "");
  return url;
}

function refuse(exitCode, problem, hint) {
  process.stderr.write(`error: ${problem}\nhint: ${hint}\n`);
  process.exit(exitCode);
}

function main() {
  const url = readUrl(process.argv[2] ?? ownSource() ?? process.env.MCPGW_URL ?? "");
  if (!url)
    refuse(2, "the workspace's URL is missing, or no URL of one", "npx -y https://gateway.example.com/ws/team");
  const token = (process.env.MCPGW_TOKEN ?? "").trim();
  if (!/^[\x21-\x7e]+$/.test(token))
    refuse(4, "MCPGW_TOKEN is not set, or no token", "put it into the env block of the client's configuration");
  const isLoopback = /^(localhost|127\.[0-9.]+|\[::1\])$/.test(url.hostname);
  if (url.protocol === "http:" && !isLoopback)
    say(`WARNING: plain HTTP to ${url.hostname}: the token crosses the network readable`);
  run(url, token, Number(process.env.MCPGW_MAX_MESSAGE) || MAX_MESSAGE_BYTES);
}

function run(url, token, limit) {
  const channel = new Channel(url, token, limit, json("./package.json").version, say);
  const relay = new Relay(channel, write);
  let isEnding = false;
  const end = async () => {
    if (isEnding) return;
    isEnding = true;
    relay.stop();
    await relay.end();
    process.stdout.write("", () => process.exit(0));
  };
  const parent = process.ppid;
  setInterval(() => process.ppid === parent || end(), PARENT_CHECK_MS).unref();
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"]) process.on(signal, end);
  process.stdout.on("error", end);
  forward(relay, limit).then(end, end);
}

async function forward(relay, limit) {
  for await (const line of lines(process.stdin, limit)) await relay.take(line);
  await relay.finish(LAST_ANSWERS_MS);
}

// Writes a message as one line; waits while the reader is far behind. A break in JSON stands
// between values, never inside one.
function write(message) {
  let bytes = Buffer.isBuffer(message) ? message : Buffer.from(message);
  if (bytes.includes(10) || bytes.includes(13))
    bytes = Buffer.from(bytes.map((byte) => (byte === 10 || byte === 13 ? 32 : byte)));
  const hasRoom = process.stdout.write(Buffer.concat([bytes, Buffer.from("\n")]));
  return hasRoom ? undefined : new Promise((resolve) => process.stdout.once("drain", resolve));
}

main();
