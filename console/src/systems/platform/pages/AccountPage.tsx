import { useMutation } from "@tanstack/react-query";
import { Input } from "antd";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { platform } from "@/api/platform";
import { useSession } from "@/api/session";
import { PageHeader } from "@/shared/record";
import { ErrorState } from "@/shared/states";
import { ActionButton, Card, Facts, Tag, useWord } from "@/shared/ui";

/** Who one is, and the own password. */
export default function AccountPage() {
  const { t } = useTranslation("platform");
  const word = useWord("platform");
  const { user } = useSession();
  return (
    <>
      <PageHeader title={t("menu.account")} name={t("menu.account")} meta={t("account.about")} />
      <div className="account">
        <Card title={t("account.person")}>
          <Facts
            items={[
              [t("account.name"), user.name],
              [t("account.login"), user.login],
              [t("account.email"), user.email],
              [
                t("account.roles"),
                <span key="r" className="row wrap">
                  {user.roles.map((role) => (
                    <Tag key={role}>{word("role", role)}</Tag>
                  ))}
                </span>,
              ],
            ]}
          />
        </Card>
        <Card title={t("account.password")}>
          <PasswordForm />
        </Card>
      </div>
    </>
  );
}

function PasswordForm() {
  const { t } = useTranslation("platform");
  const { user, signOut } = useSession();
  const [first, setFirst] = useState("");
  const [second, setSecond] = useState("");
  const save = useMutation({
    mutationFn: () => platform.setPassword(user.id, first),
    // The server has ended every session, this one too.
    onSuccess: () => signOut(),
  });
  const whyNot = first === "" ? t("account.empty") : first === second ? null : t("account.differs");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!whyNot) save.mutate();
  };
  return (
    <form className="stack tight" onSubmit={submit}>
      <p className="soft">{t("account.passwordText")}</p>
      <label htmlFor="password-new">{t("account.new")}</label>
      <Input.Password
        id="password-new"
        autoComplete="new-password"
        value={first}
        onChange={(event) => setFirst(event.target.value)}
      />
      <label htmlFor="password-repeat">{t("account.repeat")}</label>
      <Input.Password
        id="password-repeat"
        autoComplete="new-password"
        value={second}
        status={second !== "" && first !== second ? "error" : ""}
        onChange={(event) => setSecond(event.target.value)}
      />
      {save.error && <ErrorState error={save.error} />}
      <div>
        <ActionButton primary busy={save.isPending} whyNot={whyNot} onClick={() => save.mutate()}>
          {t("account.password")}
        </ActionButton>
      </div>
    </form>
  );
}
