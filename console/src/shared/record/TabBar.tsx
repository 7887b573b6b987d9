import type { ReactNode } from "react";
import { NavLink } from "react-router";
import "./tabs.css";

/** Tabs of a record; each is a page with an address of its own. */
export function TabBar({
  label,
  tabs,
}: {
  label: string;
  tabs: { to: string; label: ReactNode; end?: boolean }[];
}) {
  return (
    <nav className="tab-bar" aria-label={label}>
      {tabs.map((tab) => (
        <NavLink key={tab.to} to={tab.to} end={tab.end ?? false} preventScrollReset>
          {tab.label}
        </NavLink>
      ))}
    </nav>
  );
}
