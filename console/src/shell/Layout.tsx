import { Dropdown } from "antd";
import { Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, NavLink, Outlet, ScrollRestoration, useNavigate } from "react-router";
import { useSession } from "@/api/session";
import { useShortcuts } from "@/shared/keys";
import { useStreamState } from "@/shared/live";
import { Skeleton } from "@/shared/states";
import { type SystemManifest, SystemsContext } from "@/shared/system";
import { Icon } from "@/shared/ui";
import { AppearanceMenu } from "./AppearanceMenu";
import { CommandPalette } from "./CommandPalette";
import { KeyboardSheet } from "./KeyboardSheet";
import { Wordmark } from "./Wordmark";
import "./layout.css";

/** Rail with the menu, bar with search and person, page. */
export function Layout({ systems }: { systems: SystemManifest[] }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [palette, setPalette] = useState(false);
  const [sheet, setSheet] = useState(false);
  const [rail, setRail] = useState(false);
  const entries = systems.flatMap((system) =>
    system.menu.map((item) => ({ item, label: t(item.label, { ns: system.name }) })),
  );
  useShortcuts([
    {
      keys: "mod+k",
      label: t("keys.palette"),
      group: t("keys.everywhere"),
      run: () => setPalette(true),
      always: true,
    },
    { keys: "?", label: t("keys.sheet"), group: t("keys.everywhere"), run: () => setSheet(true) },
    ...entries.map(({ item, label }) => ({
      keys: item.keys,
      label,
      group: t("keys.go"),
      run: () => void navigate(item.to),
    })),
  ]);
  return (
    <div className="shell">
      <a className="skip-link" href="#main">
        {t("nav.skip")}
      </a>
      <Rail systems={systems} isOpen={rail} close={() => setRail(false)} />
      <div className="shell-main">
        <header className="top-bar">
          <button
            type="button"
            className="icon-button rail-toggle"
            aria-label={t("nav.menu")}
            aria-expanded={rail}
            onClick={() => setRail(!rail)}
          >
            <Icon name="menu" size={18} />
          </button>
          <button type="button" className="palette-button" onClick={() => setPalette(true)}>
            <Icon name="search" />
            <span>{t("palette.placeholder")}</span>
            <kbd>Ctrl K</kbd>
          </button>
          <span className="grow" />
          <LiveMark />
          <button
            type="button"
            className="icon-button"
            aria-label={t("keys.sheet")}
            title={`${t("keys.sheet")} (?)`}
            onClick={() => setSheet(true)}
          >
            <Icon name="keyboard" size={16} />
          </button>
          <AppearanceMenu />
          <UserMenu />
        </header>
        <LostBanner />
        <main id="main" tabIndex={-1} className="page">
          <Suspense fallback={<Skeleton rows={8} />}>
            <SystemsContext.Provider value={systems}>
              <Outlet />
            </SystemsContext.Provider>
          </Suspense>
        </main>
      </div>
      {palette && <CommandPalette systems={systems} close={() => setPalette(false)} />}
      {sheet && <KeyboardSheet close={() => setSheet(false)} />}
      <ScrollRestoration />
    </div>
  );
}

function Rail({
  systems,
  isOpen,
  close,
}: {
  systems: SystemManifest[];
  isOpen: boolean;
  close: () => void;
}) {
  const { t } = useTranslation();
  const { config } = useSession();
  return (
    <nav className={isOpen ? "rail open" : "rail"} aria-label={t("nav.main")}>
      <Link to="/" className="rail-brand" aria-label={t("nav.home", { brand: config.brand })}>
        <Wordmark small />
      </Link>
      <div className="rail-menu" onClick={close}>
        {systems.map((system) => (
          <div key={system.name} className="rail-group">
            <h2 id={`rail-${system.name}`}>{t("system.name", { ns: system.name })}</h2>
            <ul aria-labelledby={`rail-${system.name}`}>
              {system.menu.map((item) => (
                <li key={item.to}>
                  <NavLink to={item.to}>
                    <Icon name={item.icon} size={16} />
                    <span className="grow">{t(item.label, { ns: system.name })}</span>
                    {item.Badge && (
                      <Suspense fallback={null}>
                        <item.Badge />
                      </Suspense>
                    )}
                  </NavLink>
                </li>
              ))}
            </ul>
          </div>
        ))}
      </div>
      <p className="rail-foot">
        {config.brand} {config.version}
      </p>
    </nav>
  );
}

function LiveMark() {
  const { t } = useTranslation();
  const state = useStreamState();
  if (state === "idle") return null;
  return (
    <span className={`live-mark ${state}`} title={t(`live.${state}`)}>
      <i aria-hidden="true" />
      {t(`live.${state}`)}
    </span>
  );
}

function LostBanner() {
  const { t } = useTranslation();
  const state = useStreamState();
  return (
    <div role="status" className={state === "lost" ? "lost-banner" : "visually-hidden"}>
      {state === "lost" ? t("live.banner") : ""}
    </div>
  );
}

function UserMenu() {
  const { t } = useTranslation();
  const { user, signOut } = useSession();
  return (
    <Dropdown
      trigger={["click"]}
      menu={{
        items: [
          {
            key: "who",
            type: "group",
            label: (
              <span className="user-card">
                <b>{user.name}</b>
                <span>{user.email}</span>
                <span>
                  {user.roles.map((role) => t(`role.${role}`, { defaultValue: role })).join(" · ")}
                </span>
              </span>
            ),
          },
          { type: "divider" },
          { key: "out", icon: <Icon name="signout" />, label: t("nav.signOut") },
        ],
        onClick: ({ key }) => {
          if (key === "out") void signOut();
        },
      }}
    >
      <button type="button" className="icon-button user-button" title={user.login}>
        <span className="visually-hidden">{t("nav.account")}</span>
        <span className="avatar" aria-hidden="true">
          {[...user.name][0]?.toUpperCase() ?? "?"}
        </span>
        <span className="user-name">{user.name}</span>
      </button>
    </Dropdown>
  );
}
