import { expect, it } from "vitest";
import { below, random } from "../../../test/random";
import { EventStreamReader, type StreamEvent } from "./sse";

const STREAM =
  ': ping\n\nid: 1-1\ndata: {"a":1}\n\r\nevent: reset\r\ndata:\r\n\r\nid:1-2\rdata: two\rdata: lines\r\r: end\n';

const WANTED: StreamEvent[] = [
  { event: "message", data: '{"a":1}', id: "1-1" },
  { event: "reset", data: "", id: "1-1" },
  { event: "message", data: "two\nlines", id: "1-2" },
];

it("reads_events_ids_and_comments", () => {
  expect(new EventStreamReader().push(STREAM)).toEqual(WANTED);
});

it("reads_the_same_however_the_stream_is_cut", () => {
  const next = random(9);
  for (let round = 0; round < 500; round += 1) {
    const reader = new EventStreamReader();
    const events: StreamEvent[] = [];
    for (let at = 0; at < STREAM.length;) {
      const end = at + 1 + below(next, 9);
      events.push(...reader.push(STREAM.slice(at, end)));
      at = end;
    }
    expect(events).toEqual(WANTED);
  }
});
