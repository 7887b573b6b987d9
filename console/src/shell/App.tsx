import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { App as AntApp, ConfigProvider } from "antd";
import enUS from "antd/locale/en_US";
import zhCN from "antd/locale/zh_CN";
import { useEffect, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { createBrowserRouter, Navigate, RouterProvider } from "react-router";
import { setCsrfToken, whenSignedOut } from "@/api/client";
import type { UiConfig, User } from "@/api/contract";
import { platform } from "@/api/platform";
import { ApiError } from "@/api/problem";
import { SessionContext } from "@/api/session";
import { allowSingleKeys, installKeys } from "@/shared/keys";
import { antdTheme } from "@/shared/theme/antd";
import { usePreferences, useSystemDark } from "@/shared/theme/preferences";
import { ThemeContext } from "@/shared/theme/theme";
import { applyPalette } from "@/shared/theme/tokens";
import { CrashPage } from "./CrashPage";
import { Layout } from "./Layout";
import { LoginPage } from "./LoginPage";
import { nonce } from "./nonce";
import { NotFound } from "./NotFound";
import { homeOf, systemsOf } from "./systems";

function newQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 30_000,
        // Refusals do not get better by asking again; lost connections do.
        retry: (count, error) =>
          count < 2 && (!(error instanceof ApiError) || error.status === 0 || error.status >= 500),
        refetchOnWindowFocus: true,
      },
    },
  });
}

interface Props {
  config: UiConfig;
  initialUser: User | null;
}

/** Theme, language, session and routes around the pages. */
export function App({ config, initialUser }: Props) {
  const { i18n } = useTranslation();
  const preferences = usePreferences();
  const systemDark = useSystemDark();
  const theme =
    preferences.theme === "system" ? (systemDark ? "dark" : "light") : preferences.theme;
  const [client] = useState(newQueryClient);
  const [user, setUser] = useState(initialUser);

  useEffect(() => applyPalette(theme, document.documentElement), [theme]);
  useEffect(() => allowSingleKeys(preferences.singleKeys), [preferences.singleKeys]);
  useEffect(() => {
    document.documentElement.dataset.density = preferences.density;
  }, [preferences.density]);
  useEffect(() => {
    document.documentElement.dataset.rise = preferences.rise;
  }, [preferences.rise]);
  useEffect(() => installKeys(document), []);
  useEffect(() => {
    whenSignedOut(() => {
      setCsrfToken(null);
      client.clear();
      sessionStorage.clear();
      setUser(null);
    });
  }, [client]);

  const session = useMemo(
    () =>
      user && {
        user,
        config,
        signOut: async () => {
          // A session that has ended already answers 401: signed out all the same.
          await platform.signOut().catch(() => undefined);
          setCsrfToken(null);
          client.clear();
          sessionStorage.clear();
          setUser(null);
        },
      },
    [user, config, client],
  );
  const roles = (user?.roles ?? []).join(",");
  const router = useMemo(() => newRouter(config, roles.split(",")), [config, roles]);
  const antTheme = useMemo(
    () => antdTheme(theme, preferences.density === "compact"),
    [theme, preferences.density],
  );

  return (
    <ThemeContext.Provider value={theme}>
      <ConfigProvider
        theme={antTheme}
        locale={i18n.language === "en" ? enUS : zhCN}
        button={{ autoInsertSpace: false }}
        {...(nonce ? { csp: { nonce } } : {})}
      >
        <AntApp message={{ maxCount: 3 }} component={false}>
          <QueryClientProvider client={client}>
            {session ? (
              <SessionContext.Provider value={session}>
                <RouterProvider router={router} />
              </SessionContext.Provider>
            ) : (
              <LoginPage
                brand={config.brand}
                version={config.version}
                onSignedIn={(answer) => {
                  setCsrfToken(answer.csrf_token);
                  setUser(answer.user);
                }}
              />
            )}
          </QueryClientProvider>
        </AntApp>
      </ConfigProvider>
    </ThemeContext.Provider>
  );
}

function newRouter(config: UiConfig, roles: readonly string[]) {
  const systems = systemsOf(config.modules, roles);
  const home = homeOf(systems, roles);
  return createBrowserRouter([
    {
      path: "/",
      element: <Layout systems={systems} />,
      errorElement: <CrashPage />,
      children: [
        { index: true, element: <Navigate to={home} replace /> },
        { path: "login", element: <Navigate to={home} replace /> },
        ...systems.map((system) => ({
          path: `${system.name}/*`,
          element: <system.Routes />,
          errorElement: <CrashPage />,
        })),
        { path: "*", element: <NotFound /> },
      ],
    },
  ]);
}
