import { type KeyboardEvent, useEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";
import { useSession } from "@/api/session";
import { switchLanguage } from "@/i18n";
import { type Command, matchScore, usePageCommandList } from "@/shared/keys";
import type { SystemManifest } from "@/shared/system";
import { setPreferences } from "@/shared/theme/preferences";
import { Icon } from "@/shared/ui";

const RECENT_KEY = "rialto.palette.recent";
const RECENT_MAX = 6;
const SHOWN_MAX = 40;

function recentIds(): string[] {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(RECENT_KEY) ?? "[]");
    return Array.isArray(stored) ? stored.filter((id): id is string => typeof id === "string") : [];
  } catch {
    return [];
  }
}

function remember(id: string): void {
  try {
    const next = [id, ...recentIds().filter((each) => each !== id)].slice(0, RECENT_MAX);
    localStorage.setItem(RECENT_KEY, JSON.stringify(next));
  } catch {
    // Without storage there is simply no "recent first".
  }
}

/** Goes to pages, finds records, runs the actions of the page. Records load only once one types. */
export function CommandPalette({
  systems,
  close,
}: {
  systems: SystemManifest[];
  close: () => void;
}) {
  const { t } = useTranslation();
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const list = useRef<HTMLDivElement>(null);
  const opener = useRef<Element | null>(null);
  const records = useRecords(systems, text, close);
  const fixed = useFixedCommands(systems, close);
  const shown = useMemo(() => rank([...fixed, ...records], text), [fixed, records, text]);
  const current = Math.min(at, Math.max(0, shown.length - 1));

  useEffect(() => {
    opener.current = document.activeElement;
    return () => {
      if (opener.current instanceof HTMLElement) opener.current.focus({ preventScroll: true });
    };
  }, []);
  useEffect(() => {
    list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: "nearest" });
  }, [current]);

  const run = (command: Command | undefined) => {
    if (!command) return;
    remember(command.id);
    close();
    command.run();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Escape") close();
    else if (event.key === "ArrowDown") setAt(Math.min(shown.length - 1, current + 1));
    else if (event.key === "ArrowUp") setAt(Math.max(0, current - 1));
    else if (event.key === "Enter") run(shown[current]);
    else if (event.key !== "Tab") return;
    event.preventDefault();
  };

  return (
    <div
      className="palette-wrap"
      onMouseDown={(event) => {
        if (event.target === event.currentTarget) close();
      }}
    >
      <div
        className="palette"
        role="dialog"
        aria-modal="true"
        aria-label={t("palette.title")}
        onKeyDown={onKeyDown}
      >
        <div className="palette-input">
          <Icon name="search" size={16} />
          <input
            autoFocus
            value={text}
            role="combobox"
            aria-expanded="true"
            aria-controls="palette-list"
            aria-activedescendant={shown.length > 0 ? `palette-${current}` : undefined}
            aria-label={t("palette.title")}
            placeholder={t("palette.placeholder")}
            onChange={(event) => {
              setText(event.target.value);
              setAt(0);
            }}
          />
          <kbd>Esc</kbd>
        </div>
        {shown.length === 0 && <p className="palette-none">{t("palette.none")}</p>}
        <div
          className="palette-list"
          id="palette-list"
          role="listbox"
          aria-label={t("palette.title")}
          ref={list}
        >
          {shown.map((command, i) => (
            <Line
              key={command.id}
              command={command}
              id={`palette-${i}`}
              heading={command.group !== shown[i - 1]?.group}
              selected={i === current}
              onHover={() => setAt(i)}
              onRun={() => run(command)}
            />
          ))}
        </div>
      </div>
    </div>
  );
}

function Line(props: {
  command: Command;
  id: string;
  heading: boolean;
  selected: boolean;
  onHover: () => void;
  onRun: () => void;
}) {
  const { command } = props;
  return (
    <>
      {props.heading && (
        <div className="palette-heading" role="presentation">
          {command.group}
        </div>
      )}
      <div
        id={props.id}
        role="option"
        aria-selected={props.selected}
        className="palette-item"
        onMouseMove={props.onHover}
        onClick={props.onRun}
      >
        <span className="ellipsis">{command.label}</span>
        {command.hint && <span className="hint ellipsis">{command.hint}</span>}
        <span className="grow" />
        {command.shortcut && <kbd>{command.shortcut}</kbd>}
      </div>
    </>
  );
}

function useFixedCommands(systems: SystemManifest[], close: () => void): Command[] {
  const { t, i18n } = useTranslation();
  const navigate = useNavigate();
  const { signOut } = useSession();
  const page = usePageCommandList();
  return useMemo(() => {
    const other = i18n.language === "en" ? "zh-CN" : "en";
    const pages = systems.flatMap((system) =>
      system.menu.map((item) => ({
        id: `go:${item.to}`,
        label: t(item.label, { ns: system.name }),
        group: t("palette.pages"),
        keywords: item.keywords,
        shortcut: item.keys,
        run: () => void navigate(item.to),
      })),
    );
    const themes = (["light", "dark", "system"] as const).map((name) => ({
      id: `theme:${name}`,
      label: t(`palette.theme.${name}`),
      group: t("palette.console"),
      keywords: "theme zhuti",
      run: () => setPreferences({ theme: name }),
    }));
    const own: Command[] = [
      ...themes,
      {
        id: "language",
        label: t("palette.language"),
        group: t("palette.console"),
        keywords: "language yuyan english chinese zhongwen",
        run: () => {
          setPreferences({ language: other });
          void switchLanguage(other);
        },
      },
      {
        id: "density",
        label: t("palette.density"),
        group: t("palette.console"),
        keywords: "compact density midu",
        run: () => toggleDensity(),
      },
      {
        id: "sign-out",
        label: t("nav.signOut"),
        group: t("palette.console"),
        keywords: "logout tuichu",
        run: () => void signOut(),
      },
    ];
    return [...page, ...pages, ...own];
    // eslint-disable-next-line react-hooks/exhaustive-deps -- closing does not change the list
  }, [systems, t, i18n.language, navigate, page, signOut, close]);
}

function toggleDensity(): void {
  const compact = document.documentElement.dataset.density === "compact";
  setPreferences({ density: compact ? "comfortable" : "compact" });
}

function useRecords(systems: SystemManifest[], text: string, close: () => void): Command[] {
  const navigate = useNavigate();
  const [found, setFound] = useState<{ text: string; commands: Command[] }>({
    text: "",
    commands: [],
  });
  useEffect(() => {
    const query = text.trim();
    if (query === "") return;
    const controller = new AbortController();
    const timer = setTimeout(() => {
      const go = (path: string) => void navigate(path);
      const searches = systems.flatMap((s) =>
        s.findRecords ? [s.findRecords(query, go, controller.signal)] : [],
      );
      void Promise.allSettled(searches).then((answers) => {
        if (controller.signal.aborted) return;
        const commands = answers.flatMap((a) => (a.status === "fulfilled" ? a.value : []));
        setFound({ text: query, commands });
      });
    }, 60);
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, [systems, text, navigate, close]);
  return text.trim() === "" ? [] : found.commands;
}

/** Recent first while nothing is typed, best match first afterwards; groups stay together. */
function rank(commands: readonly Command[], text: string): Command[] {
  const recent = recentIds();
  const scored = commands
    .map((command) => {
      const score =
        matchScore(command.label, text) || matchScore(command.keywords ?? "", text) * 0.8;
      const age = recent.indexOf(command.id);
      return { command, score: score + (age < 0 ? 0 : (RECENT_MAX - age) / 10) };
    })
    .filter((entry) => entry.score > 0);
  const best = new Map<string, number>();
  for (const { command, score } of scored) {
    best.set(command.group, Math.max(best.get(command.group) ?? 0, score));
  }
  return scored
    .sort(
      (a, b) =>
        (best.get(b.command.group) ?? 0) - (best.get(a.command.group) ?? 0) ||
        a.command.group.localeCompare(b.command.group) ||
        b.score - a.score,
    )
    .slice(0, SHOWN_MAX)
    .map((entry) => entry.command);
}
