import { Dropdown } from "antd";
import { useTranslation } from "react-i18next";
import { closestLanguage, LANGUAGES, switchLanguage } from "@/i18n";
import { setPreferences, usePreferences } from "@/shared/theme/preferences";
import { Icon } from "@/shared/ui";

const THEMES = ["light", "dark", "system"] as const;
const RISES = ["red", "green"] as const;
const ICONS = { light: "sun", dark: "moon", system: "system" } as const;

/** Names of languages are written in their own language. */
const LANGUAGE_NAMES = { "zh-CN": "简体中文", en: "English" } as const;

/** Language and theme, as two small menus. */
export function AppearanceMenu() {
  const { t, i18n } = useTranslation();
  const preferences = usePreferences();
  const language = closestLanguage(i18n.language) ?? "zh-CN";
  return (
    <>
      <Dropdown
        trigger={["click"]}
        menu={{
          selectable: true,
          selectedKeys: [language],
          items: LANGUAGES.map((tag) => ({
            key: tag,
            label: <span lang={tag}>{LANGUAGE_NAMES[tag]}</span>,
          })),
          onClick: ({ key }) => {
            setPreferences({ language: key });
            void switchLanguage(closestLanguage(key) ?? "zh-CN");
          },
        }}
      >
        <button type="button" className="icon-button" title={t("appearance.language")}>
          <Icon name="language" size={16} />
          <span>{LANGUAGE_NAMES[language]}</span>
        </button>
      </Dropdown>
      <Dropdown
        trigger={["click"]}
        menu={{
          selectable: true,
          selectedKeys: [preferences.theme, preferences.rise],
          items: [
            ...THEMES.map((name) => ({
              key: name,
              icon: <Icon name={ICONS[name]} />,
              label: t(`appearance.theme.${name}`),
            })),
            { type: "divider" as const },
            ...RISES.map((name) => ({ key: name, label: t(`appearance.rise.${name}`) })),
          ],
          onClick: ({ key }) => {
            const rise = RISES.find((name) => name === key);
            const theme = THEMES.find((name) => name === key);
            if (rise) setPreferences({ rise });
            else if (theme) setPreferences({ theme });
          },
        }}
      >
        <button
          type="button"
          className="icon-button"
          aria-label={t("appearance.themeLabel")}
          title={t("appearance.themeLabel")}
        >
          <Icon name={ICONS[preferences.theme]} size={16} />
        </button>
      </Dropdown>
    </>
  );
}
