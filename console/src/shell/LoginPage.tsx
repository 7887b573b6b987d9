import { useMutation } from "@tanstack/react-query";
import { Button, Input } from "antd";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { SessionAnswer } from "@/api/contract";
import { platform } from "@/api/platform";
import { useErrorText } from "@/shared/states";
import { Icon } from "@/shared/ui";
import { AppearanceMenu } from "./AppearanceMenu";
import { Wordmark } from "./Wordmark";
import "./login.css";

interface Props {
  brand: string;
  version: string;
  onSignedIn: (answer: SessionAnswer) => void;
}

/** Sign-in with name and password, or with a one-time link (`/login?link=…`). */
export function LoginPage({ brand, version, onSignedIn }: Props) {
  const { t } = useTranslation();
  const link = new URLSearchParams(window.location.search).get("link");
  useEffect(() => {
    document.title = `${t("login.title")} · ${brand}`;
  }, [t, brand]);
  return (
    <div className="login">
      <aside className="login-side">
        <Wordmark />
        <div className="login-claim">
          <p>{t("login.claim")}</p>
          <ul>
            <li>{t("login.point1")}</li>
            <li>{t("login.point2")}</li>
            <li>{t("login.point3")}</li>
          </ul>
        </div>
        <p className="login-version">
          {brand} {version}
        </p>
      </aside>
      <main className="login-main">
        <div className="login-tools">
          <AppearanceMenu />
        </div>
        {link ? (
          <RedeemForm link={link} onSignedIn={onSignedIn} />
        ) : (
          <PasswordForm onSignedIn={onSignedIn} />
        )}
      </main>
    </div>
  );
}

function PasswordForm({ onSignedIn }: { onSignedIn: (answer: SessionAnswer) => void }) {
  const { t } = useTranslation();
  const [login, setLogin] = useState("");
  const [password, setPassword] = useState("");
  const [missing, setMissing] = useState(false);
  const signIn = useMutation({
    mutationFn: () => platform.signIn(login.trim(), password),
    onSuccess: onSignedIn,
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const isMissing = login.trim() === "" || password === "";
    setMissing(isMissing);
    if (!isMissing) signIn.mutate();
  };
  return (
    <form className="login-form" onSubmit={submit} noValidate>
      <h1>{t("login.title")}</h1>
      <label htmlFor="login-name">{t("login.name")}</label>
      <Input
        id="login-name"
        size="large"
        autoFocus
        autoComplete="username"
        value={login}
        onChange={(event) => setLogin(event.target.value)}
      />
      <label htmlFor="login-password">{t("login.password")}</label>
      <Input.Password
        id="login-password"
        size="large"
        autoComplete="current-password"
        value={password}
        onChange={(event) => setPassword(event.target.value)}
      />
      {missing ? <LoginError text={t("login.missing")} /> : <Failure error={signIn.error} />}
      <Button type="primary" size="large" htmlType="submit" loading={signIn.isPending} block>
        {t("login.submit")}
      </Button>
      <p className="faint">{t("login.help")}</p>
    </form>
  );
}

function RedeemForm({
  link,
  onSignedIn,
}: {
  link: string;
  onSignedIn: (a: SessionAnswer) => void;
}) {
  const { t } = useTranslation();
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => button.current?.focus(), []);
  const redeem = useMutation({
    mutationFn: () => platform.redeem(link),
    onSuccess: (answer) => {
      // The link is used up: it does not stay in the address or the history.
      window.history.replaceState(null, "", "/");
      onSignedIn(answer);
    },
  });
  return (
    <div className="login-form">
      <h1>{t("login.linkTitle")}</h1>
      <p className="soft">{t("login.linkText")}</p>
      <Failure error={redeem.error} />
      <Button
        ref={button}
        type="primary"
        size="large"
        loading={redeem.isPending}
        onClick={() => redeem.mutate()}
        block
      >
        {t("login.linkSubmit")}
      </Button>
      <a href="/login">{t("login.withPassword")}</a>
    </div>
  );
}

function Failure({ error }: { error: unknown }) {
  const text = useErrorText();
  if (!error) return null;
  const { title, detail, cure } = text(error);
  return <LoginError text={[title, detail, cure].filter(Boolean).join(" · ")} />;
}

function LoginError({ text }: { text: string }) {
  return (
    <p className="login-error" role="alert">
      <Icon name="warning" />
      <span>{text}</span>
    </p>
  );
}
