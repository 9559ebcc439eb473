// Server-sent events and lines, however their bytes are cut. Source: WHATWG HTML, 9.2.
//
// Bytes are handled as latin1 text, one character each, so that they pass as they came.

export class TooLarge extends Error {}

export class Events {
  constructor(limit) {
    this.lastId = undefined; // what a new stream resumes from
    this.retryMs = undefined; // how long the server wants a client to wait before it resumes
    this.limit = limit;
    this.tail = "";
    this.scanned = 0;
    this.isFirst = true;
    this.skipsFeed = false;
    this.data = [];
    this.size = 0;
    this.id = undefined;
  }

  // The data of every event that `chunk` (latin1) completes.
  feed(chunk) {
    const found = [];
    for (const line of this.lines(chunk)) {
      if (line) {
        this.size += line.length;
        if (this.size > this.limit) throw new TooLarge();
        this.field(line);
        continue;
      }
      if (this.id !== undefined) this.lastId = this.id;
      if (this.data.length) found.push(this.data.join("\n"));
      this.data = [];
      this.size = 0;
      this.id = undefined;
    }
    if (this.size + this.tail.length > this.limit) throw new TooLarge();
    return found;
  }

  *lines(chunk) {
    if (this.skipsFeed && chunk) {
      this.skipsFeed = false;
      if (chunk[0] === "\n") chunk = chunk.slice(1);
    }
    this.tail += chunk;
    const ending = /\r\n|\r|\n/g;
    let start = 0;
    for (ending.lastIndex = this.scanned; ; ) {
      const end = ending.exec(this.tail);
      if (!end) break;
      let line = this.tail.slice(start, end.index);
      if (this.isFirst && line.startsWith("\xef\xbb\xbf")) line = line.slice(3);
      this.isFirst = false;
      start = ending.lastIndex;
      this.skipsFeed = end[0] === "\r" && start === this.tail.length;
      yield line;
    }
    this.tail = this.tail.slice(start);
    this.scanned = this.tail.length;
  }

  field(line) {
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    let value = colon < 0 ? "" : line.slice(colon + 1);
    if (value[0] === " ") value = value.slice(1);
    if (name === "data") this.data.push(value);
    else if (name === "id" && !value.includes("\0")) this.id = Buffer.from(value, "latin1").toString("utf8");
    else if (name === "retry" && /^\d{1,9}$/.test(value)) this.retryMs = Number(value);
  }
}

const ID = String.raw`"id"\s*:\s*(-?\d{1,18}|"[^"\\]{1,128}")\s*`;
const ID_FIRST = new RegExp(String.raw`^\s*\{\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?${ID},`);
const ID_LAST = new RegExp(String.raw`"jsonrpc"\s*:\s*"2\.0"\s*,\s*${ID}\}\s*$`);
const KEPT = 256;

// Lines of a stream of bytes. One above the limit comes as {tooLong: id}, its id as far as it shows.
export async function* lines(stream, limit) {
  let parts = [];
  let size = 0;
  let first; // the two ends of a line that is skipped
  let last = "";
  const take = (piece) => {
    if (first === undefined) {
      parts.push(piece);
      size += piece.length;
      if (size <= limit) return;
      const line = Buffer.concat(parts);
      first = line.subarray(0, KEPT).toString("latin1");
      piece = line;
      parts = [];
    }
    last = (last + piece.subarray(-KEPT).toString("latin1")).slice(-KEPT);
  };
  const finish = () => {
    const line = Buffer.concat(parts);
    const skipped = first === undefined ? undefined : (ID_FIRST.exec(first) ?? ID_LAST.exec(last));
    const isSkipped = first !== undefined;
    [parts, size, first, last] = [[], 0, undefined, ""];
    return isSkipped ? { tooLong: skipped?.[1] ?? "null" } : line;
  };
  for await (const chunk of stream) {
    let start = 0;
    for (let end; (end = chunk.indexOf(10, start)) >= 0; start = end + 1) {
      take(chunk.subarray(start, end));
      yield finish();
    }
    if (start < chunk.length) take(chunk.subarray(start));
  }
  yield finish();
}
