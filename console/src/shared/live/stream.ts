import { EventStreamReader } from "./sse";

/** `live`: the stream is open; `lost`: it is not, and watchers are told to refetch at intervals. */
export type StreamState = "idle" | "connecting" | "live" | "lost";

export interface TopicEvent {
  topic: string;
  /** Names of the fields that changed; empty when everything may have (reset, polling). */
  changed: string[];
  log_bytes?: number;
}

type Watcher = { topics: ReadonlySet<string>; tell: (event: TopicEvent | null) => void };

const RETRY_MS = [500, 1000, 2000, 4000, 8000];
const POLL_MS = 5000;
/** A hidden tab gives its connection back after this time: an origin has only six. */
const HIDDEN_MS = 30_000;

/**
 * One event stream for the whole page. Watchers name topics; the stream carries their union and is
 * opened again, from the last event id, when the union grows. While the stream is lost, every
 * watcher is told `null` ("anything may have changed") each five seconds.
 */
export class LiveStream {
  private readonly watchers = new Set<Watcher>();
  private readonly listeners = new Set<() => void>();
  private controller: AbortController | null = null;
  private lastId: string | null = null;
  private current: StreamState = "idle";
  private openTopics: ReadonlySet<string> = new Set();
  private attempts = 0;
  private timer: ReturnType<typeof setTimeout> | null = null;
  private poller: ReturnType<typeof setInterval> | null = null;
  private readonly url: string;

  constructor(url: string) {
    this.url = url;
  }

  get state(): StreamState {
    return this.current;
  }

  /** For `useSyncExternalStore`: calls back when the state changes. */
  onState = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  watch(topics: readonly string[], tell: (event: TopicEvent | null) => void): () => void {
    const watcher: Watcher = { topics: new Set(topics), tell };
    this.watchers.add(watcher);
    this.refresh();
    return () => {
      this.watchers.delete(watcher);
      this.refresh();
    };
  }

  /** Stops or resumes with the page's visibility. */
  visibility(hidden: boolean): void {
    if (hidden) {
      this.schedule(HIDDEN_MS, () => this.close("idle"));
    } else if (this.controller === null) {
      this.tellAll();
      this.refresh();
    } else if (this.timer) {
      clearTimeout(this.timer);
      this.timer = null;
    }
  }

  private union(): Set<string> {
    const all = new Set<string>();
    for (const watcher of this.watchers) for (const topic of watcher.topics) all.add(topic);
    return all;
  }

  private schedule(ms: number, run: () => void): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.timer = null;
      run();
    }, ms);
  }

  /** Opens, reopens or closes so that the stream carries what is watched. */
  private refresh(): void {
    const wanted = this.union();
    if (wanted.size === 0) {
      // Pages come and go within a moment: the next one may watch again at once.
      this.schedule(1000, () => {
        if (this.union().size === 0) this.close("idle");
      });
      return;
    }
    const covered = this.controller !== null && [...wanted].every((t) => this.openTopics.has(t));
    if (covered) return;
    this.schedule(30, () => void this.open());
  }

  private set(state: StreamState): void {
    if (state === "lost" && !this.poller) {
      this.poller = setInterval(() => this.tellAll(), POLL_MS);
    } else if (state !== "lost" && state !== "connecting" && this.poller) {
      clearInterval(this.poller);
      this.poller = null;
    }
    if (this.current === state) return;
    this.current = state;
    for (const listener of this.listeners) listener();
  }

  private tellAll(): void {
    for (const watcher of this.watchers) watcher.tell(null);
  }

  private close(state: StreamState): void {
    this.controller?.abort();
    this.controller = null;
    this.openTopics = new Set();
    this.set(state);
  }

  private async open(): Promise<void> {
    const topics = this.union();
    if (topics.size === 0) return;
    this.controller?.abort();
    const controller = new AbortController();
    this.controller = controller;
    this.openTopics = topics;
    if (this.current === "idle") this.set("connecting");
    try {
      await this.read(topics, controller);
    } catch {
      // Aborted by ourselves, or the connection broke: both are handled below.
    }
    if (this.controller !== controller) return;
    this.controller = null;
    const wait = RETRY_MS[Math.min(this.attempts, RETRY_MS.length - 1)] ?? 8000;
    this.attempts += 1;
    if (this.attempts > 1) this.set("lost");
    this.schedule(wait, () => void this.open());
  }

  private async read(topics: ReadonlySet<string>, controller: AbortController): Promise<void> {
    const headers: Record<string, string> = { Accept: "text/event-stream" };
    const resumed = this.lastId !== null;
    if (this.lastId !== null) headers["Last-Event-ID"] = this.lastId;
    const query = new URLSearchParams({ topics: [...topics].sort().join(",") });
    const response = await fetch(`${this.url}?${query.toString()}`, {
      headers,
      signal: controller.signal,
      credentials: "same-origin",
    });
    if (!response.ok || !response.body) throw new Error(`stream answered ${response.status}`);
    const wasLost = this.current === "lost";
    this.attempts = 0;
    this.set("live");
    // Without an id to resume from, something may have happened between fetch and stream.
    if (wasLost || !resumed) this.tellAll();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    const parser = new EventStreamReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) throw new Error("stream ended");
      for (const event of parser.push(value)) {
        if (event.id !== null) this.lastId = event.id;
        if (event.event === "reset") this.tellAll();
        else this.dispatch(event.data);
      }
    }
  }

  private dispatch(data: string): void {
    let event: TopicEvent;
    try {
      event = JSON.parse(data) as TopicEvent;
    } catch {
      return;
    }
    if (typeof event.topic !== "string") return;
    for (const watcher of this.watchers) {
      if (watcher.topics.has(event.topic)) watcher.tell(event);
    }
  }
}
