import { theme as antdThemes, type ThemeConfig } from "antd";
import { fontMono, fontSans, palettes, type ThemeName } from "./tokens";

/** antd's theme from the same palette as the CSS variables. */
export function antdTheme(name: ThemeName, compact: boolean): ThemeConfig {
  const c = palettes[name];
  const base = name === "dark" ? antdThemes.darkAlgorithm : antdThemes.defaultAlgorithm;
  return {
    algorithm: compact ? [base, antdThemes.compactAlgorithm] : base,
    cssVar: { key: "rialto" },
    hashed: false,
    token: {
      colorPrimary: c.accent,
      colorLink: c.accent,
      colorLinkHover: c["accent-hover"],
      colorInfo: c.accent,
      colorSuccess: c.good,
      colorError: c.bad,
      colorWarning: c.warn,
      colorText: c.text,
      colorTextSecondary: c["text-soft"],
      colorTextTertiary: c["text-faint"],
      colorTextDescription: c["text-faint"],
      colorTextPlaceholder: c["text-faint"],
      colorTextLightSolid: c["on-accent"],
      colorBgLayout: c.canvas,
      colorBgContainer: c.surface,
      colorBgElevated: c["surface-raised"],
      colorBorder: c["line-strong"],
      colorBorderSecondary: c.line,
      colorBgMask: c.scrim,
      boxShadow: c.shadow,
      boxShadowSecondary: c.shadow,
      borderRadius: 6,
      fontSize: 13,
      fontFamily: fontSans,
      fontFamilyCode: fontMono,
      controlHeight: 30,
      wireframe: false,
      motionDurationMid: "0.12s",
      motionDurationSlow: "0.16s",
    },
    components: {
      Button: {
        fontWeight: 500,
        primaryShadow: "none",
        defaultShadow: "none",
        dangerShadow: "none",
      },
      Tabs: { horizontalMargin: "0", itemSelectedColor: c.text, itemColor: c["text-soft"] },
      Modal: { titleFontSize: 15 },
      Tooltip: { colorBgSpotlight: c.rail, colorTextLightSolid: c["rail-text-strong"] },
    },
  };
}
