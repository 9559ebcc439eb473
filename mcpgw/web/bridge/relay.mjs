// What becomes of each message of the client, told apart one by one.
//
// A modern request is a POST of its own; its cancellation closes the stream. Everything else belongs
// to the legacy session. Every request gets exactly one answer, an error if need be, or none when
// the client took it back. Nothing is sent twice but what was surely not executed, and `initialize`.

import {
  Broken,
  EVENT_STREAM,
  FIRST_PAUSE_MS,
  LONGEST_PAUSE_MS,
  PATIENCE_MS,
  pause,
} from "./channel.mjs";
import { encode, modernMeta, ToolSchemas } from "./headers.mjs";
import {
  errorText,
  Failure,
  HEADER_MISMATCH,
  INTERNAL_ERROR,
  INVALID_REQUEST,
  keyOf,
  members,
  parse,
  rawErrorText,
  readableId,
} from "./message.mjs";
import { LegacySession } from "./session.mjs";

const ACKNOWLEDGED = "notifications/subscriptions/acknowledged";
const CANCELLED = "notifications/cancelled";
const INITIALIZED = "notifications/initialized";
const MAX_PAGES = 100; // of a list of tools
const MAX_RESUMES = 5; // how often in a row an answer is asked for again that says nothing new
const OWN_ID = '"mcpgw-bridge"'; // of the requests that the bridge makes itself

class HeadersRefused extends Error {}
class SessionGone extends Failure {}

export class Relay {
  // `write` takes the bytes or text of one message for the client.
  constructor(channel, write) {
    this.channel = channel;
    this.write = write;
    this.session = new LegacySession(channel, (message) => this.passOn(message));
    this.schemas = new ToolSchemas();
    this.errands = new Set(); // promises of work that has an end
    this.stopping = new AbortController();
    this.inFlight = new Map(); // exchanges by the keys of their requests
  }

  // Acts on a line; what takes long goes on in the background.
  async take(line) {
    if (line.tooLong !== undefined) {
      const problem = "the message is too large; raise MCPGW_MAX_MESSAGE";
      return this.write(errorText(line.tooLong, INVALID_REQUEST, problem));
    }
    const body = trimmed(line);
    if (!body.length) return undefined;
    let messages;
    try {
      ({ messages } = parse(body));
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      return this.write(errorText(readableId(body), error.code, error.message));
    }
    if (messages.some((one) => one.method !== undefined && one.id !== undefined)) {
      this.start(body, messages);
    } else if (messages[0].method === INITIALIZED) {
      await this.tell(body); // The one order that matters: no request may overtake it.
      this.session.listen();
    } else if (messages[0].method !== CANCELLED || !this.takeBack(messages[0])) {
      this.errand(this.tell(body));
    }
    return undefined;
  }

  // Waits for the answers that are under way, but not longer than that.
  async finish(patienceMs) {
    await Promise.race([Promise.all(this.errands), pause(patienceMs, this.stopping.signal)]);
  }

  // Ends all that is under way; over modern HTTP that takes the requests back.
  stop() {
    this.stopping.abort();
    for (const exchange of this.inFlight.values()) exchange.abort.abort();
    this.session.stop();
  }

  async end() {
    await this.session.end();
  }

  errand(work) {
    const done = work.catch(() => {}).finally(() => this.errands.delete(done));
    this.errands.add(done);
  }

  // Sends a request, or a batch of the revision that had them.
  start(body, messages) {
    const [first] = messages;
    const meta = messages.length === 1 ? modernMeta(first) : undefined;
    const isModern = meta !== undefined;
    const requests = messages.filter((one) => one.method !== undefined && one.id !== undefined);
    const exchange = {
      method: first.method,
      isModern,
      waiting: new Map(requests.map((one) => [one.key, one.id])), // raw ids by key
      canLearn: isModern && first.method === "tools/call",
      hasBegun: false, // whether anything came for the client
      unnamed: undefined, // an error that named no id
      abort: new AbortController(),
    };
    const keys = [...exchange.waiting.keys()];
    for (const key of keys) this.inFlight.set(key, exchange);
    const isListening = isModern && first.method === "subscriptions/listen";
    const work = isListening
      ? () => this.listen(body, this.schemas.headers(first.method, first, meta), exchange)
      : isModern
        ? () => this.modern(body, first, meta, exchange)
        : () => this.legacy(body, exchange);
    const done = this.seeThrough(exchange, work).finally(() => {
      for (const key of keys) if (this.inFlight.get(key) === exchange) this.inFlight.delete(key);
    });
    if (isListening) done.catch(() => {});
    else this.errand(done);
  }

  // Lets every request that `work` leaves waiting have an error for its answer.
  async seeThrough(exchange, work) {
    try {
      await work();
    } catch (error) {
      if (exchange.abort.signal.aborted) return;
      const failure = error instanceof Failure ? error : new Failure(INTERNAL_ERROR, "internal error of the bridge");
      for (const id of exchange.waiting.values()) await this.write(errorText(id, failure.code, failure.message));
    }
  }

  // Drops what the client no longer wants; says whether nobody else need be told.
  takeBack(message) {
    const { requestId } = message.params;
    const raw = members(members(message.text).get("params") ?? "{}").get("requestId");
    const key = keyOf(requestId, raw);
    const exchange = this.inFlight.get(key);
    if (!exchange) return false;
    exchange.waiting.delete(key);
    if (exchange.isModern) exchange.abort.abort();
    return exchange.isModern;
  }

  // Posts what has no answer. Without a session nobody could act on it.
  async tell(body) {
    const session = this.session.current;
    if (!session) return;
    try {
      const options = { signal: this.stopping.signal };
      (await this.channel.open("POST", session.headers(), body, options)).response.resume();
    } catch {
      // Nothing can be answered to it.
    }
  }

  async legacy(body, exchange) {
    const session = this.session.current;
    if (exchange.method === "initialize" || !session) {
      const answer = await this.channel.open("POST", {}, body, { signal: exchange.abort.signal });
      await this.read(answer, exchange, body);
      return;
    }
    try {
      await this.post(body, session, exchange);
    } catch (error) {
      if (!(error instanceof SessionGone)) throw error;
      await this.post(body, await this.session.renew(session), exchange);
    }
  }

  // Sends a request in the session, and comes back to its answer when that breaks off.
  async post(body, session, exchange) {
    let answer;
    try {
      answer = await this.channel.open("POST", session.headers(), body, { signal: exchange.abort.signal });
      if (answer.status === 404 && session.id !== undefined) {
        answer.response.resume();
        throw new SessionGone(-31012, "the gateway does not know the session", "connect again");
      }
      await this.read(answer, exchange);
    } catch (error) {
      if (!(error instanceof Broken) || answer?.lastEventId === undefined) throw error;
      await this.resume(session, answer, exchange, error);
    }
  }

  // Asks for the rest of an answer; throws `error` when it cannot be had.
  async resume(session, broken, exchange, error) {
    const { signal } = exchange.abort;
    const { retryMs } = broken;
    let eventId = broken.lastEventId;
    for (let attempts = 0; attempts < MAX_RESUMES; ) {
      await pause(retryMs, signal);
      attempts++;
      const headers = { ...session.headers(), Accept: EVENT_STREAM, "Last-Event-ID": encode(eventId) };
      let answer;
      try {
        answer = await this.channel.open("GET", headers, undefined, { signal });
        if (!answer.isStream) {
          answer.response.resume();
          break;
        }
        await this.read(answer, exchange);
        return;
      } catch (again) {
        if (!(again instanceof Broken)) throw again;
      }
      if (answer?.lastEventId !== undefined && answer.lastEventId !== eventId) {
        eventId = answer.lastEventId;
        attempts = 0;
      }
    }
    throw error;
  }

  async modern(body, message, meta, exchange) {
    const { signal } = exchange.abort;
    for (let attempt = 0; attempt < 2; attempt++) {
      const headers = this.schemas.headers(exchange.method, message, meta);
      try {
        await this.read(await this.channel.open("POST", headers, body, { signal }), exchange);
        return;
      } catch (error) {
        if (!(error instanceof HeadersRefused)) throw error;
        exchange.canLearn = false;
        await this.learn(message, meta, signal);
      }
    }
  }

  // Asks for the tools, to learn which of their arguments travel in headers.
  async learn(message, meta, signal) {
    const headers = this.schemas.headers("tools/list", undefined, meta);
    const own = members(members(members(message.text).get("params")).get("_meta"));
    own.delete("progressToken");
    const said = [...own].map(([name, raw]) => `${JSON.stringify(name)}:${raw}`).join(",");
    try {
      for (let page = 0, cursor; page < MAX_PAGES; page++) {
        const more = cursor === undefined ? "" : `,"cursor":${JSON.stringify(cursor)}`;
        const params = `{"_meta":{${said}}${more}}`;
        const body = `{"jsonrpc":"2.0","id":${OWN_ID},"method":"tools/list","params":${params}}`;
        const { result } = await this.channel.ask(headers, body, { signal });
        this.schemas.learn(result);
        cursor = result?.nextCursor;
        if (typeof cursor !== "string") return;
      }
    } catch (error) {
      if (!(error instanceof Failure)) throw error; // Refused once more: that is the answer then.
    }
  }

  // Keeps a subscription: once acknowledged it outlives the gateway's absence.
  async listen(body, headers, exchange) {
    const { signal } = exchange.abort;
    let patienceMs = PATIENCE_MS;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      try {
        await this.read(await this.channel.open("POST", headers, body, { signal, patienceMs }), exchange);
        return;
      } catch (error) {
        if (!(error instanceof Broken) || !exchange.hasBegun) throw error;
      }
      patienceMs = Infinity;
      await pause(pauseMs, signal);
    }
  }

  // Writes what came for the client; `initialize` is the request that opens a session.
  async read(answer, exchange, initialize) {
    for await (const message of answer.messages()) {
      if (answer.isOver) continue;
      if (message.method !== undefined) {
        const isRepeated = exchange.hasBegun && message.method === ACKNOWLEDGED;
        exchange.hasBegun = true;
        if (!isRepeated) await this.write(message.raw);
        continue;
      }
      await this.takeAnswer(message, answer, exchange, initialize);
      if (answer.isStream && !exchange.waiting.size) answer.finish();
    }
    if (answer.isOver) return;
    if (exchange.unnamed !== undefined)
      for (const id of exchange.waiting.values()) await this.write(rawErrorText(id, exchange.unnamed));
    else if (exchange.waiting.size) throw answer.refusal();
  }

  async takeAnswer(message, answer, exchange, initialize) {
    if (exchange.canLearn && message.error?.code === HEADER_MISMATCH) throw new HeadersRefused();
    if (message.id === undefined) {
      if (message.error !== undefined) exchange.unnamed = members(message.text).get("error");
      return;
    }
    if (!exchange.waiting.delete(message.key)) return; // Nobody asked that, or wants it any more.
    if (message.result !== undefined && exchange.method === "initialize")
      this.session.begin(initialize, answer.sessionId, message.result);
    else if (message.result !== undefined && exchange.method === "tools/list") this.schemas.learn(message.result);
    await this.write(message.raw);
  }

  // Writes what belongs to no request; an answer there would be nobody's.
  async passOn(message) {
    if (message.method !== undefined) await this.write(message.raw);
  }
}

function trimmed(line) {
  let start = 0;
  let end = line.length;
  while (start < end && line[start] <= 32) start++;
  while (end > start && line[end - 1] <= 32) end--;
  return line.subarray(start, end);
}
