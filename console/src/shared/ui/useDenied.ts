import { useTranslation } from "react-i18next";
import { may, type Permission, ROLES_OF } from "@/api/permissions";
import { useSession } from "@/api/session";

/** Why the signed-in person may not do something: the roles it takes; null when they may. */
export function useDenied(): (permission: Permission) => string | null {
  const { t, i18n } = useTranslation();
  const { user } = useSession();
  return (permission) => {
    if (may(user.roles, permission)) return null;
    const word = (role: string): string => t(`role.${role}`, { defaultValue: role });
    const list = (type: "conjunction" | "disjunction", roles: readonly string[]): string =>
      new Intl.ListFormat(i18n.language, { type }).format(roles.map(word));
    return user.roles.length === 0
      ? t("denied.noRole", { needed: list("disjunction", ROLES_OF[permission]) })
      : t("denied.why", {
          needed: list("disjunction", ROLES_OF[permission]),
          have: list("conjunction", user.roles),
        });
  };
}
