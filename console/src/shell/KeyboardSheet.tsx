import { Modal, Switch } from "antd";
import { useTranslation } from "react-i18next";
import { useShortcutList } from "@/shared/keys";
import { setPreferences, usePreferences } from "@/shared/theme/preferences";

/** Every shortcut that works on this page now. */
export function KeyboardSheet({ close }: { close: () => void }) {
  const { t } = useTranslation();
  const shortcuts = useShortcutList();
  const { singleKeys } = usePreferences();
  const groups = new Map<string, Map<string, string>>();
  for (const { group, keys, label } of shortcuts) {
    const rows = groups.get(group) ?? new Map<string, string>();
    rows.set(keys, label);
    groups.set(group, rows);
  }
  return (
    <Modal open title={t("keys.sheet")} onCancel={close} footer={null} width={680}>
      <div className="key-groups">
        {[...groups].map(([group, rows]) => (
          <section key={group}>
            <h3>{group}</h3>
            <ul>
              {[...rows].map(([keys, label]) => (
                <li key={keys}>
                  <span>{label}</span>
                  <kbd>{keys.replace("mod+k", "Ctrl / ⌘ K")}</kbd>
                </li>
              ))}
            </ul>
          </section>
        ))}
      </div>
      <label className="row">
        <Switch
          size="small"
          checked={singleKeys}
          onChange={(on) => setPreferences({ singleKeys: on })}
          aria-label={t("keys.single")}
        />
        {t("keys.single")}
      </label>
    </Modal>
  );
}
