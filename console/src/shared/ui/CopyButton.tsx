import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { Icon } from "./Icon";
import "./bits.css";

/** Writes to the clipboard, also where the clipboard API is absent (plain http, old browsers). */
export async function copyText(value: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(value);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = value;
    area.setAttribute("aria-hidden", "true");
    area.style.position = "fixed";
    area.style.opacity = "0";
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

interface Props {
  /** What is fetched first comes as a promise. */
  value: string | (() => string | Promise<string>);
  /** What is copied: the accessible name. */
  label: string;
  /** Show the label beside the icon. */
  text?: string;
  quiet?: boolean;
}

export function CopyButton({ value, label, text, quiet }: Props) {
  const { t } = useTranslation();
  const [state, setState] = useState<"idle" | "done" | "failed">("idle");
  useEffect(() => {
    if (state === "idle") return;
    const timer = setTimeout(() => setState("idle"), 1600);
    return () => clearTimeout(timer);
  }, [state]);
  const note = state === "done" ? t("copy.done") : state === "failed" ? t("copy.failed") : label;
  return (
    <button
      type="button"
      className={`icon-button${quiet ? "" : " framed"}`}
      {...(text === undefined ? { "aria-label": label } : {})}
      title={note}
      onClick={(event) => {
        event.preventDefault();
        event.stopPropagation();
        void Promise.resolve(typeof value === "string" ? value : value())
          .then(copyText, () => false)
          .then((ok) => setState(ok ? "done" : "failed"));
      }}
    >
      <Icon name={state === "done" ? "check" : state === "failed" ? "close" : "copy"} />
      {text}
      <span className="visually-hidden" role="status">
        {state === "idle" ? "" : note}
      </span>
    </button>
  );
}

/** A command or address with its copy button. */
export function CopyLine({ value, label }: { value: string; label: string }) {
  return (
    <div className="copy-line">
      {/* A long command scrolls: the keyboard must reach it. */}
      <code tabIndex={0} role="textbox" aria-readonly="true" aria-label={label}>
        {value}
      </code>
      <CopyButton value={value} label={label} quiet />
    </div>
  );
}
