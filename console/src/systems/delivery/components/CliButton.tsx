import { useTranslation } from "react-i18next";
import { CopyButton } from "@/shared/ui";

/** Copies the command that does the same. */
export function CliButton({ command }: { command: string }) {
  const { t } = useTranslation("delivery");
  return <CopyButton value={command} label={t("cli.copy", { command })} text={t("cli.short")} />;
}

/** Copies the address of this page. */
export function LinkButton() {
  const { t } = useTranslation("delivery");
  return (
    <CopyButton
      value={() => window.location.href}
      label={t("copy.link")}
      text={t("copy.linkShort")}
    />
  );
}
