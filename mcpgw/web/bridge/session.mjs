// A legacy client's session: its headers, its GET stream, its renewal, its end.
//
// When the gateway has forgotten the session it is opened anew with what the client said at first;
// the client notices nothing.

import { EVENT_STREAM, FIRST_PAUSE_MS, LONGEST_PAUSE_MS, pause } from "./channel.mjs";
import { encode } from "./headers.mjs";
import { Failure } from "./message.mjs";

const ASSUMED = "2025-03-26";
const END_MS = 1_000; // how long the gateway may take to hear that the session is over
const LATER = new Set([409, 425, 429, 500, 502, 503, 504]); // statuses after which another GET may do

// What was agreed on. A server without sessions gives no `id`.
export class Session {
  constructor(id, version) {
    this.id = id;
    this.version = version;
  }

  headers() {
    const headers = {};
    if (this.id !== undefined) headers["Mcp-Session-Id"] = this.id;
    const isOld = ["2024-11-05", "2025-03-26"].includes(this.version);
    if (!isOld) headers["MCP-Protocol-Version"] = encode(this.version);
    return headers;
  }
}

export class LegacySession {
  // `deliver` takes a message of the GET stream.
  constructor(channel, deliver) {
    this.channel = channel;
    this.deliver = deliver;
    this.current = undefined;
    this.initialize = undefined;
    this.renewing = undefined;
    this.listening = new AbortController();
  }

  // Speaks in that session from now on; `initialize` is the request that opened it.
  begin(initialize, id, result) {
    const version = typeof result?.protocolVersion === "string" ? result.protocolVersion : ASSUMED;
    this.initialize = initialize;
    this.current = new Session(id, version);
    return this.current;
  }

  // Opens the stream of what belongs to no request, instead of the one before.
  listen() {
    this.stop();
    this.listening = new AbortController();
    if (this.current) this.follow(this.current, this.listening.signal).catch(() => {});
  }

  stop() {
    this.listening.abort();
  }

  // A session in place of `lost`, made once for everybody who misses it.
  async renew(lost) {
    while (this.renewing) await this.renewing.catch(() => {});
    if (this.current && this.current !== lost) return this.current;
    this.renewing = this.reopen();
    try {
      return await this.renewing;
    } finally {
      this.renewing = undefined;
    }
  }

  async reopen() {
    const { answer, result } = await this.channel.ask({}, this.initialize);
    const session = this.begin(this.initialize, answer.sessionId, result);
    const body = '{"jsonrpc":"2.0","method":"notifications/initialized","params":{}}';
    (await this.channel.open("POST", session.headers(), body)).response.resume();
    this.listen();
    return session;
  }

  // Tells the gateway that the session is over.
  async end() {
    if (this.current?.id === undefined) return;
    const options = { signal: AbortSignal.timeout(END_MS), patienceMs: 0 };
    try {
      const answer = await this.channel.open("DELETE", this.current.headers(), undefined, options);
      answer.response.resume();
    } catch {
      // The gateway forgets the session by itself.
    }
  }

  // Follows the stream for as long as the session lasts; its end is no end.
  async follow(session, signal) {
    const headers = { ...session.headers(), Accept: EVENT_STREAM };
    const options = { signal, patienceMs: 0 };
    for (let pauseMs = FIRST_PAUSE_MS; !signal.aborted; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      let answer;
      try {
        answer = await this.channel.open("GET", headers, undefined, options);
        if (answer.status === 404) {
          answer.response.resume();
          await this.renew(session);
          return;
        }
        if (!answer.isStream) answer.response.resume();
        if (!answer.isStream && !LATER.has(answer.status)) return; // It offers none, or not to us.
        if (answer.isStream)
          for await (const message of answer.messages()) {
            pauseMs = FIRST_PAUSE_MS;
            await this.deliver(message);
          }
      } catch (error) {
        if (!(error instanceof Failure)) throw error; // It went away, and may come back.
      }
      if (answer?.lastEventId !== undefined) headers["Last-Event-ID"] = encode(answer.lastEventId);
      await pause(pauseMs, signal);
    }
  }
}
