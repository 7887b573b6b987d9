import type { ReactNode } from "react";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import "../ui/bits.css";

interface Props {
  title: ReactNode;
  /** Title of the browser tab; the text of `title` when that is not plain text. */
  name: string;
  crumbs?: { label: string; to: string }[];
  badges?: ReactNode;
  meta?: ReactNode;
  actions?: ReactNode;
}

/** The head of every page: where one is, what it is, what can be done. */
export function PageHeader({ title, name, crumbs, badges, meta, actions }: Props) {
  const { t } = useTranslation();
  useEffect(() => {
    document.title = `${name} · Rialto`;
  }, [name]);
  return (
    <header className="page-head">
      <div className="page-head-main">
        {crumbs && crumbs.length > 0 && (
          <nav aria-label={t("nav.breadcrumb")}>
            <ol className="crumbs">
              {crumbs.map((crumb) => (
                <li key={crumb.to}>
                  <Link to={crumb.to}>{crumb.label}</Link>
                </li>
              ))}
            </ol>
          </nav>
        )}
        <div className="page-head-title">
          <h1>{title}</h1>
          {badges}
        </div>
        {meta !== undefined && <div className="page-head-meta">{meta}</div>}
      </div>
      {actions !== undefined && <div className="row wrap">{actions}</div>}
    </header>
  );
}
