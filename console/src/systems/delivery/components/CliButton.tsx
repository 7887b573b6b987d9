import { useTranslation } from "react-i18next";
import { CopyButton } from "@/shared/ui";

/** Copies the command that does the same. */
export function CliButton({ command }: { command: string }) {
  const { t } = useTranslation("delivery");
  return <CopyButton value={command} label={t("cli.copy", { command })} text={t("cli.short")} />;
}

export { LinkButton } from "@/shared/ui";
