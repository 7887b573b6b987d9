/** One event of a `text/event-stream`. */
export interface StreamEvent {
  event: string;
  data: string;
  id: string | null;
}

/**
 * Reads a `text/event-stream` piece by piece (WHATWG HTML §9.2.6). The pieces may be cut anywhere,
 * also between CR and LF; comments (pings) give no event.
 */
export class EventStreamReader {
  private rest = "";
  private data: string[] = [];
  private event = "";
  private id: string | null = null;
  private skipLineFeed = false;

  /** Adds text and returns the events it completed. */
  push(piece: string): StreamEvent[] {
    const done: StreamEvent[] = [];
    let text = this.rest + piece;
    if (this.skipLineFeed && text.startsWith("\n")) text = text.slice(1);
    if (text.length > 0) this.skipLineFeed = false;
    let from = 0;
    for (let i = 0; i < text.length; i += 1) {
      const ch = text[i];
      if (ch !== "\n" && ch !== "\r") continue;
      this.line(text.slice(from, i), done);
      if (ch === "\r") {
        if (i + 1 === text.length) this.skipLineFeed = true;
        else if (text[i + 1] === "\n") i += 1;
      }
      from = i + 1;
    }
    this.rest = text.slice(from);
    return done;
  }

  private line(line: string, done: StreamEvent[]): void {
    if (line === "") {
      if (this.data.length > 0) {
        done.push({ event: this.event || "message", data: this.data.join("\n"), id: this.id });
      } else if (this.event !== "") {
        done.push({ event: this.event, data: "", id: this.id });
      }
      this.data = [];
      this.event = "";
      return;
    }
    if (line.startsWith(":")) return;
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    let value = colon < 0 ? "" : line.slice(colon + 1);
    if (value.startsWith(" ")) value = value.slice(1);
    if (field === "data") this.data.push(value);
    else if (field === "event") this.event = value;
    else if (field === "id" && !value.includes("\0")) this.id = value;
  }
}
