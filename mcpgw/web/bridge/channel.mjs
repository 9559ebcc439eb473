// HTTP to one workspace's URL: a request out, the messages of its answer in.
//
// A request is sent again only when no connection came about, so that it was surely not executed.
// No redirect is followed and no proxy used: the token goes to that URL only.

import http from "node:http";
import https from "node:https";

import { Events, TooLarge } from "./events.mjs";
import { Failure, INTERNAL_ERROR, parse } from "./message.mjs";

export const EVENT_STREAM = "text/event-stream";
export const PATIENCE_MS = 10_000; // how long a request waits for a gateway that is being restarted
export const FIRST_PAUSE_MS = 100; // between attempts; each pause is twice the one before
export const LONGEST_PAUSE_MS = 2_000;

const CONNECT_MS = 10_000;
const SILENCE_MS = 120_000; // the gateway writes a comment every 15 s
const DRAIN_MS = 1_000; // how long a stream may take to end after its answer
const IDLE_MS = 10_000; // the gateway closes a connection that idles for 15 s

const UNAUTHENTICATED = -31009;
const FORBIDDEN = -31010;
const UPSTREAM = -31012;
const TIMEOUT = -31013;

const UNKNOWN = "try again; whether the request took effect is unknown";

// There is no connection, or it ended before the answer did.
export class Broken extends Failure {}

// Waits, or until `signal` is aborted.
export function pause(ms, signal) {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener("abort", end);
    if (signal?.aborted) end();
  });
}

// The answer to one HTTP request, while it comes.
export class Answer {
  constructor(response, channel) {
    const kind = (response.headers["content-type"] ?? "").split(";")[0].trim().toLowerCase();
    const session = response.headers["mcp-session-id"];
    this.status = response.statusCode;
    this.sessionId = /^[\x21-\x7e]+$/.test(session ?? "") ? session : undefined;
    this.isStream = kind === EVENT_STREAM && this.status === 200;
    this.response = response;
    this.channel = channel;
    this.events = new Events(channel.limit);
    this.body = Buffer.alloc(0);
    this.isOver = false;
  }

  get lastEventId() {
    return this.events.lastId;
  }

  get retryMs() {
    return Math.min(this.events.retryMs ?? FIRST_PAUSE_MS, LONGEST_PAUSE_MS);
  }

  // Nothing more is wanted: what still comes within a moment is read, so that the connection keeps.
  finish() {
    this.isOver = true;
    this.timer = setTimeout(() => this.response.destroy(), DRAIN_MS);
  }

  // Every message; what is none is left out.
  async *messages() {
    try {
      if (!this.isStream) {
        yield* this.whole();
        return;
      }
      this.response.setEncoding("latin1");
      for await (const chunk of this.response) {
        if (this.isOver) continue;
        for (const data of this.events.feed(chunk)) yield* messagesOf(Buffer.from(data, "latin1"));
      }
    } catch (error) {
      if (this.isOver) return;
      if (error instanceof TooLarge) throw this.tooLarge();
      throw this.channel.explained(error);
    } finally {
      clearTimeout(this.timer);
    }
  }

  async *whole() {
    const pieces = [];
    let size = 0;
    for await (const piece of this.response) {
      pieces.push(piece);
      size += piece.length;
      if (size > this.channel.limit) throw new TooLarge();
    }
    this.body = Buffer.concat(pieces);
    yield* messagesOf(this.body);
  }

  tooLarge() {
    return new Failure(
      INTERNAL_ERROR,
      `the answer is larger than ${this.channel.limit} bytes`,
      "raise MCPGW_MAX_MESSAGE",
    );
  }

  // The failure of an answer that answers nothing.
  refusal() {
    const said = this.said();
    if (this.status === 401)
      return new Failure(
        UNAUTHENTICATED,
        "the gateway refuses the token",
        "issue one with mcpgw token issue, and set MCPGW_TOKEN",
      );
    if (this.status === 403) return new Failure(FORBIDDEN, said.message || "the gateway refuses this", said.hint);
    if (this.isStream) return new Broken(UPSTREAM, "the gateway ended its answer without a result", UNKNOWN);
    if (this.status < 400 || this.status === 404)
      return new Failure(
        UPSTREAM,
        `no gateway answers at ${this.channel.url.href}`,
        "check the URL, it ends in /ws/WORKSPACE",
      );
    const message = said.message || `the gateway answered with HTTP status ${this.status}`;
    return new Failure(UPSTREAM, message, said.hint || "see the log of mcpgw serve");
  }

  said() {
    try {
      const { message, hint } = JSON.parse(this.body.toString("utf8"));
      return { message: String(message ?? ""), hint: String(hint ?? "") };
    } catch {
      return { message: "", hint: "" };
    }
  }
}

function* messagesOf(bytes) {
  if (!bytes.length) return;
  try {
    yield* parse(bytes).messages;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
  }
}

// The way to one URL. `say` tells the person, once, when the gateway goes away and when it is back.
export class Channel {
  constructor(url, token, limit, version, say) {
    this.url = url;
    this.limit = limit;
    this.say = say;
    this.isLost = false;
    this.client = url.protocol === "https:" ? https : http;
    this.agent = new this.client.Agent({ keepAlive: true, maxSockets: Infinity, timeout: IDLE_MS });
    this.headers = {
      Authorization: `Bearer ${token}`,
      Accept: `application/json, ${EVENT_STREAM}`,
      "Accept-Encoding": "identity",
      "Content-Type": "application/json",
      "User-Agent": `mcpgw-bridge-npx/${version}`,
    };
  }

  // Sends a request and returns its answer; aborting `signal` takes the request back.
  async open(verb, headers, body, { signal, patienceMs = PATIENCE_MS } = {}) {
    const deadline = Date.now() + patienceMs;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      signal?.throwIfAborted();
      try {
        const answer = new Answer(await this.send(verb, headers, body, signal), this);
        if ([401, 403].includes(answer.status)) this.lost("the gateway refuses the token");
        else this.back();
        return answer;
      } catch (error) {
        if (!error.isUnsent) throw this.explained(error);
        this.lost(this.explained(error).message.split(";")[0]);
        if (Date.now() + pauseMs > deadline) throw this.explained(error);
      }
      await pause(pauseMs, signal);
    }
  }

  // Posts a request of our own; returns its result and the answer it came in.
  async ask(headers, body, options) {
    const answer = await this.open("POST", headers, body, options);
    let found;
    for await (const message of answer.messages()) {
      if (message.error !== undefined)
        throw new Failure(UPSTREAM, "the gateway answers the bridge itself with an error");
      if (message.result === undefined || found) continue;
      found = message.result;
      answer.finish();
    }
    if (found === undefined) throw answer.refusal();
    return { answer, result: found };
  }

  send(verb, headers, body, signal) {
    return new Promise((resolve, reject) => {
      let isConnected = false;
      const request = this.client.request(this.url, {
        method: verb,
        agent: this.agent,
        headers: { ...this.headers, ...headers },
        signal,
      });
      const giveUp = setTimeout(() => request.destroy(silent()), CONNECT_MS);
      const connected = () => {
        isConnected = true;
        clearTimeout(giveUp);
      };
      request.on("socket", (socket) => {
        if (!socket.connecting) connected();
        else socket.once(this.client === https ? "secureConnect" : "connect", connected);
      });
      request.setTimeout(SILENCE_MS, () => request.destroy(silent()));
      request.on("response", resolve);
      request.on("error", (error) => {
        clearTimeout(giveUp);
        const isUntrusted = /^(ERR_TLS|ERR_SSL|CERT_|UNABLE_TO|SELF_SIGNED|DEPTH_ZERO)/.test(error.code ?? "");
        error.isUntrusted = isUntrusted;
        error.isUnsent = !isConnected && !isUntrusted && !signal?.aborted;
        reject(error);
      });
      request.end(body);
    });
  }

  explained(error) {
    const { href } = this.url;
    if (error instanceof Failure || error.name === "AbortError") return error;
    if (error.isUntrusted)
      return new Failure(
        UPSTREAM,
        `the certificate of ${href} is not trusted`,
        "name a file with its authority in NODE_EXTRA_CA_CERTS",
      );
    if (error.isUnsent)
      return new Broken(
        UPSTREAM,
        `the gateway at ${href} cannot be reached`,
        "start it with mcpgw serve, or check the URL",
      );
    if (error.isSilence) return new Broken(TIMEOUT, `the gateway at ${href} does not answer`, UNKNOWN);
    return new Broken(UPSTREAM, "the connection to the gateway broke", UNKNOWN);
  }

  lost(how) {
    if (!this.isLost) this.say(how);
    this.isLost = true;
  }

  back() {
    if (this.isLost) this.say("the gateway is back");
    this.isLost = false;
  }
}

function silent() {
  return Object.assign(new Error("silence"), { isSilence: true });
}
