import { useTranslation } from "react-i18next";
import { CopyButton } from "./CopyButton";

/** Copies the address of this page. */
export function LinkButton() {
  const { t } = useTranslation();
  return (
    <CopyButton
      value={() => window.location.href}
      label={t("copy.link")}
      text={t("copy.linkShort")}
    />
  );
}
