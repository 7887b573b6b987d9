import type { RefObject } from "react";
import { useTranslation } from "react-i18next";
import { useFormat } from "../format";
import { CopyButton, Icon, type IconName } from "../ui";
import type { Search } from "./useSearch";

interface Props {
  search: Search;
  inputRef: RefObject<HTMLInputElement | null>;
  lines: number;
  bytes: number;
  wrap: boolean;
  setWrap: (wrap: boolean) => void;
  follow: boolean;
  canFollow: boolean;
  setFollow: (follow: boolean) => void;
  hasSections: boolean;
  foldAll: () => void;
  toTop: () => void;
  toBottom: () => void;
  rawUrl: string;
  rawName: string;
  /** Address of the selected lines, or null when none is selected. */
  link: (() => string) | null;
}

export function LogToolbar(props: Props) {
  const { t } = useTranslation();
  const format = useFormat();
  return (
    <div className="log-bar" role="toolbar" aria-label={t("log.toolbar")}>
      <SearchBox search={props.search} inputRef={props.inputRef} />
      <span className="log-size nums">
        {t("log.size", { lines: format.integer(props.lines), size: format.bytes(props.bytes) })}
      </span>
      <span className="grow" />
      {props.link && (
        <CopyButton value={props.link} label={t("log.copyLink")} text={t("log.copyLink")} quiet />
      )}
      {props.hasSections && (
        <BarButton icon="fold" label={t("log.foldAll")} onClick={props.foldAll} />
      )}
      <BarButton
        icon="wrap"
        label={t("log.wrap")}
        pressed={props.wrap}
        onClick={() => props.setWrap(!props.wrap)}
      />
      {props.canFollow && (
        <BarButton
          icon="follow"
          label={t("log.follow")}
          text={t("log.follow")}
          pressed={props.follow}
          onClick={() => props.setFollow(!props.follow)}
        />
      )}
      <BarButton icon="upper" label={t("log.toTop")} onClick={props.toTop} />
      <BarButton icon="bottom" label={t("log.toBottom")} onClick={props.toBottom} />
      <a
        className="icon-button"
        href={props.rawUrl}
        download={props.rawName}
        title={t("log.download")}
      >
        <Icon name="download" />
        <span className="visually-hidden">{t("log.download")}</span>
      </a>
    </div>
  );
}

function BarButton({
  icon,
  label,
  text,
  pressed,
  onClick,
}: {
  icon: IconName;
  label: string;
  text?: string;
  pressed?: boolean;
  onClick: () => void;
}) {
  const state = pressed === undefined ? {} : { "aria-pressed": pressed };
  return (
    <button
      type="button"
      className="icon-button"
      aria-label={label}
      title={label}
      onClick={onClick}
      {...state}
    >
      <Icon name={icon} />
      {text}
    </button>
  );
}

function SearchBox({
  search,
  inputRef,
}: {
  search: Search;
  inputRef: RefObject<HTMLInputElement | null>;
}) {
  const { t } = useTranslation();
  const format = useFormat();
  const count = search.found?.matches.length ?? 0;
  return (
    <div className="log-search" role="search">
      <Icon name="search" />
      <input
        ref={inputRef}
        type="search"
        value={search.query}
        placeholder={t("log.search")}
        aria-label={t("log.search")}
        onChange={(event) => search.setQuery(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter") {
            event.preventDefault();
            search.step(event.shiftKey ? -1 : 1);
          } else if (event.key === "Escape") {
            search.setQuery("");
            event.currentTarget.blur();
          }
        }}
      />
      {search.query !== "" && (
        <span className="log-count nums" role="status">
          {search.error
            ? t("log.searchFailed")
            : search.searching
              ? t("log.searching")
              : count === 0
                ? t("log.noMatch")
                : t("log.match", {
                    at: format.integer(search.at + 1),
                    count: format.integer(count),
                    total: format.integer(search.found?.total ?? count),
                  })}
        </span>
      )}
      {count > 0 && (
        <>
          <button
            type="button"
            className="icon-button"
            aria-label={t("log.previous")}
            title={`${t("log.previous")} (N)`}
            onClick={() => search.step(-1)}
          >
            <Icon name="top" size={12} />
          </button>
          <button
            type="button"
            className="icon-button"
            aria-label={t("log.next")}
            title={`${t("log.next")} (n)`}
            onClick={() => search.step(1)}
          >
            <Icon name="follow" size={12} />
          </button>
        </>
      )}
    </div>
  );
}
