import { useTranslation } from "react-i18next";
import { useRouteError } from "react-router";
import { Empty, ErrorState } from "@/shared/states";
import { ActionButton } from "@/shared/ui";

/** A part of the console that is gone because the server now has another version of it. */
function isOutdated(error: unknown): boolean {
  return (
    error instanceof Error &&
    /dynamically imported module|module script failed|preload CSS/i.test(error.message)
  );
}

/** A page failed while drawing: the rest of the console stays usable. */
export function CrashPage() {
  const { t } = useTranslation();
  const error = useRouteError();
  const reload = () => window.location.reload();
  return (
    <main className="start-failed">
      {isOutdated(error) ? (
        <Empty
          title={t("version.title")}
          detail={t("version.text")}
          action={
            <ActionButton primary icon="retry" onClick={reload}>
              {t("version.reload")}
            </ActionButton>
          }
        />
      ) : (
        <ErrorState error={error} retry={reload} />
      )}
    </main>
  );
}
