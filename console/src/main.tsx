import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { ApiError } from "@/api/problem";
import { platform } from "@/api/platform";
import { setCsrfToken } from "@/api/client";
import { closestLanguage, startI18n } from "@/i18n";
import { preferences } from "@/shared/theme/preferences";
import { applyPalette } from "@/shared/theme/tokens";
import "@/shared/theme/base.css";
import { App } from "@/shell/App";
import { installStyleNonce } from "@/shell/nonce";
import { StartFailed } from "@/shell/StartFailed";

function initialTheme(): "light" | "dark" {
  const { theme } = preferences();
  if (theme !== "system") return theme;
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

async function start(): Promise<void> {
  const host = document.getElementById("root");
  if (!host) return;
  installStyleNonce(document);
  applyPalette(initialTheme(), document.documentElement);
  const root = createRoot(host);
  try {
    const [config, session] = await Promise.all([
      platform.config(),
      platform.session().catch((error: unknown) => {
        if (error instanceof ApiError && error.status === 401) return null;
        throw error;
      }),
    ]);
    setCsrfToken(session?.csrf_token ?? null);
    const language =
      closestLanguage(preferences().language) ??
      closestLanguage(session?.user.locale) ??
      closestLanguage(navigator.language) ??
      closestLanguage(config.locale) ??
      "zh-CN";
    await startI18n(language, [...config.modules.map((module) => module.name), "platform"]);
    root.render(
      <StrictMode>
        <App config={config} initialUser={session?.user ?? null} />
      </StrictMode>,
    );
  } catch (error) {
    await startI18n(closestLanguage(navigator.language) ?? "zh-CN", []);
    root.render(<StartFailed error={error} />);
  }
}

void start();
