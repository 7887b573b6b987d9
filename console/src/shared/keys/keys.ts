/** A shortcut of the page: one key (`j`, `?`, `mod+k`) or a sequence (`g p`). */
export interface Shortcut {
  keys: string;
  /** What it does, already translated. */
  label: string;
  /** Heading it is listed under, already translated. */
  group: string;
  run: () => void;
  /** Works also while typing in a field (only for chords with a modifier). */
  always?: boolean;
}

const shortcuts = new Set<Shortcut>();
const listeners = new Set<() => void>();
let snapshot: Shortcut[] = [];
let singleKeys = true;

function changed(): void {
  snapshot = [...shortcuts];
  for (const listener of listeners) listener();
}

export function addShortcuts(list: readonly Shortcut[]): () => void {
  for (const each of list) shortcuts.add(each);
  changed();
  return () => {
    for (const each of list) shortcuts.delete(each);
    changed();
  };
}

export const shortcutStore = {
  subscribe: (listener: () => void): (() => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
  snapshot: (): Shortcut[] => snapshot,
};

/** Single letters can be switched off for people whose input device sends them by accident. */
export function allowSingleKeys(allowed: boolean): void {
  singleKeys = allowed;
}

/** True while the person types text, so that letters belong to the field. */
export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable) return true;
  const tag = target.tagName;
  if (tag === "TEXTAREA" || tag === "SELECT") return true;
  if (tag !== "INPUT") return target.getAttribute("role") === "combobox";
  const type = (target as HTMLInputElement).type;
  return !["checkbox", "radio", "button", "submit", "reset", "range"].includes(type);
}

/** The word for a key event: `j`, `J`, `?`, `mod+k`, `Escape`. */
export function keyWord(event: KeyboardEvent): string {
  const mod = event.metaKey || event.ctrlKey;
  const key = event.key.length === 1 && mod ? event.key.toLowerCase() : event.key;
  return `${mod ? "mod+" : ""}${event.altKey ? "alt+" : ""}${key}`;
}

const SEQUENCE_MS = 1200;

/** Finds what a key press means, remembering the first key of a sequence for a moment. */
export class KeyMatcher {
  private pending: { key: string; at: number } | null = null;

  match(word: string, at: number, known: readonly Shortcut[]): Shortcut | "wait" | null {
    const first = this.pending && at - this.pending.at < SEQUENCE_MS ? this.pending.key : null;
    this.pending = null;
    if (first) {
      const both = `${first} ${word}`;
      const found = findLast(known, (s) => s.keys === both);
      if (found) return found;
    }
    const single = findLast(known, (s) => s.keys === word);
    if (single) return single;
    if (known.some((s) => s.keys.startsWith(`${word} `))) {
      this.pending = { key: word, at };
      return "wait";
    }
    return null;
  }
}

/** The most recently registered wins: a dialog overrides its page. */
function findLast<T>(list: readonly T[], test: (item: T) => boolean): T | undefined {
  for (let i = list.length - 1; i >= 0; i -= 1) {
    const item = list[i];
    if (item !== undefined && test(item)) return item;
  }
  return undefined;
}

/** Listens on the document; returns the function that stops it. */
export function installKeys(doc: Document): () => void {
  const matcher = new KeyMatcher();
  const handle = (event: KeyboardEvent) => {
    if (event.defaultPrevented || event.isComposing) return;
    const word = keyWord(event);
    const modified = word.includes("+") && word !== "+";
    const typing = isTyping(event.target);
    const inDialog =
      event.target instanceof Element && event.target.closest('[role="dialog"]') !== null;
    const usable = snapshot.filter((s) => {
      if (s.always) return true;
      if (typing || inDialog) return false;
      return modified || singleKeys || s.keys.length > 1;
    });
    const found = matcher.match(word, event.timeStamp, usable);
    if (found === null || found === "wait") return;
    event.preventDefault();
    found.run();
  };
  doc.addEventListener("keydown", handle);
  return () => doc.removeEventListener("keydown", handle);
}
